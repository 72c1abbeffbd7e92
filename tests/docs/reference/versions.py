"""docs/reference/versions.md: what is made for which release, found by making it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, TypeVar

from tarmak_iam.config.kubernetes_versions import NEWEST_KUBERNETES
from tarmak_iam.emit import Manifest, manifests
from tarmak_iam.emit import daemonset as eras
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.identity.backend_support import WRITABLE_BACKENDS, backend_of
from tarmak_iam.identity.releases import (
    DEFAULT_RELEASE,
    NEWEST,
    NEWEST_READ,
    DaemonVersion,
    known_partitions,
    known_releases,
    recorded_items,
    spans_text,
)
from tarmak_iam.installation.images import DEFAULT_IMAGE, Image, published_image
from tarmak_iam.kubeconfig.exec_plugin import exec_plugin
from tests.docs.reference.markdown import fenced, prose, table
from tests.support.installations import MAPPINGS, installation

__all__ = ["versions"]

T = TypeVar("T")

_HEAD = """\
Written from the program itself: what `manifests` and `kubeconfig` make is made for every release, and releases with the
same result share a row."""

_KUBERNETES = [(1, minor) for minor in range(9, NEWEST_KUBERNETES[1] + 1)]
_COMBINATIONS = (
    ("MountedFile",),
    ("EKSConfigMap",),
    ("CRD",),
    ("MountedFile", "EKSConfigMap"),
    ("MountedFile", "CRD"),
    ("MountedFile", "EKSConfigMap", "CRD"),
)
_ACCOUNT = f"{MAPPINGS}  mapAccounts: ['444455556666']\n"
_SSO = f"""{MAPPINGS}  - sso: {{permissionSetName: Admin, accountID: "111122223333"}}
    username: sso
    groups: []
"""
# Everything that is refused for its versions, in one sentence of the program's own.
_REFUSED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("Kubernetes below 1.9", {"kubernetesVersion": "1.8.15"}),
    ("the backend CRD below Kubernetes 1.11", {"kubernetesVersion": "1.10.13", "backends": ["CRD"]}),
    ("backends with v0.4.0", {"daemonVersion": "v0.4.0", "backends": ["EKSConfigMap"]}),
    ("accounts without a backend that admits them", {"backends": ["CRD"], "mappings": _ACCOUNT}),
    ("SSO entries with a release without the gate", {"daemonVersion": "v0.6.20", "mappings": _SSO}),
    ("SSO entries without the gate", {"daemonVersion": "v0.7.9", "mappings": _SSO}),
    (
        "SSO entries without a backend that has them",
        {"daemonVersion": "v0.7.9", "mappings": _SSO, "backends": ["CRD"], "featureGates": {"SSORoleMatch": True}},
    ),
    (
        "a gate that the release does not have",
        {"daemonVersion": "v0.6.20", "featureGates": {"SSORoleMatch": True}},
    ),
    ("gates with v0.4.0", {"daemonVersion": "v0.4.0", "featureGates": {"SSORoleMatch": True}}),
)


def versions() -> str:
    parts = [
        "# Versions",
        _HEAD,
        *_kubernetes(),
        *_clients(),
        *_daemons(),
        *_backends(),
        *_refusals(),
        *_images(),
        *_items(),
    ]
    return "\n\n".join(parts) + "\n"


def _kubernetes() -> Iterator[str]:
    yield "## Kubernetes"
    rows = _grouped(_KUBERNETES, _row_of_kubernetes)
    yield table(
        (
            "Kubernetes",
            "nodes with the label",
            "critical by",
            "seccomp profile by",
            "CustomResourceDefinition",
        ),
        [(_span([_dotted(each) for each in group]), *row) for group, row in rows],
    )
    kinds = {each["kind"]: each["apiVersion"] for each in _made({"backends": list(WRITABLE_BACKENDS)}, (1, 30))}
    kept = "; ".join(f"`{api}` {kind}" for kind, api in kinds.items() if kind != "CustomResourceDefinition")
    why = "since an API server runs on a master whatever taints it has"
    yield f"Every taint is tolerated, {why}. The same for all: {kept}."
    yield "### Policies"
    yield from map(prose, (eras.__doc__ or "").strip().split("\n\n")[2:])


def _row_of_kubernetes(version: tuple[int, int]) -> tuple[str, ...]:
    pod = _daemonset({}, version)["spec"]["template"]
    has_objects = version >= (1, 11)
    objects = _made({"backends": list(WRITABLE_BACKENDS)}, version) if has_objects else []
    definition = next((each["apiVersion"] for each in objects if each["kind"] == "CustomResourceDefinition"), "")
    return (_placement(pod["spec"]), _priority(pod), _seccomp(pod), f"`{definition}`" if definition else "refused")


def _placement(spec: dict[str, Any]) -> str:
    labels = list(spec.get("nodeSelector") or ())
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    for terms in affinity.values():
        labels += [each["matchExpressions"][0]["key"] for each in terms["nodeSelectorTerms"]]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    return " or ".join(map(_code, labels))


def _priority(pod: dict[str, Any]) -> str:
    if "priorityClassName" in pod["spec"]:
        return f"the class `{pod['spec']['priorityClassName']}`"
    name = next(name for name in pod["metadata"]["annotations"] if name.endswith("critical-pod"))
    return f"the annotation `{name.rpartition('/')[2]}`"


def _seccomp(pod: dict[str, Any]) -> str:
    if "securityContext" in pod["spec"]:
        return f"the field: `{pod['spec']['securityContext']['seccompProfile']['type']}`"
    value = next(value for name, value in pod["metadata"]["annotations"].items() if "seccomp" in name)
    return f"the annotation: `{value}`"


def _clients() -> Iterator[str]:
    yield "## kubectl"
    yield prose(
        "What a kubeconfig says to kubectl. Without the setting `kubectlVersion` it is made for 1.11 and later: "
        "an older kubectl passes over fields that it does not know."
    )
    rows = _grouped(_KUBERNETES, _row_of_kubectl)
    listed = [(_span([_dotted(each) for each in group]), *row) for group, row in rows]
    yield table(("kubectl", "`exec` of", "`installHint`", "`interactiveMode`"), listed)


def _row_of_kubectl(version: tuple[int, int]) -> tuple[str, ...]:
    try:
        made = exec_plugin(installation(kubectlVersion=f"{_dotted(version)}.0"))
    except TarmakIamError as error:
        return prose(error.message), "", ""
    given = ("yes" if key in made else "" for key in ("installHint", "interactiveMode"))
    return (_code(made["apiVersion"]), *given)


def _daemons() -> Iterator[str]:
    yield "## The authenticator"
    yield prose(
        "The daemon's releases by what is made for them. All run as user 0, to whom alone Tarmak's init unit leaves "
        "the key on the masters; everything else that root could do is taken away."
    )
    yield prose(
        f"The newest release is {NEWEST}; the newest whose source was read is {NEWEST_READ}. {NEWEST_READ}'s behaviour "
        "is assumed for the releases after it: `check` reports them (IAM024), and `whois` adds a note. Upstream's "
        "commits between v0.7.18 and v0.7.19 change dependencies, the Go release and the README only. Of v0.7.20 and "
        "v0.7.21, only the version is known."
    )
    yield prose(
        "A release that is in none of the rows is taken as the last one before it, and reported in the same way."
    )
    rows = _grouped(known_releases(), _row_of_daemon)
    header = ("authenticator", "asks its cluster", "flag of the backends", "probes", "memory", "partitions")
    yield table(header, [(_span([str(each) for each in group]), *row) for group, row in rows])
    assert {_container(each)["securityContext"]["runAsUser"] for each in known_releases()} == {0}


def _row_of_daemon(version: DaemonVersion) -> tuple[str, ...]:
    has_backends = version.has_flag("server --backend-mode")
    spec = _container(version)
    flag = next((each for each in spec["args"] if each.startswith("--backend-mode")), "")
    resources = spec["resources"]
    memory = f"{resources['requests']['memory']} to {resources['limits']['memory']}"
    probes = "`/healthz`" if "livenessProbe" in spec else ""
    partitions = ", ".join(known_partitions(version))
    return "yes" if has_backends else "no", _code(flag), probes, memory, partitions


def _container(version: DaemonVersion) -> dict[str, Any]:
    made = _daemonset({"daemonVersion": str(version)})
    found: dict[str, Any] = made["spec"]["template"]["spec"]["containers"][0]
    return found


def _backends() -> Iterator[str]:
    yield "## Backends"
    kinds = (("role", "roles"), ("user", "users"), ("account", "accounts"), ("sso", "SSO permission sets"))
    rows = [
        (
            _code(each),
            *("yes" if backend_of(each).carries(kind) else "refused" for kind, _ in kinds),
            prose(_backend_releases(each)),
        )
        for each in WRITABLE_BACKENDS
    ]
    yield table(("backend", *(text for _, text in kinds), "releases"), rows)
    objects = [
        (
            ", ".join(map(_code, each)),
            ", ".join(dict.fromkeys(made["kind"] for made in _made({"backends": list(each)}))),
        )
        for each in _COMBINATIONS
    ]
    yield table(("backends", "objects, in apply order"), objects)
    yield "Feature gates:"
    gates = [
        (name.removeprefix("feature gate "), name) for name in recorded_items() if name.startswith("feature gate ")
    ]
    yield table(("gate", "releases"), [(_gate(text), spans_text(name)) for text, name in gates])


def _gate(text: str) -> str:
    name, _, rest = text.partition(" ")
    return f"{_code(name)} {rest}"


def _backend_releases(backend: str) -> str:
    def takes(version: DaemonVersion) -> bool:
        try:
            return bool(_made({"daemonVersion": str(version), "backends": [backend]}))
        except TarmakIamError:
            return False

    runs = [[str(each) for each in group] for is_taken, group in groupby(known_releases(), takes) if is_taken]
    return ", ".join(map(_span, runs))


def _refusals() -> Iterator[str]:
    yield "## What is refused"
    yield "Each before anything is written or applied, with a remedy. The program's own words:"
    yield table(("combination", "why not"), [(prose(text), prose(_refusal(**given))) for text, given in _REFUSED])


def _refusal(*, mappings: str = MAPPINGS, **overrides: Any) -> str:
    try:
        manifests(installation(mappings=mappings, **overrides))
    except TarmakIamError as error:
        return error.message
    raise AssertionError(f"{overrides} is not refused")


def _images() -> Iterator[str]:
    yield "## Images"
    yield f"The default, which pulls without a login:\n\n{fenced(DEFAULT_IMAGE)}"
    yield prose(
        "EKS Distro's release notes of v1-36-eks-9 (2 October 2026) name this tag, and list it as v0.7.18. EKS Distro "
        "builds it from v0.7.18 with fixes of its own, whose source was not read. What was run is upstream's "
        f"{DEFAULT_RELEASE}, built from its Go module: it starts from the files that the `init` of v0.4.0 made, as "
        "user 0 without capabilities, with `no_new_privs` and a read-only state directory, and answers `/healthz`. The "
        "image itself was not run."
    )
    yield prose(
        "With `daemonVersion` and `registry: public`, the image is the tag that EKS Distro has of the release. Where "
        "EKS Distro never had the release, it is the default image, `check` reports it (IAM089), and the label "
        "`app.kubernetes.io/version` names the release of the image."
    )
    found = [(str(each), Image.parse(published_image("public", str(each))).tag) for each in known_releases()]
    default = Image.parse(DEFAULT_IMAGE).tag
    rows = [(release, _code(tag)) for release, tag in found if tag != default or tag.startswith(f"{release}-")]
    yield table(("authenticator", "tag"), rows)


def _items() -> Iterator[str]:
    """All else that was read off the releases' sources."""
    yield "## What came and went"
    yield prose("Read off the source of every release tag; `whois` and `check` answer by it.")
    for title, prefix in (
        ("Flags", "flag "),
        ("Keys of the configuration", "config key "),
        ("Templates of user names", "template "),
        ("Extra fields of the answer", "extra key "),
    ):
        names = [name for name in recorded_items() if name.startswith(prefix)]
        yield f"### {title}"
        shown = [name.removeprefix(prefix).removeprefix("root (persistent) ") for name in names]
        listed = [(_code(text), spans_text(name)) for text, name in zip(shown, names, strict=True)]
        yield table((title.partition(" ")[0].lower(), "releases"), listed)


def _daemonset(overrides: dict[str, Any], version: tuple[int, int] = (1, 12)) -> Manifest:
    return next(each for each in _made(overrides, version) if each["kind"] == "DaemonSet")


def _made(overrides: dict[str, Any], version: tuple[int, int] = (1, 12)) -> list[Manifest]:
    return manifests(installation(kubernetesVersion=f"{_dotted(version)}.0", **overrides))


def _grouped(items: Iterable[T], row: Callable[[T], Hashable]) -> Iterator[tuple[list[T], Any]]:
    """Consecutive items that have the same row, with that row."""
    for value, group in groupby(items, key=row):
        yield list(group), value


def _span(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"


def _dotted(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
