"""The mappings of a running cluster, read from the objects of its authenticator, and groups without a binding."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

from tarmak_iam.access.diff import Loaded, Standings
from tarmak_iam.aws.copied_text import cleaned
from tarmak_iam.emit.artifact import NAME, NAMESPACE
from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl, objects_of
from tarmak_iam.hook.cluster.objects import ENTRY_KINDS, Object, Ref
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import ENTRY_OBJECTS
from tarmak_iam.identity.model import DaemonInput, Grant
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.identity.templates import could_be, templates_in
from tarmak_iam.installation.backend_payloads import CONFIG_KEY
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.groups import ADMINS, EVERYONE, NODES
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.text import brief_list, closest, shortened

_TAG = re.compile(r":([A-Za-z0-9_][A-Za-z0-9_.-]*)(?:@sha256:[0-9a-f]+)?\Z")


@dataclass(frozen=True, slots=True)
class LiveMappings:
    """The DaemonSet of the authenticator, None where it does not exist, and the objects that may contain mappings."""

    daemonset: Object | None = field(repr=False)
    objects: tuple[Object, ...] = field(repr=False)

    @property
    def text(self) -> str | None:
        """The authenticator's configuration; None where the cluster has none."""
        config_map = Ref("v1", "ConfigMap", NAMESPACE, self._config_map).among(self.objects)
        text = ((config_map or {}).get("data") or {}).get(self.key)
        return text if isinstance(text, str) else None

    @property
    def version(self) -> DaemonVersion | None:
        """The release of the running authenticator; None where neither image nor label name it."""
        container = self._container
        labels = (self._template.get("metadata") or {}).get("labels") or {}
        tag = _TAG.search(str(container.get("image", "")))
        for text in (tag[1] if tag else "", labels.get("app.kubernetes.io/version", "")):
            with suppress(ConfigError):
                return DaemonVersion.parse(str(text))
        return None

    def authenticator(self, installation: Installation | None = None, cluster_id: str | None = None) -> Authenticator:
        """The authenticator as the cluster runs it: its release, flags and objects. What the cluster does not have is
        that of the installation. `cluster_id`: that of the token, None for that of the configuration."""
        text, version, args = self.text, self.version, self._words
        if installation is not None:
            text = f"clusterID: {installation.cluster_id}\n" if text is None else text
            version = version or installation.daemon_version
            args = args if self.daemonset is not None else list(installation.daemon.args)
        listed = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "-"}}, *self.objects]
        daemon = DaemonInput(
            text or "",
            version=str(version or DEFAULT_RELEASE),
            cluster_id=cluster_id,
            args=tuple(args),
            files={"objects.json": json.dumps({"apiVersion": "v1", "kind": "List", "items": listed})},
            filename=self.key,
            shown_as=f"ConfigMap {NAMESPACE}/{self._config_map}",
        )
        return Authenticator.of(daemon)

    @property
    def config_map(self) -> Ref | None:
        """The ConfigMap with its configuration; None where a DaemonSet exists and mounts no ConfigMap."""
        if self.daemonset is not None and not self._config_maps:
            return None
        return Ref("v1", "ConfigMap", NAMESPACE, self._config_map)

    def loaded(self, installation: Installation) -> Loaded:
        """The access that callers get now. Its `installation` is the given one with the cluster's mappings."""
        authenticator, mappings = self.authenticator(installation), None
        with suppress(TarmakIamError):  # the daemon does not start with that either
            mappings = None if self.text is None else Mappings.parse(self.text, f"ConfigMap {self._config_map}")
        return Loaded(replace(installation, mappings=mappings), authenticator, Standings.of_daemon(authenticator))

    @property
    def _template(self) -> dict[str, Any]:
        return ((self.daemonset or {}).get("spec") or {}).get("template") or {}

    @property
    def _container(self) -> dict[str, Any]:
        containers = (self._template.get("spec") or {}).get("containers") or [{}]
        return next((container for container in containers if container.get("name") == NAME), containers[0])

    @property
    def _words(self) -> list[str]:
        return [*(self._container.get("command") or ()), *(self._container.get("args") or ())]

    @property
    def key(self) -> str:
        """The name of the file in the pod, which is the key in its ConfigMap."""
        words = iter(self._words)
        for word in words:
            name, given, path = word.partition("=")
            if name in ("--config", "-c"):
                return (path if given else next(words, "")).rpartition("/")[2] or CONFIG_KEY
        return CONFIG_KEY

    @property
    def _config_map(self) -> str:
        return next(iter(self._config_maps), NAME)

    @property
    def _config_maps(self) -> list[str]:
        volumes = (self._template.get("spec") or {}).get("volumes") or ()
        names = [volume["configMap"].get("name") for volume in volumes if isinstance(volume.get("configMap"), dict)]
        return [name for name in names if name]


def read_live(kubectl: Kubectl) -> LiveMappings:
    """Raises ToolError."""
    maps = (NAME, *(name for each in ENTRY_OBJECTS.values() for name in each.names))
    found = _get(kubectl, f"daemonset.apps/{NAME}", *(f"configmap/{name}" for name in maps))
    daemonset = Ref("apps/v1", "DaemonSet", NAMESPACE, NAME).among(found)
    objects = [each for each in found if each.get("kind") == "ConfigMap"]
    other = LiveMappings(daemonset, ())._config_map
    if other not in maps:
        objects += _get(kubectl, f"configmap/{other}")
    return LiveMappings(daemonset, (*objects, *chain.from_iterable(map(kubectl.all_of, ENTRY_KINDS))))


def _get(kubectl: Kubectl, *names: str) -> list[Object]:
    return objects_of(kubectl.check("get", *names, f"--namespace={NAMESPACE}", "--ignore-not-found", "-o", "json"))


BUILT_IN = {
    EVERYONE: "the group of every authenticated caller",
    "system:bootstrappers": "the group of bootstrap tokens, which request a node's certificate",
    ADMINS: "unrestricted access, regardless of bindings",
    NODES: "what the Node authorizer grants to the node with that username",
    "system:serviceaccounts": "the group of all service accounts",
    "system:unauthenticated": "the group of unauthenticated callers",
}
"""Groups that Kubernetes itself defines, which need no binding, and what each of them means."""

_NEAR = 0.85
"""`developer` is similar to `developers`, but `dev-a` is not similar to `dev-b`."""


@dataclass(frozen=True, slots=True)
class UnboundGroup:
    """`principals` get the group. A template in its name stands for whatever it can expand to."""

    group: str
    principals: tuple[str, ...]
    nearest: str = ""
    """A group with a similar name that a binding names; empty if there is none."""

    @property
    def text(self) -> str:
        principals = brief_list(self.principals, 3)
        what = f"no RoleBinding or ClusterRoleBinding names the group {self.group}, which {principals} would get"
        return f"{what}; did you mean {shortened(self.nearest)}?" if self.nearest else what


def bound_groups(bindings: Iterable[Object]) -> frozenset[str]:
    """The groups that RoleBindings and ClusterRoleBindings name."""
    subjects = (subject for binding in bindings for subject in binding.get("subjects") or ())
    return frozenset(str(subject.get("name", "")) for subject in subjects if subject.get("kind") == "Group")


def unbound_groups(grants: Iterable[Grant], bound: Iterable[str]) -> tuple[UnboundGroup, ...]:
    """In the order of the mappings. Groups that Kubernetes itself defines need no binding."""
    known = frozenset(bound) | frozenset(BUILT_IN)
    by_name = sorted(known)
    principals: dict[str, list[str]] = {}
    for grant in grants:
        for group in grant.groups:
            is_expanded = bool(templates_in(group)) and any(map(could_be(group).fullmatch, known))
            if group not in known and not is_expanded:
                principals.setdefault(group, []).append(grant.principal)
    return tuple(
        UnboundGroup(group, tuple(dict.fromkeys(names)), closest(cleaned(group), by_name, _NEAR) or "")
        for group, names in principals.items()
    )
