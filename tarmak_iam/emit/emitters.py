"""The emitters, built-in and of installed distributions, the artifacts that they generate, and the flags of the API
server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tarmak_iam.config.api_server import WEBHOOK_FLAG
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.emit.artifact import Artifact, Emitter
from tarmak_iam.emit.backend_objects import BACKEND_OBJECTS, CONFIGMAP, CRD, RBAC
from tarmak_iam.emit.daemonset import DAEMONSET
from tarmak_iam.emit.directory import RESERVED, is_safe_name, kustomization, object_files
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
from tarmak_iam.errors import ConfigError
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.installation.installation import Installation
from tarmak_iam.plugins import OWN, Provided, check_unique, provided


def webhook_args(installation: Installation) -> list[str]:
    """The API server's webhook flags, as Tarmak's Puppet sets them: none for a hub, nor without awsIAMAuthenticatorInit
    and authTokenWebhookFile. Raises ConfigError for a file name that would not reach the API server unchanged."""
    path = None if installation.is_hub else installation.safe_webhook_file()
    return [] if path is None else [f"--{WEBHOOK_FLAG}={path}"]


def webhook_hieradata(installation: Installation) -> list[str]:
    """The lines of hieradata that set these flags. Raises ConfigError as `webhook_args` does."""
    return installation.cluster.hieradata() if webhook_args(installation) else []


def _flags_file(installation: Installation) -> tuple[Artifact, ...]:
    return (Artifact("flags.txt", "".join(f"{arg}\n" for arg in webhook_args(installation)).encode()),)


GROUP = "tarmak_iam.emitters"
"""The entry-point group; each of its entry points is an `Emitter`."""

FLAGS = Emitter("flags", files=_flags_file)
EMITTERS = (FLAGS, CRD, RBAC, CONFIGMAP, *BACKEND_OBJECTS, DAEMONSET, KUBECONFIG)
"""The built-in emitters; `load_emitters` adds those of plugins."""

_Skipped = list[tuple[str, ConfigError]]


def load_emitters() -> tuple[Emitter, ...]:
    """The built-in emitters, then those of installed distributions by the names of their entry points. Raises
    ConfigError, which names the distributions, for one that cannot be loaded, is not an Emitter, or has a name that is
    used already."""
    return tuple(emitter.value for emitter in _installed())


def manifests(installation: Installation) -> list[Manifest]:
    """The Kubernetes objects of all emitters that are not skipped, in apply order. Raises ConfigError for an object
    that cannot be generated or is not valid, and for one that two emitters return."""
    return objects(installation)[0]


def objects(installation: Installation) -> tuple[list[Manifest], _Skipped]:
    """As `manifests`, with the names of skipped emitters of objects and the reasons."""
    makers, skipped = _makers(installation, (maker for maker in _installed() if maker.value.makes_objects))
    return [manifest for manifest, _ in _objects(installation, makers)], skipped


def render(installation: Installation) -> tuple[list[Artifact], list[tuple[str, ConfigError]]]:
    """All files of a directory for `kubectl apply -k`, and the names of skipped emitters with the reasons: the files of
    the emitters, the objects in apply order, one per file, and last the kustomization.yaml that lists them. Raises
    ConfigError as `manifests` does, and for file names that are unsafe or used twice."""
    makers, skipped = _makers(installation, _installed())
    files = [
        (artifact, _whose(maker)) for maker in makers for artifact in _call(maker, maker.value.files, installation)
    ]
    made = _objects(installation, makers)
    names = object_files(manifest for manifest, _ in made)
    files += [
        (Artifact(name, yaml_bytes(manifest)), whose) for name, (manifest, whose) in zip(names, made, strict=True)
    ]
    by_name: dict[str, str] = {}
    for artifact, whose in files:
        flaw = _flaw(artifact)
        if flaw:
            raise _misfit(whose, flaw)
        name = artifact.name.lower()  # on a file system that ignores case, two spellings are the same file
        if name in by_name:
            raise _twice(f"the file {artifact.name}", by_name[name], whose)
        by_name[name] = whose
    return [*(artifact for artifact, _ in files), kustomization(names)], skipped


def _installed() -> list[Provided[Emitter]]:
    emitters = [Provided(emitter, OWN) for emitter in EMITTERS] + provided(GROUP, Emitter)
    check_unique("emitter", [(maker.value.name, maker.origin) for maker in emitters])
    return emitters


def _makers(
    installation: Installation, emitters: Iterable[Provided[Emitter]]
) -> tuple[list[Provided[Emitter]], _Skipped]:
    """The emitters that are not skipped, and the names of the others with the reasons."""
    installation.check_masters()
    makers, skipped = list[Provided[Emitter]](), _Skipped()
    for maker in emitters:
        name = maker.value.name
        reason = maker.call(f"the emitter {name}", maker.value.missing, installation)
        if reason is None:
            makers.append(maker)
        elif isinstance(reason, ConfigError):
            skipped.append((name, reason))
        else:
            raise _misfit(_whose(maker), f"a {type(reason).__name__} as the reason to skip it, not a ConfigError")
    return makers, skipped


def _whose(maker: Provided[Emitter]) -> str:
    return f"the emitter {maker.value.name} of {maker.origin}"


def _call(maker: Provided[Emitter], function: Callable[[Installation], Any], installation: Installation) -> Any:
    return maker.call(f"the emitter {maker.value.name}", lambda: tuple(function(installation)))


def _objects(installation: Installation, emitters: Iterable[Provided[Emitter]]) -> list[tuple[Manifest, str]]:
    """In apply order, each with the emitter that generates it."""
    made: dict[ObjectKey, tuple[Manifest, str]] = {}
    for maker in emitters:
        whose = _whose(maker)
        for value in _call(maker, maker.value.objects, installation):
            try:
                manifest = with_checksum(well_formed(value))
            except TypeError as error:
                raise _misfit(whose, str(error)) from None
            key = object_key(manifest)
            if key in made:
                raise _twice(f"the object {object_text(key)}", made[key][1], whose)
            text = garbled(manifest)
            if text is not None:
                changed = "`kubectl apply -k` would change its control character"
                what = f"{object_text(key)} contains {text[:200]!r}: {changed}"
                raise ConfigError(what, remedy="remove the control character")
            made[key] = manifest, whose
    return [made[object_key(manifest)] for manifest in in_apply_order(manifest for manifest, _ in made.values())]


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
    return (
        None if mode in range(0o600, 0o777 + 1) else f"the file {name} with the mode {shown} instead of one like 0o644"
    )


def _misfit(whose: str, what: str) -> ConfigError:
    return ConfigError(f"{whose} returns {what}", remedy="report it to the authors of the plugin that provides it")


def _twice(what: str, first: str, second: str) -> ConfigError:
    by = f"twice by {first}" if first == second else f"by {first} and by {second}"
    return ConfigError(f"{what} is generated {by}", remedy="remove one of them")
