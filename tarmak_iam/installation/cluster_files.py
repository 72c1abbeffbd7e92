"""The files of one cluster in `<dir>/<cluster_name>/`: mappings, settings, admin kubeconfig."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, FileError, Place
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.on_disk import FileOnDisk
from tarmak_iam.files.read import read_if_present
from tarmak_iam.installation.admin_kubeconfig import KUBECONFIG_NAME, AdminKubeconfig, parse_admin_kubeconfig
from tarmak_iam.installation.settings import SETTINGS_NAME, Settings, parse_settings
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.text import PLAIN, CommandLine, quoted

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z", re.ASCII)
"""File names can have at most 255 bytes, and the names of the lock and of temporary files are longer."""


def is_cluster_id(text: str) -> bool:
    """Whether it can be used as the name of a directory, as a label and as an argument."""
    return _SAFE_ID.match(text) is not None


def check_cluster_id(cluster_id: str) -> None:
    """Raises ConfigError for an ID that cannot be used as the name of a directory, as a label and as an argument."""
    if not is_cluster_id(cluster_id):
        what = f"{quoted(cluster_id)} is not a valid cluster ID"
        remedy = "use only letters, digits, dots and dashes in the names of environment and cluster"
        raise ConfigError(what, remedy=remedy)


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """`directory` is that of tarmak.yaml; `command_line` is how to write commands that work on the cluster. A link that
    leads out of the directory is an error when a file is read or written, unless `follow_links`, as in `Boundary`.

    Raises ConfigError for a cluster name that cannot be a file name.
    """

    directory: Path
    cluster_name: str
    follow_links: bool = False
    command_line: CommandLine = PLAIN

    @classmethod
    def of(cls, config: TarmakConfig, cluster: Cluster, *, follow_links: bool = False) -> ClusterFiles:
        """Raises FileError for a configuration that is not in a file."""
        if config.path is None:
            what = "the files of the cluster are unknown: the configuration was not loaded from a file"
            raise FileError(what, remedy="load it from its file", place=Place(config.document.filename))
        return cls(config.path.parent, cluster.cluster_name, follow_links, config.command_line(cluster))

    def __post_init__(self) -> None:
        check_cluster_id(self.cluster_name)

    @property
    def within(self) -> Boundary:
        """The boundary for code that reads or writes one of the files itself."""
        return Boundary(self.directory, self.follow_links)

    @property
    def home(self) -> Path:
        return self.directory / self.cluster_name

    @property
    def mappings_path(self) -> Path:
        return self.home / MAPPINGS_NAME

    @property
    def settings_path(self) -> Path:
        return self.home / SETTINGS_NAME

    @property
    def kubeconfig_path(self) -> Path:
        """Tarmak's own kubeconfig, whose admin certificate works without the authenticator."""
        return self.home / KUBECONFIG_NAME

    @property
    def own(self) -> tuple[Path, ...]:
        """The files that no artifact may overwrite, above all the kubeconfig for recovery access."""
        return self.mappings_path, self.settings_path, self.kubeconfig_path

    def mappings(self) -> Mappings | None:
        """The mappings file; None if it does not exist. Raises TarmakIamError."""
        mappings = self.mappings_or_new()
        return None if mappings.is_new else mappings

    def mappings_or_new(self) -> Mappings:
        """The mappings file; if it does not exist, new mappings with the cluster's ID, and `save` creates the file.

        Raises TarmakIamError.
        """
        return Mappings.load(self.mappings_path, self.cluster_name, within=self.within)

    def settings_document(self) -> Document | None:
        """The settings file; None if it does not exist. Raises TarmakIamError, also for an invalid setting."""
        return self.read_settings()[1]

    def settings(self) -> Settings:
        """The settings; the defaults if the file does not exist. Raises TarmakIamError."""
        return self.read_settings()[0]

    def read_settings(self) -> tuple[Settings, Document | None]:
        """`settings` and `settings_document` from one reading of the file. Raises TarmakIamError."""
        data = read_if_present(self.settings_path, self.within)
        return (Settings(), None) if data is None else parse_settings(data, str(self.settings_path))

    def admin_kubeconfig(self) -> AdminKubeconfig | None:
        """Tarmak's own kubeconfig; None if it does not exist. Raises TarmakIamError."""
        path = self.kubeconfig_path
        data = read_if_present(path, self.within)
        return None if data is None else parse_admin_kubeconfig(data, str(path), self.command_line)

    def write(self, path: Path, document: Document, before: Document | None) -> None:
        """Writes one of the files atomically; `before` is what was read, None for a new file, whose directory
        is created. Raises FileError."""
        FileOnDisk.of(path, before.to_bytes() if before else None, self.within).save(document.to_bytes())
