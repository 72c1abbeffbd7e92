"""The emitters, built-in and of installed distributions, and the artifacts that they generate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.artifact import Artifact, Emitter
from tarmak_iam.emit.backend_objects import BACKEND_OBJECTS, CONFIGMAP, CRD
from tarmak_iam.emit.daemonset import DAEMONSET
from tarmak_iam.emit.flags import FLAGS
from tarmak_iam.emit.kubeconfig import KUBECONFIG
from tarmak_iam.emit.kubernetes_objects import (
    ObjectKey,
    garbled,
    in_apply_order,
    object_key,
    object_text,
    well_formed,
    with_checksum,
)
from tarmak_iam.emit.kustomization import RESERVED, is_safe_name, kustomization, object_files
from tarmak_iam.emit.rbac import RBAC
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation
from tarmak_iam.plugins import OWN, Provided, check_unique, provided

GROUP = "tarmak_iam.emitters"
"""The entry-point group; each of its entry points is an `Emitter`."""

EMITTERS = (FLAGS, CRD, RBAC, CONFIGMAP, *BACKEND_OBJECTS, DAEMONSET, KUBECONFIG)
"""The built-in emitters; `load_emitters` adds those of plugins."""

_MODES = range(0o600, 0o777 + 1)


def load_emitters() -> tuple[Emitter, ...]:
    """The built-in emitters, then those of installed distributions by the names of their entry points.

    Raises ConfigError, which names the distributions, for one that cannot be loaded, is not an Emitter, or has the
    name of another one.
    """
    return tuple(emitter.value for emitter in _installed())


def manifests(installation: Installation) -> list[Manifest]:
    """The Kubernetes objects of all emitters that are not skipped, in apply order.

    Raises ConfigError for an object that cannot be generated or is not valid, and for one that two emitters return.
    """
    return objects(installation)[0]


def objects(installation: Installation) -> tuple[list[Manifest], list[tuple[str, ConfigError]]]:
    """As `manifests`, with the names of skipped emitters of objects and the reasons."""
    installation.check_masters()
    there, left_out = _sorted_out(installation, (emitter for emitter in _installed() if emitter.value.makes_objects))
    return [manifest for manifest, _ in _objects(installation, there)], left_out


def render(installation: Installation) -> tuple[list[Artifact], list[tuple[str, ConfigError]]]:
    """All files of a directory for `kubectl apply -k`, and the names of skipped emitters with the reasons.

    First the files of the emitters, then the objects in apply order, one per file, and last the kustomization.yaml that
    lists them. Raises ConfigError as `manifests` does, and for file names that are unsafe or used twice.
    """
    installation.check_masters()
    there, left_out = _sorted_out(installation, _installed())
    files = [(artifact, _whose(maker)) for maker in there for artifact in _files(installation, maker)]
    made = _objects(installation, there)
    names = object_files(manifest for manifest, _ in made)
    files += [
        (Artifact(name, yaml_bytes(manifest)), whose) for name, (manifest, whose) in zip(names, made, strict=True)
    ]
    makers: dict[str, str] = {}
    for artifact, whose in files:
        name = artifact.name.lower()  # on a file system that ignores case, two spellings are the same file
        if name in makers:
            raise _twice(f"the file {artifact.name}", makers[name], whose)
        makers[name] = whose
    return [*(artifact for artifact, _ in files), kustomization(names)], left_out


def _installed() -> list[Provided[Emitter]]:
    emitters = [Provided(emitter, OWN) for emitter in EMITTERS] + provided(GROUP, Emitter)
    check_unique("emitter", [(maker.value.name, maker.origin) for maker in emitters])
    return emitters


def _whose(maker: Provided[Emitter]) -> str:
    return f"the emitter {maker.value.name} of {maker.origin}"


def _call(maker: Provided[Emitter], function: Callable[..., Any], *args: Any) -> Any:
    return maker.call(f"the emitter {maker.value.name}", function, *args)


def _sorted_out(
    installation: Installation, emitters: Iterable[Provided[Emitter]]
) -> tuple[list[Provided[Emitter]], list[tuple[str, ConfigError]]]:
    """The emitters that are not skipped, and the names of the others with the reasons."""
    there: list[Provided[Emitter]] = []
    left_out: list[tuple[str, ConfigError]] = []
    for emitter in emitters:
        reason = _call(emitter, emitter.value.missing, installation)
        if reason is None:
            there.append(emitter)
        elif isinstance(reason, ConfigError):
            left_out.append((emitter.value.name, reason))
        else:
            raise _misfit(emitter, f"a {type(reason).__name__} as the reason to skip it, not a ConfigError")
    return there, left_out


def _objects(installation: Installation, emitters: Iterable[Provided[Emitter]]) -> list[tuple[Manifest, str]]:
    """In apply order, each with the emitter that generates it."""
    made: dict[ObjectKey, tuple[Manifest, str]] = {}
    for maker in emitters:
        for value in _call(maker, lambda emitter: tuple(emitter.objects(installation)), maker.value):
            try:
                manifest = with_checksum(well_formed(value))
            except TypeError as error:
                raise _misfit(maker, str(error)) from None
            key = object_key(manifest)
            if key in made:
                raise _twice(f"the object {object_text(key)}", made[key][1], _whose(maker))
            text = garbled(manifest)
            if text is not None:
                what = (
                    f"{object_text(key)} contains {text[:200]!r}: `kubectl apply -k` would change its control character"
                )
                raise ConfigError(what, remedy="remove the control character")
            made[key] = manifest, _whose(maker)
    return [made[object_key(manifest)] for manifest in in_apply_order(manifest for manifest, _ in made.values())]


def _files(installation: Installation, maker: Provided[Emitter]) -> list[Artifact]:
    made: tuple[Any, ...] = _call(maker, lambda emitter: tuple(emitter.files(installation)), maker.value)
    for artifact in made:
        reason = _flaw(artifact)
        if reason:
            raise _misfit(maker, reason)
    return list(made)


def _flaw(artifact: Any) -> str | None:
    """Why the artifact cannot be a file of the directory; None if it can."""
    if not isinstance(artifact, Artifact):
        return f"a {type(artifact).__name__} instead of an Artifact"
    name, data, mode = (getattr(artifact, field) for field in ("name", "data", "mode"))
    if not isinstance(name, str) or not is_safe_name(name) or name.lower() in RESERVED:
        return f"a file named {name!r}, which is not a plain file name or is reserved"
    if not isinstance(data, bytes):
        return f"the file {name} with a {type(data).__name__} instead of bytes"
    shown = oct(mode) if isinstance(mode, int) else repr(mode)
    return None if mode in _MODES else f"the file {name} with the mode {shown} instead of one like 0o644"


def _misfit(maker: Provided[Emitter], what: str) -> ConfigError:
    remedy = "report it to the authors of the plugin that provides it"
    return ConfigError(f"{_whose(maker)} returns {what}", remedy=remedy)


def _twice(what: str, first: str, second: str) -> ConfigError:
    by = f"twice by {first}" if first == second else f"by {first} and by {second}"
    return ConfigError(f"{what} is generated {by}", remedy="remove one of them")
