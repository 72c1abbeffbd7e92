"""One cluster of tarmak.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.amazon import AMAZON, AmazonValues, read_amazon
from tarmak_iam.config.api_server import api_server_json, hieradata, terraform
from tarmak_iam.config.cluster_validation import api_server_issues
from tarmak_iam.config.decode import decode
from tarmak_iam.config.kubernetes_versions import kubernetes_version
from tarmak_iam.config.sections import Model, Problem, Section, field_errors, validation_error
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import looks_like_json
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route

if TYPE_CHECKING:
    from tarmak_iam.config.amazon_model import Amazon


# Not slots: `cached_property` needs the instance's dictionary. Compared by identity: the data are dictionaries.
@dataclass(frozen=True, eq=False)
class ReadFile:
    """A document that Tarmak can read, and the data that Tarmak reads from it."""

    document: Document
    data: dict[str, Any] = field(repr=False)
    """The typed data: known keys only, as Tarmak's decoder reads them, without its defaults."""

    @classmethod
    def parse(cls, data: bytes | str, filename: str) -> ReadFile:
        """Raises TarmakIamError exactly if Tarmak cannot read the file (or panics on it)."""
        # A file that starts with `{` goes to the strict JSON decoder and to no other (apimachinery's recognizer).
        json = looks_like_json(Source.decode(data, filename))
        document = Document.parse(data, filename, json=json)
        return cls(document, decode(document))

    def with_document(self, document: Document) -> ReadFile:
        """The same file with another text. Raises ConfigError if Tarmak could not read it."""
        return self if document is self.document else ReadFile(document, decode(document))

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
        hubs = (each for each in reversed(self.clusters) if each.name == "hub")
        return {hub.environment: hub for hub in hubs if self.cluster_counts[hub.environment] > 1}

    @property
    def selected_cluster(self) -> Cluster | None:
        """The cluster that `currentCluster` selects, as Tarmak selects it: exactly one dash, the first match."""
        parts = (self.data.get("currentCluster") or "").split("-")
        return next((each for each in self.clusters if [each.environment, each.name] == parts), None)

    @cached_property
    def written_clusters(self) -> list[Any]:
        """The clusters as plain data of the file, including keys that Tarmak does not know."""
        written = self.document.data.get("clusters")
        return written if isinstance(written, list) else []

    def environment(self, name: str) -> dict[str, Any]:
        """The entry of `environments` with that name, empty if there is none."""
        return dict(self._environments.get(name, {}))

    def provider(self, name: str) -> dict[str, Any]:
        """The entry of `providers` with that name, empty if there is none."""
        return dict(self._providers.get(name, {}))

    @cached_property
    def _environments(self) -> dict[str, dict[str, Any]]:
        return _by_name(self.data.get("environments"))

    @cached_property
    def _providers(self) -> dict[str, dict[str, Any]]:
        return _by_name(self.data.get("providers"))


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
    def siblings(self) -> list[Cluster]:
        """The other clusters of its environment."""
        return [each for each in self._file.clusters if each.environment == self.environment and each is not self]

    @cached_property
    def amazon(self) -> Amazon | None:
        """The section `kubernetes.apiServer.amazon` as the file contains it, None if there is none."""
        data = AMAZON.data(self.data)
        # The decoder has checked types and nulls, so the data need not be read as JSON as in `Section.read`.
        return None if data is None else AMAZON.model.model_validate(data, strict=True)

    @cached_property
    def amazon_values(self) -> AmazonValues | None:
        """As `amazon`, without its model."""
        return read_amazon(self.data)

    def section(self, section: Section[Model]) -> Model | None:
        """A section as the file contains it, None if there is none. Raises ConfigError if it does not fit its model."""
        try:
            return section.read(self.data_with_unknown_keys)
        except validation_error() as error:
            first = field_errors(error)[0]
            place = self._file.document.position((*self.route.plain, *section.path, *first.path))
            raise ConfigError(f"{section.name}: {first.message}", place=place) from None

    def problems(self, section: Section[Any]) -> list[Problem]:
        """The problems that the section itself reports; none if the file does not contain it."""
        return section.problems(self.data_with_unknown_keys)

    @property
    def data_with_unknown_keys(self) -> dict[str, Any]:
        """The complete cluster of the file: `data`, and the keys that Tarmak does not know."""
        written = self._file.written_clusters
        return dict(_overlaid(written[self.index] if self.index < len(written) else None, self.data))

    @property
    def authenticator_init(self) -> bool:
        """Whether `awsIAMAuthenticatorInit` is on."""
        amazon = self.amazon_values
        return amazon is not None and amazon.awsIAMAuthenticatorInit

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
        return kubernetes_version(self.data)

    def environment_data(self) -> dict[str, Any]:
        """The entry of `environments` that the cluster belongs to, empty if there is none."""
        return self._file.environment(self.environment)

    def provider_data(self) -> dict[str, Any]:
        """The entry of `providers` that its environment names, empty if there is none."""
        return self._file.provider(str(self.environment_data().get("provider") or ""))

    @property
    def public_address(self) -> str | None:
        """`https://api.<environment>-<name>.<publicZone>`, which Tarmak creates for a public API server only."""
        zone = (self.provider_data().get("amazon") or {}).get("publicZone")
        return f"https://api.{self.cluster_name}.{zone}" if self.api_server.get("public") and zone else None

    def get(self, path: str, default: Any = None, *, effective: bool = False) -> Any:
        """The value at a path, as in `get("instancePools[worker].maxCount")`; absolute with a leading `/`.

        `default` is returned if the key is not set. With `effective` the value is the one that Tarmak uses: its default
        for a key that is not set, if it is known. Raises SelectionError for a path that means no key of Tarmak or of
        the file, or several items.
        """
        return value_of_key(self._file, self.route, path, default, effective=effective)

    def effective(self) -> dict[str, Any]:
        """How Tarmak uses the cluster: cluster_name, type, kubernetes_version, apiServer (Tarmak's JSON with defaults,
        or None), hieradata (the two webhook lines), terraform (the access-log variables) and errors (those of
        validateAPIServer, in the wording of tarmak-iam)."""
        return {
            "cluster_name": self.cluster_name,
            "type": self.type,
            "kubernetes_version": self.kubernetes_version,
            "apiServer": api_server_json(self),
            "hieradata": hieradata(self),
            "terraform": terraform(self),
            "errors": [f"{message}; {remedy}" for _, message, remedy in api_server_issues(self)],
        }


def check_masters(
    cluster: Cluster,
    consequence: str = "it has no API server to log in to",
    remedy: str = "choose one of the environment's clusters",
) -> None:
    """Raises ConfigError for a hub, where the consequence is that the command or method can do nothing."""
    if cluster.is_hub:
        raise ConfigError(
            f"{cluster.cluster_name} is a hub: it has no masters, so {consequence}",
            remedy=remedy,
            place=cluster._file.document.position(cluster.route),
        )


def value_of_key(file: ReadFile, base: Route, path: str, default: Any, *, effective: bool) -> Any:
    """The value of a key; `base` is the route that a relative path begins at."""
    from tarmak_iam.config.key_paths import KeyPath
    from tarmak_iam.config.key_values import UNSET, effective_value, written_value
    from tarmak_iam.config.path_lookup import look_up

    found = look_up(file.document, base, KeyPath.parse(path, root=not base.steps))
    value = effective_value(file, found) if effective else written_value(file.document, found)
    return default if value is UNSET else value


def _overlaid(written: Any, decoded: Any) -> Any:
    """The written data, with Tarmak's decoded values in place of the keys that it knows."""
    if isinstance(written, dict) and isinstance(decoded, dict):
        return {**written, **{key: _overlaid(written.get(key), value) for key, value in decoded.items()}}
    return decoded


def _by_name(items: Any) -> dict[str, dict[str, Any]]:
    """The items by their `metadata.name`; the first of several with the same."""
    return {metadata_name(item): item or {} for item in reversed(items or ())}


def metadata_name(item: Mapping[str, Any] | None) -> str:
    """`metadata.name` of an object of the file; empty without one."""
    return str(((item or {}).get("metadata") or {}).get("name") or "")
