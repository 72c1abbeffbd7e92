"""One cluster of tarmak.yaml."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from tarmak_iam.config.amazon import AMAZON, Amazon
from tarmak_iam.config.api_server import api_server_json, hieradata, terraform
from tarmak_iam.config.cluster_validation import api_server_issues
from tarmak_iam.config.kubernetes_versions import kubernetes_version
from tarmak_iam.config.sections import Model, Problem, Section, field_errors
from tarmak_iam.errors import ConfigError
from tarmak_iam.routes import Route

if TYPE_CHECKING:
    from tarmak_iam.config.config import TarmakConfig


# Compared by identity: the data are dictionaries.
@dataclass(frozen=True, slots=True, eq=False)
class Cluster:
    """A cluster as the file has it (`data`), and as Tarmak will use it (`effective`)."""

    index: int
    data: dict[str, Any] = field(repr=False)
    _config: TarmakConfig = field(repr=False)

    @property
    def name(self) -> str:
        return str((self.data.get("metadata") or {}).get("name") or "")

    @property
    def environment(self) -> str:
        return str(self.data.get("environment") or "")

    @property
    def cluster_name(self) -> str:
        """`<environment>-<name>`: the id everywhere, of the authenticator too."""
        return f"{self.environment}-{self.name}"

    @property
    def selectable_clusters(self) -> tuple[Cluster, ...]:
        """All clusters of the same tarmak.yaml that a name leads to, this one too."""
        return self._config.selectable_clusters

    @property
    def route(self) -> Route:
        return Route.of(("clusters", self.index))

    @property
    def type(self) -> str:
        """`cluster-single` iff its environment has no other, else `hub` if it is named so, else `cluster-multi`."""
        clusters = [cluster or {} for cluster in self._config.data.get("clusters") or ()]
        if sum((cluster.get("environment") or "") == self.environment for cluster in clusters) == 1:
            return "cluster-single"
        return "hub" if self.name == "hub" else "cluster-multi"

    @property
    def is_hub(self) -> bool:
        """Whether it is without masters, and so without anything to log in to."""
        return self.type == "hub"

    @property
    def siblings(self) -> list[Cluster]:
        """The other clusters of its environment."""
        return [each for each in self._config.clusters if each.environment == self.environment and each is not self]

    @property
    def amazon(self) -> Amazon | None:
        """The section `kubernetes.apiServer.amazon` as the file has it, None where it has none."""
        return AMAZON.read(self.data)

    def section(self, section: Section[Model]) -> Model | None:
        """A section as the file has it, None where it has none. Raises ConfigError where it does not fit its model."""
        try:
            return section.read(self.data_with_unknown_keys)
        except ValidationError as error:
            first = field_errors(error)[0]
            place = self._config.document.position((*self.route.plain, *section.path, *first.path))
            raise ConfigError(f"{section.name}: {first.message}", place=place) from None

    def problems(self, section: Section[Any]) -> list[Problem]:
        """What the section itself says is wrong with it; none where the file has none."""
        return section.problems(self.data_with_unknown_keys)

    @property
    def data_with_unknown_keys(self) -> dict[str, Any]:
        """All that the file has of the cluster: `data`, and beside it the keys that Tarmak does not know."""
        written = self._config.written_clusters
        return dict(_overlaid(written[self.index] if self.index < len(written) else None, self.data))

    @property
    def authenticator_init(self) -> bool:
        """Whether the switch is on."""
        amazon = self.amazon
        return amazon is not None and amazon.awsIAMAuthenticatorInit

    @property
    def api_server(self) -> dict[str, Any]:
        """`kubernetes.apiServer` as the file has it."""
        return dict((self.data.get("kubernetes") or {}).get("apiServer") or {})

    @property
    def kubernetes_version(self) -> str:
        return kubernetes_version(self.data)

    def environment_data(self) -> dict[str, Any]:
        """The entry of `environments` that the cluster belongs to, empty if there is none."""
        return item_named(self._config.data.get("environments"), self.environment)

    def provider_data(self) -> dict[str, Any]:
        """The entry of `providers` that its environment names, empty if there is none."""
        return self._config.provider(str(self.environment_data().get("provider") or ""))

    @property
    def public_address(self) -> str | None:
        """`https://api.<environment>-<name>.<publicZone>`, which Tarmak makes for a public API server only."""
        zone = (self.provider_data().get("amazon") or {}).get("publicZone")
        return f"https://api.{self.cluster_name}.{zone}" if self.api_server.get("public") and zone else None

    def effective(self) -> dict[str, Any]:
        """What Tarmak will do with it: cluster_name, type, kubernetes_version, apiServer (Tarmak's JSON after
        defaulting, or None), hieradata (the two webhook lines), terraform (the access-log variables) and
        errors (validateAPIServer's, in our words)."""
        return {
            "cluster_name": self.cluster_name,
            "type": self.type,
            "kubernetes_version": self.kubernetes_version,
            "apiServer": api_server_json(self.data),
            "hieradata": hieradata(self.data),
            "terraform": terraform(self.data),
            "errors": [f"{message}; {remedy}" for _, message, remedy in api_server_issues(self.data)],
        }


def _overlaid(written: Any, decoded: Any) -> Any:
    """What is written, with what Tarmak makes of it in the place of what it knows."""
    if isinstance(written, dict) and isinstance(decoded, dict):
        return {**written, **{key: _overlaid(written.get(key), value) for key, value in decoded.items()}}
    return decoded


def item_named(items: Any, name: str) -> dict[str, Any]:
    """The first item with that `metadata.name`, empty if there is none."""
    for item in items or ():
        if ((item or {}).get("metadata") or {}).get("name", "") == name:
            return dict(item or {})
    return {}
