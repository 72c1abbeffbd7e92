"""All data about the IAM authentication of one cluster, computed once, as one frozen value."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from tarmak_iam.aws.regions import partition_of, region_flaw
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE, webhook_file, webhook_file_flaw
from tarmak_iam.config.cluster import check_masters
from tarmak_iam.config.cluster_validation import public_zone_flaw
from tarmak_iam.config.kubernetes_versions import GoVersion, parse_version
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, EditRefused, Place
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import CRD
from tarmak_iam.identity.daemon_config import ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonInput
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.installation.admin_kubeconfig import KUBECONFIG_NAME, AdminAccess, AdminKubeconfig, examine_admin
from tarmak_iam.installation.backend_payloads import BackendPayloads, Daemon, make_payloads
from tarmak_iam.installation.cluster_files import ClusterFiles, MisplacedFile, check_cluster_id, misplaced_files
from tarmak_iam.installation.images import Image
from tarmak_iam.installation.setting_table import REGISTRY
from tarmak_iam.installation.settings import SettingError, Settings, override, value_text, written_route
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.text import PLAIN, CommandLine, quoted, shortened

_LOGGER = logging.getLogger(__name__)


ADD_ADMIN = "map add ARN --username NAME --group system:masters"
"""The words of the command that maps a first admin."""


@dataclass(frozen=True)
class Installation:
    """The IAM login of one cluster: its settings, image, files and authenticator. `admin`, which is Tarmak's own
    kubeconfig, and `mappings` are None if the file does not exist."""

    cluster: Cluster
    cluster_id: str
    region: str
    partition: str
    kubernetes_text: str
    daemon_version: DaemonVersion
    settings: Settings
    webhook_file: str | None
    mappings: Mappings | None
    admin: AdminKubeconfig | None
    home: Path | None
    """`<dir>/<cluster_name>`, None for a configuration that was not loaded from a file."""
    document: Document = field(repr=False)
    """tarmak.yaml, for positions in messages."""
    now: datetime | None = None
    """The time, aware, at which the admin certificate is examined; None for the present time."""
    follow_links: bool = False
    """Whether the user's own links may lead out of the directory of tarmak.yaml, as in `Boundary`."""
    command_line: CommandLine = PLAIN
    """How to write commands that work on the cluster."""

    @classmethod
    def of(
        cls,
        config: TarmakConfig,
        cluster: Cluster,
        mappings: Mappings | None = None,
        settings: Settings | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        admin: AdminKubeconfig | None = None,
        now: datetime | None = None,
        follow_links: bool = False,
    ) -> Installation:
        """The installation from values. `overrides` are settings by name that replace those in `settings`, unless they
        are None. Raises ConfigError for one that cannot be used."""
        chosen = override(settings or Settings(), overrides or {})
        region = str(cluster.environment_data().get("location") or cluster.data.get("location") or "")
        made = cls(
            cluster=cluster,
            cluster_id=cluster.cluster_name,
            region=region,
            partition=partition_of(region),
            kubernetes_text=chosen.kubernetesVersion or cluster.kubernetes_version,
            daemon_version=chosen.daemon_version,
            settings=chosen,
            webhook_file=webhook_file(cluster),
            mappings=mappings,
            admin=admin,
            home=config.path.parent / cluster.cluster_name if config.path else None,
            document=config.document,
            now=now,
            follow_links=follow_links,
            command_line=config.command_line(cluster),
        )
        made.daemon.check()
        return made

    @classmethod
    def load(
        cls,
        config: TarmakConfig,
        cluster: Cluster,
        files: ClusterFiles | None = None,
        overrides: Mapping[str, Any] | None = None,
        *,
        with_admin: bool = False,
    ) -> Installation:
        """The installation from the files of a cluster, by default those next to tarmak.yaml; Tarmak's own kubeconfig
        is only read `with_admin`. Raises TarmakIamError, placed at the setting if one in the file cannot be used."""
        files = files or ClusterFiles.of(config, cluster)
        admin = files.admin_kubeconfig() if with_admin else None
        settings, document = files.read_settings()
        mappings, follow = files.mappings(), files.follow_links
        try:
            made = cls.of(config, cluster, mappings, settings, overrides, admin=admin, follow_links=follow)
        except SettingError as error:
            is_given = (overrides or {}).get(error.setting) is not None  # by an option, not in the file
            if is_given or document is None or not document.has(route := written_route(document, (error.setting,))):
                raise
            place = document.position(route)
            raise SettingError(error.what, setting=error.setting, remedy=error.remedy, place=place) from None
        if _LOGGER.isEnabledFor(logging.INFO):
            for line in _values_in_use(made, document, overrides or {}):
                _LOGGER.info(line)
        return made

    @property
    def image(self) -> str:
        return self.settings.effective_image

    @property
    def running_version(self) -> DaemonVersion:
        """The release in the image: its tag, which may differ from daemonVersion; without a tag, daemonVersion."""
        try:
            return DaemonVersion.parse(Image.parse(self.image).tag)
        except ValueError:
            return self.daemon_version

    @property
    def release_conflict(self) -> str:
        """A message if the image contains another release than `daemon_version`; else ""."""
        if self.running_version == self.daemon_version:
            return ""
        known = f"the image {self.image} is {self.running_version}"
        if self.settings.image is None:
            known = f"no image of that release is known in the registry, and {known}"
        return f"daemonVersion is {self.daemon_version}, but {known}"

    @property
    def kubernetes(self) -> GoVersion:
        """The version of Kubernetes. Raises ConfigError if it cannot be read."""
        version = parse_version(self.kubernetes_text)
        if version is None:
            what = f"{quoted(self.kubernetes_text)} is not a valid Kubernetes version"
            raise ConfigError(what, remedy="use a version such as 1.12.9", place=self.place("kubernetes", "version"))
        if version.is_below(1, 9):
            what = f"Kubernetes {shortened(self.kubernetes_text)} does not have the API apps/v1"
            place = None if self.settings.kubernetesVersion else self.place("kubernetes", "version")
            raise ConfigError(what, remedy="use Kubernetes 1.9 or later", place=place)
        return version

    @property
    def is_hub(self) -> bool:
        return self.cluster.is_hub

    @property
    def admin_path(self) -> Path | None:
        """The path of Tarmak's own kubeconfig, which may not exist."""
        return self.home / KUBECONFIG_NAME if self.home else None

    @cached_property
    def admin_access(self) -> AdminAccess:
        """The result of examining the admin certificate, at the first use of this property."""
        return self.examined_admin()

    @property
    def recovery_hint(self) -> str:
        """For messages about a lock-out. Examined each time: Tarmak may have written the kubeconfig meanwhile."""
        return self.examined_admin().advice

    def examined_admin(self) -> AdminAccess:
        """As `admin_access`, but examined each time: Tarmak may have written the kubeconfig meanwhile."""
        within = Boundary(self.home.parent, self.follow_links) if self.home else None
        return examine_admin(self.home, command_line=self.command_line, now=self.now, within=within)

    @cached_property
    def misplaced_files(self) -> tuple[MisplacedFile, ...]:
        if self.home is None:
            return ()
        return misplaced_files(self.home.parent, self.cluster, follow_links=self.follow_links)

    def command(self, words: str, *values: str) -> str:
        """A command for the user that works on this cluster: `words` unchanged, `values` quoted for the shell."""
        return self.command_line.tarmak_iam(words, *values)

    def check_masters(self) -> None:
        """Raises ConfigError for a hub, which has no masters, and for a cluster ID that cannot be used as a name."""
        check_cluster_id(self.cluster_id)
        check_masters(self.cluster)

    def place(self, *path: str) -> Place:
        """The place of a path of the cluster in tarmak.yaml."""
        return self.document.position((*self.cluster.route.plain, *path))

    def _place_of(self, kind: str, name: str, *path: str) -> Place:
        """The place of a path of an environment or provider in tarmak.yaml."""
        items = self.document.data.get(kind)
        names = [((item or {}).get("metadata") or {}).get("name", "") for item in items or ()]
        return self.document.position((kind, names.index(name), *path) if name in names else self.cluster.route.plain)

    def safe_region(self) -> str:
        """The region. Raises ConfigError where it is unknown, is a zone, or is not a valid name of a region."""
        flaw = region_flaw(self.region)
        if flaw is None:
            return self.region
        name = self.cluster.environment
        what, remedy = "unknown", ", as in eu-west-1"
        if self.region:
            what = f"{shortened(self.region)!r}, which {flaw.what}"
        if flaw.suggestions:
            remedy = f" to {flaw.suggestions[0]}" if flaw.is_sure else f"; {flaw.remedy}"
        remedy = f"set location of the environment {quoted(name)} in tarmak.yaml{remedy}"
        place = self._place_of("environments", name, "location") if self.region else self.place()
        raise ConfigError(f"the region of {self.cluster_id} is {what}", remedy=remedy, place=place)

    def safe_public_address(self) -> str | None:
        """The URL of a public API server. Raises ConfigError for a zone that would lead to another URL."""
        if flaw := public_zone_flaw(self.cluster):
            what, remedy = flaw
            provider = str(self.cluster.environment_data().get("provider") or "")
            raise ConfigError(what, remedy=remedy, place=self._place_of("providers", provider, "amazon", "publicZone"))
        return self.cluster.public_address

    def safe_webhook_file(self) -> str | None:
        """The webhook file. Raises ConfigError for one that would not reach the API server unchanged."""
        if self.webhook_file is None:
            return None
        if reason := webhook_file_flaw(self.cluster):
            what = f"authTokenWebhookFile of {self.cluster_id} is {shortened(self.webhook_file)!r}: {reason}"
            remedy = f"use a plain absolute path such as {DEFAULT_WEBHOOK_FILE}"
            raise ConfigError(what, remedy=remedy, place=self.place("kubernetes", "apiServer", "authTokenWebhookFile"))
        return self.webhook_file

    @property
    def daemon(self) -> Daemon:
        backends, gates = tuple(self.settings.backends), self.settings.featureGates
        return Daemon(self.daemon_version, backends, gates, self.partition, self.command_line)

    @property
    def missing_for_backends(self) -> tuple[str, str] | None:
        """A requirement of a backend that the cluster does not meet, and a remedy. Raises as `kubernetes` does."""
        if CRD.name not in self.daemon.backends or not self.kubernetes.is_below(1, 11):
            return None
        what = f"the backend CRD requires Kubernetes 1.11, but {self.cluster_id} has {shortened(self.kubernetes_text)}"
        why = "the authenticator finds custom resources by their status, which earlier versions do not support"
        return f"{what}: {why}", "use MountedFile or EKSConfigMap"

    @cached_property
    def payloads(self) -> BackendPayloads:
        """What the backends read, verified to map as the mappings file does. Raises ConfigError without one, and as
        `make_payloads` does."""
        check_cluster_id(self.cluster_id)
        if self.mappings is None:
            what = f"{self.cluster_id} has no mappings file, so IAM login would not be possible"
            raise ConfigError(what, remedy=f"map an admin role first: {self.command(ADD_ADMIN)}")
        if missing := self.missing_for_backends:
            raise ConfigError(missing[0], remedy=missing[1])
        return make_payloads(self.mappings, self.daemon, self.cluster_id)

    @property
    def server(self) -> ServerSettings:
        """The address on which the authenticator listens. Raises NotStarted if it does not start."""
        document = self.mappings.document if self.mappings else None
        return read_server_settings(document, self.daemon_version, self.daemon.args)

    @cached_property
    def loaded(self) -> Authenticator:
        """`authenticator()` of the present mappings, even if they are those of another cluster; loaded once."""
        try:
            return self.configured
        except (ConfigError, EditRefused):  # another clusterID, or one that cannot be added
            return self.authenticator(self.mappings.document if self.mappings else None)

    @cached_property
    def configured(self) -> Authenticator:
        """As `loaded`. Raises ConfigError for another clusterID, and EditRefused if none can be added."""
        return self.authenticator()

    def authenticator(
        self, document: Document | None = None, private_dns_names: Mapping[str, str] | None = None
    ) -> Authenticator:
        """As the manifests would run it, with the mappings that its backends support; only `payloads` proves that the
        cluster's objects have the same effect. `private_dns_names` are by instance ID."""
        mappings = self.mappings
        if document is None and mappings is not None:
            document = mappings.with_cluster_id(self.cluster_id).document
        return Authenticator.of(
            DaemonInput(
                f"clusterID: {self.cluster_id}\n" if document is None else document.text,
                version=str(self.daemon_version),
                cluster_id=self.cluster_id,
                args=self.daemon.args,
                private_dns_names=private_dns_names or {},
                filename=MAPPINGS_NAME,  # it is YAML in the pod, whatever the name of this file
                shown_as=mappings.document.filename if mappings else None,
                is_carried=True,
                document=document,
            )
        )


def _values_in_use(
    installation: Installation, document: Document | None, overrides: Mapping[str, Any]
) -> Iterator[str]:
    """The cluster, and one line per value, with its source in brackets. `document` is the settings file, and
    `overrides` are the options that replace some of its values."""
    settings, cluster, tarmak_yaml = installation.settings, installation.cluster, installation.document

    def source_of(name: str) -> str:
        if overrides.get(name) is not None:
            return "option"
        if name == "image" and settings.image is None:
            made_of = [key for key in (REGISTRY, "daemonVersion") if key in settings.chosen]
            return f"from {' and '.join(made_of)}" if made_of else "default"
        if document is not None and document.has(route := written_route(document, (name,))):
            return str(document.position(route))
        return "default"

    yield f"values in use for {cluster.cluster_name}:"
    for name, value in settings.effective.items():
        if text := value_text(value):
            yield f"setting {name}: {text} ({source_of(name)})"
    version = source_of("daemonVersion") if settings.daemonVersion else "tag of the image"
    yield f"authenticator: {settings.daemon_version} ({version})"
    kubernetes_source = "Tarmak's default"
    if settings.kubernetesVersion is not None:
        kubernetes_source = source_of("kubernetesVersion")
    elif tarmak_yaml.has(path := (*cluster.route.plain, "kubernetes", "version")):
        kubernetes_source = str(tarmak_yaml.position(path))
    yield f"Kubernetes: {installation.kubernetes_text} ({kubernetes_source})"
    yield f"region: {installation.region or 'unknown'}, partition: {installation.partition}"
