"""All that is known of one cluster's IAM authentication, computed once, as one frozen value."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from tarmak_iam.aws.regions import partition_of, region_flaw
from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.api_server import DEFAULT_WEBHOOK_FILE, webhook_file, webhook_file_flaw
from tarmak_iam.config.environment_validation import public_zone_flaw
from tarmak_iam.config.kubernetes_versions import GoVersion, parse_version
from tarmak_iam.document import Document
from tarmak_iam.document.files import Boundary
from tarmak_iam.errors import ConfigError, EditRefused, Place
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.backend_support import CRD
from tarmak_iam.identity.daemon_config import ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonInput
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.installation.admin_kubeconfig import KUBECONFIG_NAME, AdminAccess, AdminKubeconfig, examine_admin
from tarmak_iam.installation.backend_payloads import BackendPayloads, make_payloads
from tarmak_iam.installation.cluster_files import ClusterFiles, check_cluster_id
from tarmak_iam.installation.daemon import Daemon
from tarmak_iam.installation.misplaced_files import MisplacedFile, misplaced_files
from tarmak_iam.installation.setting_table import REGISTRY
from tarmak_iam.installation.settings import SettingError, Settings, override, value_text, written_route
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.text import quoted, shortened

_LOGGER = logging.getLogger(__name__)


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
        for name, value in settings.effective.items():
            if text := value_text(value):
                yield f"setting {name}: {text} ({self._source(name)})"
        version = self._source("daemonVersion") if settings.daemonVersion else "tag of the image"
        yield f"authenticator: {settings.daemon_version} ({version})"
        kubernetes = settings.kubernetesVersion or self.cluster.kubernetes_version
        yield f"Kubernetes: {kubernetes} ({self._kubernetes_source()})"

    def _source(self, name: str) -> str:
        if self.overrides.get(name) is not None:
            return "option"
        if name == "image" and self.settings.image is None:
            made_of = [each for each in (REGISTRY, "daemonVersion") if self._is_given(each)]
            return f"of {' and '.join(made_of)}" if made_of else "default"
        if self.document is not None and self.document.has(route := written_route(self.document, (name,))):
            return str(self.document.position(route))
        return "default"

    def _is_given(self, name: str) -> bool:
        return name in self.settings.chosen

    def _kubernetes_source(self) -> str:
        if self.settings.kubernetesVersion is not None:
            return self._source("kubernetesVersion")
        path = (*self.cluster.route.plain, "kubernetes", "version")
        return str(self.tarmak_yaml.position(path)) if self.tarmak_yaml.has(path) else "Tarmak's default"


@dataclass(frozen=True)
class Installation:
    """`admin` is Tarmak's own kubeconfig and `mappings` the mappings file, None where they are missing."""

    cluster: Cluster
    cluster_id: str
    region: str
    partition: str
    kubernetes_text: str
    daemon_version: DaemonVersion
    settings: Settings
    webhook_file: str | None
    public_address: str | None
    mappings: Mappings | None
    admin: AdminKubeconfig | None
    home: Path | None
    """`<dir>/<cluster_name>`, None for a configuration that is not in a file."""
    document: Document = field(repr=False)
    """tarmak.yaml, for positions in messages."""
    now: datetime | None = None
    """When the admin certificate is examined, aware; None for the time of the question."""
    follow_links: bool = False
    """Whether links of the user may lead out of the directory of tarmak.yaml, as in `Boundary`."""
    command_line: CommandLine = PLAIN
    """How a command is typed that works on it."""

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
        """The only constructor, of values. `overrides` are settings by name that win over `settings`; None values do
        not.

        Raises ConfigError for an override, image, daemon version, backend or feature gate that cannot be used.
        """
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
            public_address=cluster.public_address,
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
        """What a cluster's own files make of it; Tarmak's kubeconfig is among them only `with_admin`. `files` are
        those in the directory of tarmak.yaml if they are not given.

        Raises TarmakIamError, at the setting where it is one of the file that cannot be used.
        """
        files = files or ClusterFiles.of(config, cluster)
        admin = files.admin_kubeconfig() if with_admin else None
        settings, document = files.read_settings()
        try:
            made = cls.of(
                config, cluster, files.mappings(), settings, overrides, admin=admin, follow_links=files.follow_links
            )
        except SettingError as error:
            is_given = (overrides or {}).get(error.setting) is not None  # in an option, not in the file
            if is_given or document is None or not document.has(route := written_route(document, (error.setting,))):
                raise
            raise error.at(document.position(route)) from None
        if _LOGGER.isEnabledFor(logging.INFO):
            for line in Provenance(config.document, cluster, made.settings, document, overrides or {}).lines():
                _LOGGER.info(line)
            _LOGGER.info("region: %s, partition: %s", made.region or "unknown", made.partition)
        return made

    @property
    def image(self) -> str:
        return self.settings.effective_image

    @property
    def running_version(self) -> DaemonVersion:
        """The release in the image: what its tag says, which daemonVersion may contradict; else daemonVersion."""
        return self.settings.image_version or self.daemon_version

    @property
    def release_conflict(self) -> str:
        """That the image is of another release than `daemon_version`; "" where it is not."""
        own, running = self.daemon_version, self.running_version
        if running == own:
            return ""
        known = f"the image {self.image} is {running}"
        if self.settings.image is None:
            known = f"no image of it is known in the registry, and {known}"
        return f"daemonVersion is {own}, but {known}"

    @property
    def kubernetes(self) -> GoVersion:
        """Raises ConfigError where the version cannot be read."""
        version = parse_version(self.kubernetes_text)
        if version is None:
            raise ConfigError(
                f"{quoted(self.kubernetes_text)} is no Kubernetes version",
                remedy="write a version such as 1.12.9",
                place=self.place("kubernetes", "version"),
            )
        if version.is_below(1, 9):
            raise ConfigError(
                f"Kubernetes {shortened(self.kubernetes_text)} has no apps/v1",
                remedy="1.9 is the oldest version here",
                place=None if self.settings.kubernetesVersion else self.place("kubernetes", "version"),
            )
        return version

    @property
    def is_hub(self) -> bool:
        return self.cluster.is_hub

    @property
    def admin_path(self) -> Path | None:
        """Where Tarmak's own kubeconfig is, or would be; None for a configuration that is not in a file."""
        return self.home / KUBECONFIG_NAME if self.home else None

    @cached_property
    def admin_access(self) -> AdminAccess:
        """What the admin certificate was found to be when it was first asked for."""
        return self._examined_admin()

    @property
    def recovery_hint(self) -> str:
        """What every message about a possible lock-out says of the admin certificate. It is looked at anew each
        time: Tarmak may have written the kubeconfig meanwhile."""
        return self._examined_admin().advice

    def _examined_admin(self) -> AdminAccess:
        within = Boundary(self.home.parent, self.follow_links) if self.home else None
        return examine_admin(self.home, command_line=self.command_line, now=self.now, within=within)

    @cached_property
    def misplaced_files(self) -> tuple[MisplacedFile, ...]:
        """Mappings and settings that are not read where they are, as they were when they were first asked for."""
        if self.home is None:
            return ()
        return misplaced_files(self.home.parent, self.cluster, follow_links=self.follow_links)

    def command(self, words: str, *values: str) -> str:
        """What somebody should type; `words` as they are, `values` quoted for the shell. It names directory and
        cluster where the command would else work on others."""
        return self.command_line.tarmak_iam(words, *values)

    @property
    def map_command(self) -> str:
        """What somebody should type who has mapped nobody."""
        return self.command("map add ARN --username NAME --group GROUP")

    @property
    def admin_command(self) -> str:
        """What somebody should type who has mapped no admin."""
        return self.command("map add ARN --username NAME --group system:masters")

    def check_masters(self) -> None:
        """Raises ConfigError for a hub, and for an id that could not be an argument, a label and a name alike."""
        check_cluster_id(self.cluster_id)
        if self.is_hub:
            raise ConfigError(
                f"{self.cluster_id} is a hub: it has no masters to run the authenticator on",
                remedy="choose one of the environment's clusters",
                place=self.place(),
            )

    def place(self, *path: str) -> Place:
        """Where something of the cluster stands in tarmak.yaml."""
        return self.document.position((*self.cluster.route.plain, *path))

    def _place_of(self, kind: str, name: str, *path: str) -> Place:
        """Where something of an environment or provider stands in tarmak.yaml."""
        items = self.document.data.get(kind)
        names = [((each or {}).get("metadata") or {}).get("name", "") for each in items or ()]
        return self.document.position((kind, names.index(name), *path) if name in names else self.cluster.route.plain)

    def safe_region(self) -> str:
        """The region. Raises ConfigError where it is unknown, is a zone, or does not have the form of a region."""
        flaw = region_flaw(self.region)
        if flaw is None:
            return self.region
        name = self.cluster.environment
        what, remedy = "unknown", ", as in eu-west-1"
        if self.region:
            what = f"{shortened(self.region)!r}, which {flaw.what}"
        if flaw.suggestions:
            remedy = f" to {flaw.suggestions[0]}" if flaw.is_sure else f"; {flaw.remedy}"
        raise ConfigError(
            f"the region of {self.cluster_id} is {what}",
            remedy=f"set location of the environment {quoted(name)} in tarmak.yaml{remedy}",
            place=self._place_of("environments", name, "location") if self.region else self.place(),
        )

    def safe_public_address(self) -> str | None:
        """The URL of a public API server. Raises ConfigError for a zone that would make it another URL."""
        flaw = public_zone_flaw(self.cluster)
        if flaw is not None:
            what, remedy = flaw
            provider = str(self.cluster.environment_data().get("provider") or "")
            raise ConfigError(what, remedy=remedy, place=self._place_of("providers", provider, "amazon", "publicZone"))
        return self.public_address

    def safe_webhook_file(self) -> str | None:
        """The webhook file, if it reaches the API server as it is written. Raises ConfigError if not."""
        if self.webhook_file is None:
            return None
        reason = webhook_file_flaw(self.cluster)
        if reason:
            raise ConfigError(
                f"authTokenWebhookFile of {self.cluster_id} is {shortened(self.webhook_file)!r}: {reason}",
                remedy=f"write a plain absolute path such as {DEFAULT_WEBHOOK_FILE}",
                place=self.place("kubernetes", "apiServer", "authTokenWebhookFile"),
            )
        return self.webhook_file

    @property
    def daemon(self) -> Daemon:
        settings = self.settings
        return Daemon(
            self.daemon_version, tuple(settings.backends), settings.featureGates, self.partition, self.command_line
        )

    @property
    def missing_for_backends(self) -> tuple[str, str] | None:
        """What the cluster does not have and a backend needs, and what to do about it.

        Raises ConfigError as `kubernetes` does.
        """
        if CRD.name not in self.daemon.backends or not self.kubernetes.is_below(1, 11):
            return None
        what = (
            f"the backend CRD needs Kubernetes 1.11, and {self.cluster_id} has {shortened(self.kubernetes_text)}: "
            "the daemon finds a custom resource by its status, which there is none of before"
        )
        return what, "choose MountedFile or EKSConfigMap"

    @cached_property
    def payloads(self) -> BackendPayloads:
        """What the daemon gets of the mappings file, proven to give what the file says.

        Raises ConfigError where there is none, and as `make_payloads` does.
        """
        check_cluster_id(self.cluster_id)
        if self.mappings is None:
            raise ConfigError(
                f"{self.cluster_id} has no mappings file, so nobody could log in with IAM",
                remedy=f"map an admin role first: {self.admin_command}",
            )
        missing = self.missing_for_backends
        if missing is not None:
            raise ConfigError(missing[0], remedy=missing[1])
        return make_payloads(self.mappings, self.daemon, self.cluster_id)

    def daemon_config(self) -> str:
        """The authenticator's configuration: the mappings file with the cluster id, comments kept, lines ended by LF.

        Without its lists where the daemon does not read them there. Raises ConfigError as `payloads` does.
        """
        return self.payloads.config

    def daemon_args(self) -> tuple[str, ...]:
        """The daemon's flags that decide who becomes whom: gates, partition and backends where they exist."""
        return self.daemon.args

    @property
    def server(self) -> ServerSettings:
        """Where the daemon listens. Raises NotStarted for mappings with which it would not start."""
        document = self.mappings.document if self.mappings else None
        return read_server_settings(document, self.daemon_version, self.daemon_args())

    @cached_property
    def loaded(self) -> Authenticator:
        """`authenticator()` of the mappings as they are, of another cluster too: loaded once."""
        try:
            return self.authenticator()
        except (ConfigError, EditRefused):  # clusterID is another, or cannot be put in
            return self.authenticator(self.mappings.document.text if self.mappings else None)

    def authenticator(
        self, text: str | None = None, private_dns_names: Mapping[str, str] | None = None
    ) -> Authenticator:
        """The loaded authenticator, as the manifests would run it. `private_dns_names`: by instance id.

        Its backends have what they can carry of the mappings file, and places are those in the file: that the
        cluster's objects come to the same is for `payloads` to prove.
        """
        mappings = self.mappings
        if text is None:
            text = (
                mappings.with_cluster_id(self.cluster_id).document.text
                if mappings
                else f"clusterID: {self.cluster_id}\n"
            )
        return Authenticator.of(
            DaemonInput(
                text,
                version=str(self.daemon_version),
                cluster_id=self.cluster_id,
                args=self.daemon_args(),
                private_dns_names=private_dns_names or {},
                filename=MAPPINGS_NAME,  # of YAML in the pod, whatever the file is called here
                shown_as=mappings.document.filename if mappings else None,
                is_carried=True,
            )
        )
