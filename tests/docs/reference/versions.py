"""The tables of docs/reference/versions.md: what is generated for which release, found by generating it.

The text between them is written by hand, except for the sentences about the newest release; a table is known by its
head.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any, TypeVar

from tarmak_iam.config.kubernetes_versions import NEWEST_KUBERNETES
from tarmak_iam.emit import Manifest, manifests
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.identity.advisories import all_advisories
from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS, backend_of
from tarmak_iam.identity.releases import (
    NEWEST,
    NEWEST_READ,
    DaemonVersion,
    known_partitions,
    known_releases,
    recorded_items,
    spans_text,
    text_of_spans,
)
from tarmak_iam.installation.images import DEFAULT_IMAGE, Image, published_image
from tarmak_iam.kubeconfig.exec_plugin import exec_plugin
from tests.docs.reference.markdown import prose, table
from tests.support import ROOT
from tests.support.installations import MAPPINGS, installation

__all__ = ["versions"]

T = TypeVar("T")
Row = tuple[str, ...]

_KUBERNETES = [(1, minor) for minor in range(9, NEWEST_KUBERNETES[1] + 1)]
_MOUNTED, _MAP, _CRD = "MountedFile", "EKSConfigMap", "CRD"
_COMBINATIONS = [[_MOUNTED], [_MAP], [_CRD], [_MOUNTED, _MAP], [_MOUNTED, _CRD], [_MOUNTED, _MAP, _CRD]]
_ACCOUNT = f"{MAPPINGS}  mapAccounts: ['444455556666']\n"
_SSO = f"""{MAPPINGS}  - sso: {{permissionSetName: Admin, accountID: "111122223333"}}
    username: sso
    groups: []
"""
_GATE = {"featureGates": {"SSORoleMatch": True}}
_SSO_OLD, _SSO_NEW = ({"mappings": _SSO, "daemonVersion": version} for version in ("v0.6.20", "v0.7.9"))
_REFUSED: dict[str, dict[str, Any]] = {
    "Kubernetes below 1.9": {"kubernetesVersion": "1.8.15"},
    "the backend CRD below Kubernetes 1.11": {"kubernetesVersion": "1.10.13", "backends": ["CRD"]},
    "backends with v0.4.0": {"daemonVersion": "v0.4.0", "backends": ["EKSConfigMap"]},
    "accounts without a backend that supports them": {"backends": ["CRD"], "mappings": _ACCOUNT},
    "SSO entries with a release without the feature gate": _SSO_OLD,
    "SSO entries without the feature gate": _SSO_NEW,
    "SSO entries without a backend that supports them": {**_SSO_NEW, **_GATE, "backends": ["CRD"]},
    "a feature gate that the release does not have": {"daemonVersion": "v0.6.20", **_GATE},
    "feature gates with v0.4.0": {"daemonVersion": "v0.4.0", **_GATE},
}
"""Everything that is refused for its versions, in one sentence of the program's own."""


def versions() -> str:
    text = (ROOT / "docs" / "reference" / "versions.md").read_text(encoding="utf-8")
    assumed = (
        f"the newest whose source was read is {NEWEST_READ}. Later releases are assumed to behave like {NEWEST_READ}:"
    )
    text, count = re.subn(
        "^The newest release is .*? like v[0-9.]+:",
        f"The newest release is {NEWEST}; {assumed}",
        text,
        flags=re.MULTILINE,
    )
    assert count == 1
    for head, rows in _TABLES.items():
        cells = tuple(cell.strip() for cell in head.split("|"))
        old = re.compile(rf"^\| {re.escape(' | '.join(cells))} \|\n(?:\|.*\n)*", re.MULTILINE)
        (found,) = old.finditer(text)
        text = f"{text[: found.start()]}{table(cells, rows())}\n{text[found.end() :]}"
    return text


def _kubernetes_row(version: tuple[int, int]) -> Row:
    pod = _daemonset({}, version)["spec"]["template"]
    spec, annotations = pod["spec"], pod["metadata"]["annotations"]
    labels = list(spec.get("nodeSelector") or ())
    for terms in spec.get("affinity", {}).get("nodeAffinity", {}).values():
        labels += [each["matchExpressions"][0]["key"] for each in terms["nodeSelectorTerms"]]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    critical = f"the class `{spec.get('priorityClassName')}`"
    if "priorityClassName" not in spec:
        critical = next(f"the annotation `{name.rpartition('/')[2]}`" for name in annotations if "critical-pod" in name)
    if "securityContext" in spec:
        seccomp = f"the field: `{spec['securityContext']['seccompProfile']['type']}`"
    else:
        seccomp = next(f"the annotation: `{value}`" for name, value in annotations.items() if "seccomp" in name)
    objects = _made({"backends": list(WRITABLE_BACKENDS)}, version) if version >= (1, 11) else []
    definition = [_code(each["apiVersion"]) for each in objects if each["kind"] == "CustomResourceDefinition"]
    return " or ".join(map(_code, labels)), critical, seccomp, *(definition or ["refused"])


def _kubectl_row(version: tuple[int, int]) -> Row:
    try:
        made = exec_plugin(installation(kubectlVersion=f"{_dotted(version)}.0"))
    except TarmakIamError as error:
        return prose(error.message), "", ""
    given = ("yes" if key in made else "" for key in ("installHint", "interactiveMode"))
    return (_code(made["apiVersion"]), *given)


def _daemon_row(version: DaemonVersion) -> Row:
    container = _container(version)
    assert container["securityContext"]["runAsUser"] == 0
    flag = next((each for each in container["args"] if each.startswith("--backend-mode")), "")
    memory = [container["resources"][kind]["memory"] for kind in ("requests", "limits")]
    probes = "`/healthz`" if "livenessProbe" in container else ""
    asks = "yes" if version.has_flag("server --backend-mode") else "no"
    return asks, _code(flag), probes, " to ".join(memory), ", ".join(known_partitions(version))


@cache
def _container(version: DaemonVersion) -> dict[str, Any]:
    made = _daemonset({"daemonVersion": str(version)})
    found: dict[str, Any] = made["spec"]["template"]["spec"]["containers"][0]
    return found


def _advisories() -> Iterator[Row]:
    for flaw in all_advisories():
        releases, condition = text_of_spans(flaw.releases), flaw.condition or "none"
        yield f"[{flaw.id}]({flaw.source})", releases, condition, flaw.effect, str(flaw.fixed)


def _backends() -> Iterator[Row]:
    for backend in WRITABLE_BACKENDS:

        def takes(version: DaemonVersion, backend: str = backend) -> bool:
            try:
                return bool(installation(daemonVersion=str(version), backends=[backend]).payloads)
            except TarmakIamError:
                return False

        carried = (backend_of(backend).carries(kind) for kind in ("role", "user", "account", "sso"))
        runs = [[*map(str, group)] for is_taken, group in groupby(known_releases(), takes) if is_taken]
        yield _code(backend), *("yes" if is_it else "refused" for is_it in carried), prose(", ".join(map(_span, runs)))


def _gates() -> Iterator[Row]:
    for item in recorded_items():
        if item.startswith("feature gate "):
            name, _, rest = item.removeprefix("feature gate ").partition(" ")
            yield f"{_code(name)} {rest}", spans_text(item)


def _refusal(*, mappings: str = MAPPINGS, **overrides: Any) -> str:
    try:
        manifests(installation(mappings=mappings, **overrides))
    except TarmakIamError as error:
        return error.message
    raise AssertionError(f"{overrides} is not refused")


def _tags() -> Iterator[Row]:
    default = Image.parse(DEFAULT_IMAGE).tag
    for release in map(str, known_releases()):
        tag = Image.parse(published_image("public", release)).tag
        if tag != default or tag.startswith(f"{release}-"):
            yield release, _code(tag)


def _items(prefix: str) -> Callable[[], Iterator[Row]]:
    """All else that was read off the releases' sources."""

    def rows() -> Iterator[Row]:
        for name in recorded_items():
            if name.startswith(prefix):
                yield _code(name.removeprefix(prefix).removeprefix("root (persistent) ")), spans_text(name)

    return rows


def _objects() -> Iterator[Row]:
    for backends in _COMBINATIONS:
        kinds = dict.fromkeys(made["kind"] for made in _made({"backends": backends}))
        yield ", ".join(map(_code, backends)), ", ".join(kinds)


def _daemonset(overrides: dict[str, Any], version: tuple[int, int] = (1, 12)) -> Manifest:
    return next(each for each in _made(overrides, version) if each["kind"] == "DaemonSet")


def _made(overrides: dict[str, Any], version: tuple[int, int] = (1, 12)) -> list[Manifest]:
    return manifests(installation(kubernetesVersion=f"{_dotted(version)}.0", **overrides))


def _grouped(items: Iterable[T], row: Callable[[T], Hashable], name: Callable[[T], str] = str) -> Iterator[Row]:
    """Consecutive items that have the same row share it."""
    for value, group in groupby(items, key=row):
        yield (_span([name(each) for each in group]), *value)  # type: ignore[misc]  # a row, which is hashable


def _span(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


_TABLES: dict[str, Callable[[], Iterable[Row]]] = {
    "Kubernetes | nodes with the label | critical by | seccomp profile by | CustomResourceDefinition": lambda: _grouped(
        _KUBERNETES, _kubernetes_row, _dotted
    ),
    "kubectl | `exec` of | `installHint` | `interactiveMode`": lambda: _grouped(_KUBERNETES, _kubectl_row, _dotted),
    "authenticator | queries its cluster | flag for the backends | probes | memory | partitions": lambda: _grouped(
        known_releases(), _daemon_row
    ),
    "advisory | releases | condition | effect | fixed in": _advisories,
    "backend | roles | users | accounts | SSO permission sets | releases": _backends,
    "backends | objects, in apply order": _objects,
    "gate | releases": _gates,
    "combination | message": lambda: ((prose(text), prose(_refusal(**given))) for text, given in _REFUSED.items()),
    "authenticator | tag": _tags,
    "flags | releases": _items("flag "),
    "keys | releases": _items("config key "),
    "templates | releases": _items("template "),
    "extra | releases": _items("extra key "),
}
