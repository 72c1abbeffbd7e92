"""A cluster in memory behind kubectl's command line: as much of both as `hook` makes use of."""

from __future__ import annotations

import copy
import itertools
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tarmak_iam.hook.cluster.kubectl import REQUEST_SECONDS, Kubectl, is_write
from tarmak_iam.hook.cluster.object_fields import overlaid
from tarmak_iam.hook.cluster.objects import LAST_APPLIED, MANAGER, Ref, last_applied, without_server_fields
from tarmak_iam.hook.programs import ClusterLock, Completed, Programs
from tests.support.daemon_pods import GENERATION, DaemonPods, http_date, node, stamp
from tests.support.field_managers import Entries, applied, conflicts, printed, timed, updated
from tests.support.rights import forbidden, reviewed

REFUSED = "The connection to the server 127.0.0.1:6443 was refused - did you specify the right host or port?"
_NOTHING_THERE = "the server could not find the requested resource"
_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"
_AT_MOST = "must have at most 262144 characters"
_KINDS = (
    *("ConfigMap", "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"),
    *("CustomResourceDefinition", "PodSecurityPolicy"),
)
_BUILT_IN = {
    **{f"{kind.lower()}{plural}": kind for kind in _KINDS for plural in ("", "s")},
    "pods": "Pod",
    "daemonset.apps": "DaemonSet",
    "DaemonSet.v1.apps": "DaemonSet",
    "lease.v1.coordination.k8s.io": "Lease",
}
_WRITE_TIMEOUT = f"--request-timeout={REQUEST_SECONDS}s"
_LEASE = "lease.v1.coordination.k8s.io"
_UNLOCATED = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "IAMIdentityMapping", "Namespace")

Key = tuple[str, str, str]
Fault = Callable[[tuple[str, ...]], Completed | None]


def _no_answer(_: tuple[str, ...]) -> None:
    """A function of the module, so that a cluster can be pickled."""


@dataclass
class Cluster:
    """`objects` by kind, namespace and name. `fault` may answer a call in the cluster's place."""

    server: str = "v1.30.1"
    client: str = "v1.30.1"
    objects: dict[Key, dict[str, Any]] = field(default_factory=dict)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    fault: Fault = _no_answer
    calls_aside: list[tuple[str, ...]] = field(default_factory=list)
    """Those about the lease: in neither `calls` nor `writes`."""
    text: str = ""
    """What the last call was given."""
    fault_aside: Fault = _no_answer
    """What may answer these."""
    denied: set[tuple[str, str]] = field(default_factory=set)
    """Verbs and resources that the user may not write, as in `("delete", "pods")`."""
    uid: str = "cluster-1"
    clock: float = 0.0
    is_rolled_out: bool = True
    masters: int = 3
    version: int = 0
    daemons: DaemonPods = field(default_factory=DaemonPods)
    self_review: Completed | None = None
    """What a SelfSubjectReview is answered with; None where there is none."""
    reviews: list[dict[str, Any]] = field(default_factory=list)
    """The statuses of TokenReviews, the last one for all that follow."""
    token: str = ""
    """The only token that is accepted; any where it is empty, as by a webhook that asks nobody."""
    refused: set[str] = field(default_factory=set)
    """Names of objects that the API server takes for invalid."""
    is_outdated: bool = False
    """Whether kubectl takes the custom resources for served, by what it found out before their definition went."""
    log: str | None = ""
    """Of the daemons; None where it may not be read."""
    is_in_force: bool = True
    """Whether definitions that are there are served."""
    kubeconfigs: list[str] = field(default_factory=list)
    """What was in the kubeconfigs that were named."""

    def __post_init__(self) -> None:
        self.daemons.nodes = {name: node(name) for name in (f"master-{n}" for n in range(1, self.masters + 1))}

    @property
    def now(self) -> float:
        """The API server's clock: each call takes a second, and each write a minute."""
        return self.clock + len(self.calls) + 60 * self.version

    def kubectl(self, **options: Any) -> Kubectl:
        given = {"lock": ClusterLock(Path(tempfile.gettempdir(), ".x.lock"), 0), **options}
        return Kubectl(FakePrograms({}, cluster=self), sleep=self._sleep, clock=lambda: self.clock, **given)

    def add(self, each: dict[str, Any], manager: str = "somebody", operation: str = "Update") -> dict[str, Any]:
        """As somebody else makes it."""
        return self._store(each, manager, operation)

    def get(self, kind: str, name: str, namespace: str = "kube-system") -> dict[str, Any] | None:
        return self.objects.get((kind, namespace, name))

    def names(self) -> list[str]:
        return sorted(f"{kind} {name}" for kind, _, name in self.objects)

    @property
    def writes(self) -> list[str]:
        return [call[0] for call in self.calls if is_write(call)]

    def _may_not(self, each: dict[str, Any], *verbs: str) -> Completed | None:
        errors = (forbidden(self.denied, verb, each) for verb in verbs)
        return next((failed(error) for error in errors if error is not None), None)

    @property
    def lease(self) -> dict[str, Any] | None:
        return self.objects.get(("Lease", "kube-system", "tarmak-iam"))

    def run(self, args: tuple[str, ...], text: str) -> Completed:
        self.kubeconfigs += [Path(arg[13:]).read_text() for arg in args if arg.startswith("--kubeconfig=")]
        args = tuple(arg for arg in args if not arg.startswith(("--kubeconfig=", "--context=", _WRITE_TIMEOUT)))
        self.text = text
        is_aside = _LEASE in args or '"kind": "Lease"' in text or '"kind": "SelfSubjectAccessReview"' in text
        (self.calls_aside if is_aside else self.calls).append(args)
        answer = (self.fault_aside if is_aside else self.fault)(args)
        if answer is not None:
            return answer
        is_rehearsal = args[0] != "get" and self._is_dry(args)
        saved = copy.deepcopy((self.objects, self.daemons, self.version)) if is_rehearsal else None
        out: Any = getattr(self, f"_{args[0].replace('-', '_')}")(args[1:], text)
        if saved is not None:
            self.objects, self.daemons, self.version = saved
        if isinstance(out, Completed):
            return out
        hides = _minor(self.client) >= 21 and "--show-managed-fields" not in args
        return Completed(args, 0, out if isinstance(out, str) else printed(out, hides=hides), "")

    def _sleep(self, seconds: float) -> None:
        self.clock += seconds

    def _version(self, *_: object) -> dict[str, Any]:
        return {"clientVersion": {"gitVersion": self.client}, "serverVersion": {"gitVersion": self.server}}

    def _api_resources(self, *_: object) -> Completed:
        self.is_outdated = False
        return failed("error: unable to retrieve the complete list of server APIs: metrics.k8s.io/v1beta1")

    def _get(self, args: tuple[str, ...], text: str) -> Any:
        if "-f" in args:
            asked = [json.loads(line) for line in text.splitlines()]
            if asked[0]["kind"] == "List":
                asked = asked[0]["items"]
                if _minor(self.client) < 18:  # of a List, as far as the first one that is not there
                    asked = list(itertools.takewhile(lambda each: key_of(each) in self.objects, asked))
            return self._named(asked)
        if args[0] == "namespace":
            return {"metadata": {"name": "kube-system", "uid": self.uid}}
        if args[0] == "--raw":
            date = http_date(self.now)
            return Completed(args, 0, "{}", f"I0504 12:00:00.0 1 round_trippers.go:469]     Date: {date}")
        if "/" in args[0]:
            names = [arg.split("/") for arg in args if "/" in arg]
            asked = [(_BUILT_IN[kind], "kube-system", name) for kind, name in names]
            return self._list([self.objects[key] for key in asked if key in self.objects])
        if len(args) > 1 and not args[1].startswith("-"):
            name, kind = args[1], _BUILT_IN.get(args[0], args[0].split(".")[0])
            found = [each for key, each in self.objects.items() if key[0] == kind and key[2] == name]
            return self._list(found) if found else ("" if "--ignore-not-found" in args else failed("NotFound"))
        made_by_controllers = self._of_controllers(args)
        return self._of_kinds(args) if made_by_controllers is None else made_by_controllers

    def _named(self, asked: list[dict[str, Any]]) -> Any:
        if any(each["kind"] == "IAMIdentityMapping" for each in asked) and not self._serves_mappings:
            if self.is_outdated:  # and whatever is not found is ignored
                return self._list(self._found(asked))
            return failed('error: resource mapping not found: no matches for kind "IAMIdentityMapping"')
        return self._list(self._found(asked))

    def _of_controllers(self, args: tuple[str, ...]) -> dict[str, Any] | None:
        """Pods, nodes and revisions, which nobody applies."""
        if args[0] == "pods":
            added = [each for key, each in self.objects.items() if key[0] == "Pod"]
            return {"kind": "List", "items": [*added, *self.daemons.pods.values()]}
        if args[0] == "nodes":
            return {"kind": "List", "items": self._nodes(args)}
        if args[0] == "controllerrevisions.apps":
            daemons = [each for key, each in self.objects.items() if key[0] == "DaemonSet"]
            return {"kind": "List", "items": [rev for each in daemons for rev in self.daemons.revisions_of(each)]}
        return None

    def _nodes(self, args: tuple[str, ...]) -> list[dict[str, Any]]:
        """By labels that are there, whatever their value."""
        wanted = args[args.index("--selector") + 1].split(",") if "--selector" in args else []
        keys = {each.partition("=")[0] for each in wanted}
        return [each for each in self.daemons.nodes.values() if keys <= set(each["metadata"]["labels"])]

    def _of_kinds(self, args: tuple[str, ...]) -> Any:
        kinds = []
        for name in args[0].split(","):
            is_custom = name.lower().startswith("iamidentitymapping") and name.endswith(".iamauthenticator.k8s.aws")
            if is_custom and self._serves_mappings:
                kinds.append("IAMIdentityMapping")
            elif name in _BUILT_IN:
                kinds.append(_BUILT_IN[name])
            elif name.partition(".")[0] in _BUILT_IN.values():
                kinds.append(name.partition(".")[0])
            elif is_custom and self.is_outdated:
                return failed(f'Error from server (NotFound): Unable to list "{name}": {_NOTHING_THERE}')
            else:
                return failed(f'error: the server doesn\'t have a resource type "{name}"')
        found = [each for key, each in self.objects.items() if key[0] in kinds]
        if "--selector" in args:
            key, _, value = args[args.index("--selector") + 1].partition("=")
            found = [each for each in found if (each["metadata"].get("labels") or {}).get(key) == value]
        return {"kind": "List", "items": found}

    def _apply(self, args: tuple[str, ...], text: str) -> Any:
        """Object by object: what is wrong with one of them keeps none of the others from being applied."""
        if args[0] == "set-last-applied":
            return self._each(json.loads(text), lambda each: self._set_last_applied(args, each), "patch")
        made, errors = [], []
        for each in json.loads(text)["items"]:
            error = self._error_of(each, args)
            if error is not None:
                errors.append(error)
            elif "--server-side" in args:
                made.append(self.server_side_apply(each, MANAGER, is_dry=self._is_dry(args)))
            else:
                made.append(self.client_side_apply(each, is_dry=self._is_dry(args)))
        return failed("\n".join(dict.fromkeys(errors))) if errors else self._list(made)

    def _error_of(self, each: dict[str, Any], args: tuple[str, ...]) -> str | None:
        name = each["metadata"]["name"]
        if refusal := self._may_not(each, "patch", *(() if key_of(each) in self.objects else ("create",))):
            return refusal.err
        if each["kind"] == "IAMIdentityMapping" and not self._serves_mappings:
            if self.is_outdated:
                return f"Error from server (NotFound): {_NOTHING_THERE} (patch iamidentitymappings {name})"
            return f'error: resource mapping not found for name: "{name}": no matches for kind "IAMIdentityMapping"'
        if name in self.refused:
            return f'The {each["kind"]} "{name}" is invalid: spec: Required value'
        if "--server-side" not in args and len(json.dumps(each)) > 262144:
            return f'The {each["kind"]} "{name}" is invalid: metadata.annotations: Too long: {_AT_MOST}'
        seen, live = each["metadata"].get("resourceVersion"), self.objects.get(key_of(each))
        if seen is not None and live is not None and seen != live["metadata"]["resourceVersion"]:
            return f"Error from server (Conflict): Operation cannot be fulfilled on {name}: {_MODIFIED}"
        is_checked = "--server-side" in args and "--force-conflicts" not in args
        found = conflicts(live, each, MANAGER) if is_checked else []
        if not found:
            return None
        told = "".join(f'conflict with "{manager}" using v1: {path}\n' for manager, path in found)
        return f"error: Apply failed with {len(found)} conflicts: {told}See https://k8s.example.org"

    def _is_dry(self, args: tuple[str, ...]) -> bool:
        return any("dry-run" in arg for arg in args)

    def server_side_apply(self, each: dict[str, Any], manager: str, *, is_dry: bool = False) -> dict[str, Any]:
        """Over all conflicts."""
        live = self.objects.get(key_of(each))
        then = applied(live, each, manager)
        then["metadata"]["managedFields"] = timed(then["metadata"]["managedFields"], live)
        if is_dry or (live is not None and then == live):
            return then
        return self._store(then, manager, "Apply", then["metadata"]["managedFields"])

    def client_side_apply(self, each: dict[str, Any], *, is_dry: bool = False) -> dict[str, Any]:
        """As kubectl works it out: what it sent last is in an annotation."""
        live = self.objects.get(key_of(each))
        then = copy.deepcopy(each if live is None else overlaid(live, each, last_applied(live)))
        sent = json.dumps(each, separators=(",", ":"), sort_keys=True) + "\n"
        then["metadata"]["annotations"] = {**(then["metadata"].get("annotations") or {}), LAST_APPLIED: sent}
        if is_dry or (live is not None and without_server_fields(then) == without_server_fields(live)):
            return then if is_dry else live or then
        return self._store(then, "kubectl-client-side-apply", "Update")

    def _set_last_applied(self, args: tuple[str, ...], each: dict[str, Any]) -> Any:
        """kubectl 1.15 does not look at the object's own namespace."""
        live = self.objects[key_of(each)]
        if live["metadata"].get("namespace") and "--namespace" not in args:
            return failed(f"Error from server (NotFound): {each['kind']} not found")
        if len(json.dumps(each)) > 262144:
            return failed(f"The {each['kind']} is invalid: metadata.annotations: Too long: {_AT_MOST}")
        annotations = {**(live["metadata"].get("annotations") or {}), LAST_APPLIED: json.dumps(each)}
        return self._store({**live, "metadata": {**live["metadata"], "annotations": annotations}}, "kubectl", "Update")

    def _replace(self, _: tuple[str, ...], text: str) -> Any:
        return self._each(json.loads(text), self._replaced, "update")

    def _replaced(self, each: dict[str, Any]) -> Any:
        each = _annotated_anew(each)
        seen, live = each["metadata"].get("resourceVersion"), self.objects.get(key_of(each))
        if live is None:
            return failed(f'Error from server (NotFound): error when replacing "STDIN": {key_of(each)} not found')
        if seen not in (None, live["metadata"]["resourceVersion"]):
            return failed(f"Error from server (Conflict): error when replacing STDIN: {_MODIFIED}")
        sent = each["metadata"].get("managedFields")
        is_same = without_server_fields(each) == without_server_fields(live)
        if is_same and sent not in (None, [{}]):  # who has set what, and nothing else
            self.version += 1
            live["metadata"] |= {"managedFields": sent, "resourceVersion": str(self.version)}
            return live
        return self._store(each, MANAGER, "Update")

    def _create(self, args: tuple[str, ...], text: str) -> Any:
        if "--raw" in args:
            if self.token and self.token not in self.kubeconfigs[-1]:
                return failed("error: You must be logged in to the server (Unauthorized)")
            return self.self_review or failed(f"Error from server (NotFound): {_NOTHING_THERE}")
        each = json.loads(text)
        if each["kind"] == "TokenReview":
            if self.token not in ("", each["spec"]["token"]):
                return {**each, "status": {"error": "[invalid bearer token, unknown]"}}
            return {**each, "status": self.reviews.pop(0) if len(self.reviews) > 1 else self.reviews[0]}
        if '"kind": "SelfSubjectAccessReview"' in text:
            return reviewed(self.denied, each)
        return self._each(each, self._created, "create")

    def _created(self, each: dict[str, Any]) -> Any:
        if each["metadata"]["name"] in self.refused:
            return failed(f'The {each["kind"]} "{each["metadata"]["name"]}" is invalid: spec: Required value')
        if key_of(each) in self.objects:
            what = f'error when creating "STDIN": {key_of(each)} already exists'
            return failed(f"Error from server (AlreadyExists): {what}")
        return self._store(_annotated_anew(each), MANAGER, "Update")

    def _each(self, given: dict[str, Any], write: Callable[[dict[str, Any]], Any], verb: str) -> Any:
        """One object; or those of a List, each printed once it is written, whatever becomes of the others."""
        if given["kind"] != "List":
            return self._may_not(given, verb) or write(given)
        done = [self._may_not(each, verb) or write(each) for each in given["items"]]
        out = "".join(json.dumps(each, indent=4) + "\n" for each in done if isinstance(each, dict))
        errors = [each.err for each in done if isinstance(each, Completed)]
        return Completed(("kubectl",), int(bool(errors)), out, "\n".join(errors))

    def _delete(self, args: tuple[str, ...], text: str) -> Any:
        if "-f" in args:
            return self._each(json.loads(text), lambda each: self._gone(key_of(each)), "delete")
        kind = _BUILT_IN.get(args[0], args[0].split(".")[0])
        if kind == "pod" and args[1] in self.daemons.pods:
            self.replace_pod(args[1])
        for key in [key for key in self.objects if key[0] == kind and key[2] == args[1]]:
            self._gone(key)
        return ""

    def _gone(self, key: Key) -> None:
        """At once, unless somebody has a finalizer on it; a definition after its objects, a DaemonSet with its pods."""
        found = self.objects.get(key)
        if found is None:
            return
        own = [each for each in self.objects if each[0] == "IAMIdentityMapping"]
        if key[0] == "CustomResourceDefinition":
            for each in own:
                self._gone(each)
        is_held = key[0] == "CustomResourceDefinition" and any(each in self.objects for each in own)
        if is_held or found["metadata"].get("finalizers"):
            found["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z"
            return
        if key[0] == "DaemonSet":
            for pod in self.daemons.of(found):
                del self.daemons.pods[pod["metadata"]["name"]]
        del self.objects[key]

    def replace_pod(self, name: str) -> None:
        pod = self.daemons.pods.pop(name)
        (owner,) = pod["metadata"]["ownerReferences"]
        for key, each in self.objects.items():
            if key[0] == "DaemonSet" and each["metadata"]["uid"] == owner["uid"] and self.daemons.is_at_work:
                self.daemons.make(each, pod["spec"]["nodeName"], self.now)

    def _annotate(self, args: tuple[str, ...], _: str) -> str:
        key, _, value = args[-1].partition("=")
        live = copy.deepcopy(self.objects["DaemonSet", "kube-system", args[1]])
        live["metadata"].setdefault("annotations", {})[key] = value
        self._store(live, "kubectl-annotate", "Update")
        return ""

    def _logs(self, *_: object) -> Any:
        return failed("Error from server (Forbidden): pods is forbidden") if self.log is None else self.log

    def _config(self, *_: object) -> dict[str, Any]:
        return {"clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443"}}]}

    @property
    def _serves_mappings(self) -> bool:
        return self.is_in_force and any(key[0] == "CustomResourceDefinition" for key in self.objects)

    def _found(self, objects: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = (self.objects.get(key_of(each)) for each in objects)
        return [each for each in found if each is not None]

    def _list(self, found: list[dict[str, Any]]) -> Any:
        if not found:
            return ""
        return found[0] if len(found) == 1 else {"apiVersion": "v1", "kind": "List", "items": found}

    @property
    def _keeps_managers(self) -> bool:
        return _minor(self.server) >= 16

    def _store(
        self, each: dict[str, Any], manager: str, operation: str, managed: Entries | None = None
    ) -> dict[str, Any]:
        self.version += 1
        stored, live = copy.deepcopy(without_server_fields(each)), self.objects.get(key_of(each))
        if managed is None:
            managed = updated(live, stored, manager, operation)
        is_forgotten = each["metadata"].get("managedFields") == [{}]
        uid = f"uid-{self.version}" if live is None else live["metadata"]["uid"]
        own = {"resourceVersion": str(self.version), "uid": uid, "generation": 1}
        own["creationTimestamp"] = stamp(self.now) if live is None else live["metadata"]["creationTimestamp"]
        stored["metadata"] |= own
        if self._keeps_managers:
            entries = [] if is_forgotten else timed(managed, live, (manager, operation), stamp(self.now))
            stored["metadata"]["managedFields"] = entries
        self.objects[key_of(each)] = stored
        if each["kind"] == "DaemonSet":
            self._control(stored, live)
        if each["kind"] == "CustomResourceDefinition":
            stored["status"] = {"conditions": [{"type": "Established", "status": "True"}]}
        return stored

    def _control(self, daemon: dict[str, Any], live: dict[str, Any] | None) -> None:
        """What the API server and the controller make of a DaemonSet."""
        is_same = live is not None and live["spec"].get("template") == daemon["spec"].get("template")
        before = 0 if live is None else int(live["metadata"]["annotations"][GENERATION])
        annotations = daemon["metadata"].setdefault("annotations", {})
        annotations[GENERATION] = str(before + (not is_same))
        if self.is_rolled_out:
            self.daemons.rolled_out(daemon, self.now)
            counts = dict.fromkeys(
                ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"), self.masters
            )
            daemon["status"] = {"observedGeneration": 1, **counts}


@dataclass(frozen=True, slots=True)
class FakePrograms(Programs):
    """Runs kubectl against a cluster in memory; nothing else is there."""

    cluster: Cluster = field(default_factory=Cluster)
    others: dict[str, Completed] = field(default_factory=dict)

    def find(self, name: str) -> Path | None:
        return Path("/bin", name) if name == "kubectl" or name in self.others else None

    def run(self, *command: str | Path, text: str = "", seconds: float | None = None) -> Completed:  # noqa: ARG002
        words = tuple(map(str, command))
        if words[0] in self.others:
            return self.others[words[0]]
        if words[0] != "kubectl":
            return Programs.run(self, *command)
        return self.cluster.run(words[1:], text)


def key_of(each: dict[str, Any]) -> Key:
    ref = Ref.of(each)
    return ref.kind, ref.namespace if ref.kind not in _UNLOCATED else "", ref.name


def _annotated_anew(each: dict[str, Any]) -> dict[str, Any]:
    """As `create` and `replace` do with the annotation of plain apply, where there is one: with all that is sent."""
    annotations = each["metadata"].get("annotations") or {}
    if LAST_APPLIED not in annotations:
        return each
    others = {key: value for key, value in annotations.items() if key != LAST_APPLIED}
    sent = {**each, "metadata": {**each["metadata"], "annotations": others}}
    return {**each, "metadata": {**each["metadata"], "annotations": {**others, LAST_APPLIED: json.dumps(sent)}}}


def _minor(version: str) -> int:
    return int(version.split(".")[1])


def failed(text: str) -> Completed:
    return Completed(("kubectl",), 1, "", text)


def away(times: int, verb: str | None = None) -> Fault:
    """An API server that is away for so many calls."""
    left = [times]

    def fault(args: tuple[str, ...]) -> Completed | None:
        if verb is not None and args[0] != verb:
            return None
        left[0] -= 1
        return failed(REFUSED) if left[0] >= 0 else None

    return fault
