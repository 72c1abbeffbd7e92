"""tarmak.yaml as Tarmak reads it, its clusters, which of them a name or `currentCluster` selects, and what Tarmak makes
of each of them.

Source of the selection: CurrentCluster in pkg/tarmak/config/config.go, which splits the string at its dashes and
requires exactly two parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.api_server import AMAZON, INIT, LOGS, api_server_issues, used_logs
from tarmak_iam.config.decode import decode
from tarmak_iam.config.kubernetes_versions import DEFAULT_KUBERNETES
from tarmak_iam.config.sections import Model, Path, Problem, Section, field_errors, validation_error
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import looks_like_json
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError, Place, SelectionError
from tarmak_iam.routes import Route
from tarmak_iam.text import choose_among, quoted, shortened

if TYPE_CHECKING:
    from typing_extensions import Self

    from tarmak_iam.config.ignored_content import IgnoredContent
    from tarmak_iam.config.path_lookup import FoundKey
    from tarmak_iam.config.section_model import Amazon


# Not slots: `cached_property` needs the instance's dictionary. Compared by identity: the data are dictionaries.
@dataclass(frozen=True, eq=False)
class ReadFile:
    """A document that Tarmak can read, and the data that Tarmak reads from it."""

    document: Document
    data: dict[str, Any] = field(repr=False)
    """The typed data: known keys only, as Tarmak's decoder reads them, without its defaults."""

    @classmethod
    def parse(cls, data: bytes | str, filename: str = "tarmak.yaml") -> Self:
        """Reads the text of a tarmak.yaml. Raises TarmakIamError exactly if Tarmak rejects it or panics on it."""
        # A file that starts with `{` goes to the strict JSON decoder and to no other (apimachinery's recognizer).
        json = looks_like_json(Source.decode(data, filename))
        document = Document.parse(data, filename, json=json)
        return cls(document, decode(document))

    def with_document(self, document: Document) -> Self:
        """The same file with another text. Raises ConfigError if Tarmak could not read it."""
        return self if document is self.document else replace(self, document=document, data=decode(document))

    @cached_property
    def ignored_content(self) -> IgnoredContent:
        """The content that Tarmak ignores without a message. Raises ConfigError for an unusable section plugin."""
        from tarmak_iam.config.ignored_content import IgnoredContent
        from tarmak_iam.config.section_keys import owned_paths

        return IgnoredContent(self.document, owned_paths())

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """In file order; including null, unnamed and duplicate entries."""
        clusters = self.data.get("clusters") or []
        return tuple(Cluster(index, data or {}, self) for index, data in enumerate(clusters))

    @cached_property
    def selectable_clusters(self) -> tuple[Cluster, ...]:
        """The clusters that a name selects: those with environment and name, and the first of several with the same."""
        first: dict[str, Cluster] = {}
        for cluster in self.clusters:
            if cluster.environment and cluster.name:
                first.setdefault(cluster.cluster_name, cluster)
        return tuple(first.values())

    @cached_property
    def cluster_counts(self) -> Counter[str]:
        """The number of clusters of each environment."""
        return Counter(cluster.environment for cluster in self.clusters)

    @cached_property
    def hubs(self) -> dict[str, Cluster]:
        """The hub of each environment that has one and other clusters."""
        hubs = (cluster for cluster in reversed(self.clusters) if cluster.name == "hub")
        return {hub.environment: hub for hub in hubs if self.cluster_counts[hub.environment] > 1}

    @cached_property
    def written_clusters(self) -> list[Any]:
        """The clusters as plain data of the file, including keys that Tarmak does not know."""
        return list(self.document.data.get("clusters") or ())

    @cached_property
    def environments(self) -> list[dict[str, Any]]:
        """The entries of `environments`; one that is null is empty."""
        return [entry or {} for entry in self.data.get("environments") or ()]

    @cached_property
    def providers(self) -> list[dict[str, Any]]:
        """The entries of `providers`; one that is null is empty."""
        return [entry or {} for entry in self.data.get("providers") or ()]

    @cached_property
    def named_environments(self) -> dict[str, dict[str, Any]]:
        """The first of `environments` with each name."""
        return {metadata_name(entry): entry for entry in reversed(self.environments)}

    @cached_property
    def named_providers(self) -> dict[str, dict[str, Any]]:
        return {metadata_name(entry): entry for entry in reversed(self.providers)}

    def cluster(self, cluster_name: str) -> Cluster:
        """The first cluster with that `<environment>-<name>`. Raises SelectionError."""
        if not isinstance(cluster_name, str):
            raise TypeError(f"the name of a cluster must be a string, not {cluster_name!r}")
        for cluster in self.clusters:
            if cluster.cluster_name == cluster_name:
                return cluster
        names = [cluster.cluster_name for cluster in self.selectable_clusters]
        remedy, place = choose_among(cluster_name, names), Place(self.document.filename)
        what = f"unknown cluster {quoted(cluster_name)}"
        raise SelectionError(what, remedy=remedy or "the file has no clusters", place=place)

    def clusters_in(self, environment: str | None) -> tuple[Cluster, ...]:
        """The selectable clusters of an environment, or all for None. Raises SelectionError for an unknown one."""
        clusters = self.selectable_clusters
        chosen = tuple(cluster for cluster in clusters if environment in (None, cluster.environment))
        if environment is not None and not chosen:
            names = dict.fromkeys(cluster.environment for cluster in clusters)
            what, place = f"no cluster is in environment {quoted(environment)}", Place(self.document.filename)
            raise SelectionError(what, remedy=choose_among(environment, names), place=place)
        return chosen

    @property
    def selected_cluster(self) -> Cluster | None:
        """The cluster that `currentCluster` selects, as Tarmak selects it: exactly one dash, the first match."""
        parts = (self.data.get("currentCluster") or "").split("-")
        return next((cluster for cluster in self.clusters if [cluster.environment, cluster.name] == parts), None)

    @property
    def current_cluster(self) -> Cluster:
        """As `selected_cluster`. Raises SelectionError if there is none."""
        selected = self.selected_cluster
        if selected is not None:
            return selected
        current, form = self.data.get("currentCluster") or "", "<environment>-<name>"
        what = f"currentCluster is {quoted(current)}, but this cluster does not exist"
        if current.count("-") != 1:
            what = f"currentCluster {quoted(current)} must have exactly one dash ({form})"
        named = [
            cluster
            for cluster in self.selectable_clusters
            if "environments" not in self.data or cluster.environment_data()
        ]
        dashed = [cluster for cluster in named if "-" in cluster.environment + cluster.name]
        # If nothing is meant, any cluster will do, so one with an API server is offered.
        listed = [cluster for cluster in named if cluster not in dashed]
        listed = listed if current else [cluster for cluster in listed if not cluster.is_hub] or listed
        names = [cluster.cluster_name for cluster in listed]
        meant = [cluster for cluster in dashed if current in (cluster.cluster_name, cluster.name)]
        environment, _, name = current.partition("-")
        lost = [cluster for cluster in self.selectable_clusters if cluster not in named and cluster.name == name]
        if lost and environment in self.named_environments:
            line = self.document.position((*lost[0].route.plain, "environment")).line
            remedy = f"write environment: {shortened(environment)} in line {line}"
        elif names and not meant:
            # A text without a dash cannot be the name of a cluster, so nothing is suggested for it.
            remedy = choose_among(current if current.count("-") == 1 else "", names)
        elif dashed:
            cluster = (*meant, *dashed)[0]
            parts = " and ".join(quoted(part) for part in (cluster.environment, cluster.name) if "-" in part)
            other = f"; or choose one of {', '.join(map(shortened, names))}" if names else ""
            remedy = f"rename {parts} without a dash, and write {form} here{other}"
        elif self.clusters:
            remedy = f"set environment and metadata.name of a cluster, and write {form} here"
        else:
            remedy = f"the file has no clusters: add one{', or remove currentCluster' if current else ''}"
        place = self.document.position(("currentCluster",))
        raise SelectionError(what if current else "currentCluster is empty", remedy=remedy, place=place)

    def get(self, path: str, default: Any = None, *, effective: bool = False) -> Any:
        """The value at a path from the root of the file, as in `get("environments[dev].location")`. `default` is
        returned if the key is not set. `effective`, and what is raised, as in `Cluster.get`."""
        return self.value(Route(), path, default, effective=effective)

    def value(self, base: Route, path: str, default: Any, *, effective: bool) -> Any:
        """As `get`, with paths relative to the route."""
        from tarmak_iam.config.key_paths import KeyPath
        from tarmak_iam.config.path_lookup import UNSET, look_up, written_value

        key = look_up(self.document, base, KeyPath.parse(path, root=not base.steps))
        value = self.effective_value(key) if effective else written_value(self.document, key)
        return default if value is UNSET else value

    def effective_value(self, key: FoundKey) -> Any:
        """The value that Tarmak uses: the one in the file, else Tarmak's default. UNSET if there is neither, and if the
        default is not known: no value is guessed. A time that Tarmak sets when it reads the file is left out. Raises
        ConfigError for data that the model of a section does not accept."""
        from tarmak_iam.config.path_lookup import UNSET, written_value
        from tarmak_iam.config.tarmak_output import used_data, without_now

        section, written, path = key.section, written_value(self.document, key), key.route.plain
        if section is not None:
            values = self.clusters[int(path[1])].effective_section(section)
            value = value_at(values, key.type_path[2 + len(section.path) :])
            if isinstance(value, dict) and isinstance(written, dict):  # with the keys that the model does not have
                return {**written, **value}
            return written if value is None else value
        if key.field is None:
            return written
        used = used_data(self)
        value = value_at(used, path)
        is_member = bool(path) and key.type_path[-1:] == path[-1:]  # of a struct, not of a mapping with free keys
        if value is None and key.field.kind == "bool" and not key.field.is_pointer and is_member:
            # Go's zero value, if its struct exists: without the struct, what Tarmak does is not known.
            value = False if isinstance(value_at(used, path[:-1]), dict) else None
        value = without_now(value)
        return UNSET if value is None else value


# As ReadFile, not slots and compared by identity.
@dataclass(frozen=True, eq=False, repr=False)
class Cluster:
    """A cluster as the file contains it (`data`), and as Tarmak uses it (`effective`)."""

    index: int
    data: dict[str, Any]
    _file: ReadFile

    def __repr__(self) -> str:
        """As in `Cluster('dev-cluster', tarmak.yaml:12:3)`."""
        return f"Cluster({self.cluster_name!r}, {self._file.document.position(self.route)})"

    @property
    def name(self) -> str:
        return metadata_name(self.data)

    @property
    def environment(self) -> str:
        return str(self.data.get("environment") or "")

    @property
    def cluster_name(self) -> str:
        """`<environment>-<name>`: the cluster ID, also the authenticator's clusterID."""
        return f"{self.environment}-{self.name}"

    @property
    def selectable_clusters(self) -> tuple[Cluster, ...]:
        """All clusters of the same tarmak.yaml that can be selected by name, including this one."""
        return self._file.selectable_clusters

    @property
    def route(self) -> Route:
        return Route.of(("clusters", self.index))

    @property
    def type(self) -> str:
        """`cluster-single` if its environment has no other, else `hub` if it is named hub, else `cluster-multi`."""
        if self._file.cluster_counts[self.environment] == 1:
            return "cluster-single"
        return "hub" if self.name == "hub" else "cluster-multi"

    @property
    def is_hub(self) -> bool:
        """Whether it is a hub, which has no masters and so no Kubernetes API to log in to."""
        return self.type == "hub"

    @property
    def hub(self) -> Cluster | None:
        """The hub of its environment; None if that has no other clusters."""
        return self._file.hubs.get(self.environment)

    @cached_property
    def amazon(self) -> Amazon | None:
        """The section `kubernetes.apiServer.amazon` as the file contains it, None if there is none."""
        return AMAZON.read(self.data)

    def section(self, section: Section[Model]) -> Model | None:
        """A section as the file contains it, None if there is none. Raises ConfigError if it does not fit its model."""
        try:
            return section.read(self.data_for(section))
        except validation_error() as error:
            path, message = field_errors(error)[0]
            place = self._file.document.position((*self.route.plain, *section.path, *path))
            raise ConfigError(f"{section.name}: {message}", place=place) from None

    def effective_section(self, section: Section[Any]) -> dict[str, Any]:
        """The plain values of a section with defaults; empty if a required key is not set. Raises as `section`."""
        if section.is_plain:
            return dict(section.effective(section.data(self.data) or {}))
        model = self.section(section)
        try:
            effective = section.effective(section.model_class() if model is None else model)
        except validation_error():
            return {}
        return dict(effective.model_dump(mode="json", exclude_none=True))

    def problems(self, section: Section[Any]) -> list[Problem]:
        """The problems that the section itself reports; none if the file does not contain it."""
        return section.problems(self.data_for(section))

    def data_for(self, section: Section[Any]) -> dict[str, Any]:
        """The plain data of the cluster that a section is read from: what Tarmak reads, and for a plugin's section what
        the file contains, with the keys that Tarmak does not know. They differ if JSON has a key twice."""
        return self.data if section.is_plain else dict(self._file.written_clusters[self.index] or {})

    @property
    def authenticator_init(self) -> bool:
        """Whether `awsIAMAuthenticatorInit` is on."""
        return bool((AMAZON.data(self.data) or {}).get(INIT))

    @property
    def api_server(self) -> dict[str, Any]:
        """`kubernetes.apiServer` as the file contains it."""
        return dict((self.data.get("kubernetes") or {}).get("apiServer") or {})

    @property
    def has_api_server(self) -> bool:
        """Whether the file contains `kubernetes.apiServer`, even if it is empty."""
        return (self.data.get("kubernetes") or {}).get("apiServer") is not None

    @property
    def kubernetes_version(self) -> str:
        return str((self.data.get("kubernetes") or {}).get("version") or DEFAULT_KUBERNETES)

    def environment_data(self) -> dict[str, Any]:
        """The entry of `environments` that the cluster belongs to, empty if there is none."""
        return self._file.named_environments.get(self.environment, {})

    @property
    def public_address(self) -> str | None:
        """`https://api.<environment>-<name>.<publicZone>`, which Tarmak creates for a public API server only."""
        provider = self._file.named_providers.get(str(self.environment_data().get("provider") or ""), {})
        zone = (provider.get("amazon") or {}).get("publicZone")
        return f"https://api.{self.cluster_name}.{zone}" if self.api_server.get("public") and zone else None

    def get(self, path: str, default: Any = None, *, effective: bool = False) -> Any:
        """The value at a path, as in `get("instancePools[worker].maxCount")`; absolute with a leading `/`. `default` is
        returned if the key is not set. With `effective` the value is the one that Tarmak uses: its default for a key
        that is not set, if it is known. Raises SelectionError for a path that means no key of Tarmak or of the file, or
        several items."""
        return self._file.value(self.route, path, default, effective=effective)

    def hieradata(self) -> list[str]:
        """The two webhook settings as Tarmak writes them: without escaping anything in the file name."""
        file = self.api_server.get("authTokenWebhookFile")
        lines = [f'kubernetes::apiserver::auth_token_webhook_file: "{file}"'] if file else []
        return lines + ["kubernetes::apiserver::aws_iam_authenticator_init: true"] * self.authenticator_init

    def effective(self) -> dict[str, Any]:
        """How Tarmak uses the cluster: cluster_name, type, kubernetes_version, apiServer (Tarmak's JSON with defaults,
        or None), hieradata (the two webhook lines), terraform (the access-log variables) and errors (those of
        validateAPIServer, in the wording of tarmak-iam)."""
        from tarmak_iam.config.tarmak_output import tarmak_json, with_log_defaults

        api_server, field = None, CLUSTER_FIELD.below("kubernetes", "apiServer")
        if self.has_api_server:
            api_server = tarmak_json(with_log_defaults(self.api_server), field)
        terraform: dict[str, Any] = {}
        logs = dict(used_logs(AMAZON.data(self.data)))
        for name in LOGS:
            variable, log = f"elb_access_logs_{name.removesuffix('ELBAccessLogs')}", logs.get(name)
            terraform[f"{variable}_enabled"] = "true" if log is not None and log["enabled"] else "false"
            if log is not None:  # only for a block in the file
                terraform[f"{variable}_bucket"] = log.get("bucket", "")
                terraform[f"{variable}_bucket_prefix"] = log.get("bucketPrefix", "")
                terraform[f"{variable}_bucket_interval"] = log["interval"]
        return {
            "cluster_name": self.cluster_name,
            "type": self.type,
            "kubernetes_version": self.kubernetes_version,
            "apiServer": api_server,
            "hieradata": self.hieradata(),
            "terraform": terraform,
            "errors": [f"{message}; {remedy}" for _, message, remedy in api_server_issues(self)],
        }


def check_masters(
    cluster: Cluster,
    consequence: str = "it has no API server to log in to",
    remedy: str = "choose one of the environment's clusters",
) -> None:
    """Raises ConfigError for a hub, where the consequence is that the command or method can do nothing."""
    if cluster.is_hub:
        what = f"{cluster.cluster_name} is a hub: it has no masters, so {consequence}"
        raise ConfigError(what, remedy=remedy, place=cluster._file.document.position(cluster.route))


def values_at(data: Any, pattern: str, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """The values of plain data at a pattern such as `instancePools.*.subnets.*`, with their paths; null items too."""
    step, _, rest = pattern.partition(".")
    if not step:
        yield at, data
    elif step == "*":
        for index, item in enumerate(data or ()):
            yield from values_at(item, rest, (*at, index))
    elif isinstance(data, dict) and step in data:
        yield from values_at(data[step], rest, (*at, step))


def metadata_name(item: Mapping[str, Any] | None) -> str:
    """`metadata.name` of an object of the file; empty without one."""
    return str(((item or {}).get("metadata") or {}).get("name") or "")
