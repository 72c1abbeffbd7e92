"""tarmak.yaml as Tarmak reads it, its clusters, and what Tarmak makes of each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.amazon import AMAZON, AmazonValues, logs_of, problems_of, read_amazon, with_defaults
from tarmak_iam.config.decode import decode
from tarmak_iam.config.kubernetes_versions import kubernetes_version, parse_version
from tarmak_iam.config.sections import Model, Problem, Section, field_errors, validation_error
from tarmak_iam.config.tarmak_types import is_cidr
from tarmak_iam.document import Document
from tarmak_iam.document.json_reader import looks_like_json
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

if TYPE_CHECKING:
    from typing_extensions import Self

    from tarmak_iam.config.amazon_model import Amazon
    from tarmak_iam.config.ignored_content import IgnoredContent
    from tarmak_iam.config.path_lookup import FoundKey

Issue = tuple[tuple[str | int, ...], str, str]
"""The path below the cluster, what is wrong, and what to do."""


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
        """The content that Tarmak ignores without a message. Raises ConfigError for a section plugin that cannot be
        used."""
        from tarmak_iam.config.ignored_content import IgnoredContent
        from tarmak_iam.config.section_keys import owned_paths

        return IgnoredContent.of(self.document, owned_paths())

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

    def get(self, path: str, default: Any = None, *, effective: bool = False) -> Any:
        """The value at a path from the root of the file, as in `get("environments[dev].location")`.

        `default` is returned if the key is not set. `effective`, and what is raised, as in `Cluster.get`.
        """
        return self._value_at(Route(), path, default, effective=effective)

    def _value_at(self, base: Route, path: str, default: Any, *, effective: bool) -> Any:
        """The value of a key; `base` is the route that a relative path begins at."""
        from tarmak_iam.config.key_paths import KeyPath
        from tarmak_iam.config.key_values import UNSET, written_value
        from tarmak_iam.config.path_lookup import look_up

        key = look_up(self.document, base, KeyPath.parse(path, root=not base.steps))
        value = self.effective_value(key) if effective else written_value(self.document, key)
        return default if value is UNSET else value

    def effective_value(self, key: FoundKey) -> Any:
        """The value that Tarmak uses: the one in the file, else Tarmak's default. UNSET if there is neither, and if the
        default is not known: no value is guessed. A time that Tarmak sets when it reads the file is left out.

        Raises ConfigError for data that the model of a section does not accept.
        """
        from tarmak_iam.config.key_values import default_value, section_values, written_value

        section = key.section
        if section is None:
            return default_value(self.document, self._used_data(), key)
        written = written_value(self.document, key)
        model = self.clusters[int(key.route.plain[1])].section(section)
        value = value_at(section_values(section, model), key.type_path[2 + len(section.path) :])
        if isinstance(value, dict) and isinstance(written, dict):  # with the keys that the model does not have
            return {**written, **value}
        return written if value is None else value

    def _used_data(self) -> dict[str, Any]:
        """The data of the file with the defaults that Tarmak writes, and those that it only uses: the location of a
        cluster is that of its environment (Location in pkg/tarmak/environment/environment.go), and of minCount and
        maxCount one stands for both (pkg/tarmak/instance_pool/instance_pool.go)."""
        from tarmak_iam.config.tarmak_output import defaulted

        data = defaulted(self.data)
        for cluster, used in zip(self.clusters, data.get("clusters") or (), strict=True):
            location = cluster.environment_data().get("location")
            if location:
                used["location"] = location
            for pool in used.get("instancePools") or ():
                least, most = pool.get("minCount") or 0, pool.get("maxCount") or 0
                if least or most:
                    pool["minCount"], pool["maxCount"] = least or most, most or least
        return data


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
        return self._file._value_at(self.route, path, default, effective=effective)

    def hieradata(self) -> list[str]:
        """The two webhook settings as Tarmak writes them: without escaping anything in the file name."""
        file = self.api_server.get("authTokenWebhookFile")
        lines = [f'kubernetes::apiserver::auth_token_webhook_file: "{file}"'] if file else []
        return [
            *lines,
            *(["kubernetes::apiserver::aws_iam_authenticator_init: true"] if self.authenticator_init else []),
        ]

    def effective(self) -> dict[str, Any]:
        """How Tarmak uses the cluster: cluster_name, type, kubernetes_version, apiServer (Tarmak's JSON with defaults,
        or None), hieradata (the two webhook lines), terraform (the access-log variables) and errors (those of
        validateAPIServer, in the wording of tarmak-iam)."""
        from tarmak_iam.config.tarmak_output import tarmak_json, with_log_defaults
        from tarmak_iam.config.tarmak_types import Field

        api_server = None
        if self.has_api_server:
            field = Field("struct", struct="ClusterKubernetesAPIServer")
            api_server = tarmak_json(with_log_defaults(self.api_server, self.amazon_values), field)
        terraform: dict[str, Any] = {}
        for name, log in logs_of(with_defaults(self.amazon_values or AmazonValues())):
            variable = f"elb_access_logs_{name.removesuffix('ELBAccessLogs')}"
            terraform[f"{variable}_enabled"] = "true" if log is not None and log.enabled else "false"
            if log is not None:  # only for a block in the file
                terraform |= {f"{variable}_bucket": log.bucket, f"{variable}_bucket_prefix": log.bucketPrefix}
                terraform[f"{variable}_bucket_interval"] = log.interval
        return {
            "cluster_name": self.cluster_name,
            "type": self.type,
            "kubernetes_version": self.kubernetes_version,
            "apiServer": api_server,
            "hieradata": self.hieradata(),
            "terraform": terraform,
            "errors": [f"{message}; {remedy}" for _, message, remedy in api_server_issues(self)],
        }


def api_server_issues(cluster: Cluster) -> list[Issue]:
    """As Tarmak's validateAPIServer, in its order. It runs only if apiServer is present; one issue blocks every command
    for the environment of the cluster."""
    if not cluster.has_api_server:
        return []
    base, api_server = ("kubernetes", "apiServer"), cluster.api_server
    issues: list[Issue] = []
    for index, cidr in enumerate(api_server.get("allowCIDRs") or ()):
        if not is_cidr(cidr):
            remedy = "write an address with its mask, as in 10.0.0.0/8"
            issues.append(((*base, "allowCIDRs", index), f"{quoted(cidr)} is not a valid CIDR", remedy))
    problems = problems_of(with_defaults(cluster.amazon_values)) if cluster.amazon_values else ()
    issues += [((*AMAZON.path, *problem.path), problem.message, problem.remedy) for problem in problems]
    text = cluster.kubernetes_version
    version = parse_version(text)
    if version is None:
        remedy = "write a version such as 1.12.9"
        issues.append((("kubernetes", "version"), f"{quoted(text)} is not a valid version", remedy))
    elif api_server.get("disableAdmissionControllers") and version.is_below(1, 11, 0):
        what = f"Kubernetes {text} cannot disable admission controllers"
        issues.append(((*base, "disableAdmissionControllers"), what, "remove them, or use 1.11.0 or later"))
    return issues


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
