"""Where what counts for a cluster comes from: an option, the settings file, tarmak.yaml, or a default."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tarmak_iam.config import Cluster
from tarmak_iam.document import Document
from tarmak_iam.setting_values import value_text
from tarmak_iam.settings import Settings

__all__ = ["Provenance"]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Of a cluster of `tarmak_yaml`: `settings` are the chosen ones, `document` the settings file, None where there is
    none, and `overrides` what was given in its place."""

    tarmak_yaml: Document
    cluster: Cluster
    settings: Settings
    document: Document | None
    overrides: Mapping[str, Any]

    def lines(self) -> Iterator[str]:
        """The cluster, and a line for each value, its source in brackets."""
        settings = self.settings
        yield f"what counts for {self.cluster.cluster_name}:"
        for name in Settings.model_fields:
            if value := value_text(getattr(settings, name)):
                yield f"setting {name}: {value} ({self._source(name)})"
        version = self._source("daemonVersion") if settings.daemonVersion else "tag of the image"
        yield f"authenticator: {settings.daemon_version} ({version})"
        kubernetes = settings.kubernetesVersion or self.cluster.kubernetes_version
        yield f"Kubernetes: {kubernetes} ({self._kubernetes_source()})"

    def _source(self, name: str) -> str:
        if self.overrides.get(name) is not None:
            return "option"
        if name == "image" and "image" not in self.settings.model_fields_set:
            made_of = [each for each in ("registry", "daemonVersion") if self._is_given(each)]
            return f"of {' and '.join(made_of)}" if made_of else "default"
        if self.document is not None and self.document.has((name,)):
            return str(self.document.position((name,)))
        return "default"

    def _is_given(self, name: str) -> bool:
        return name in self.settings.model_fields_set

    def _kubernetes_source(self) -> str:
        if self.settings.kubernetesVersion is not None:
            return self._source("kubernetesVersion")
        path = (*self.cluster.route.plain, "kubernetes", "version")
        return str(self.tarmak_yaml.position(path)) if self.tarmak_yaml.has(path) else "Tarmak's default"
