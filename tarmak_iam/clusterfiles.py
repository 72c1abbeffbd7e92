"""The files that belong to one cluster, in `<dir>/<cluster_name>/`: mappings, settings, admin kubeconfig."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.document.files import make_directory, read_file, replace_file
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.kubeconfig import AdminKubeconfig, parse_admin_kubeconfig
from tarmak_iam.settings import SETTINGS_NAME, Settings, parse_settings

__all__ = ["MAPPINGS_NAME", "ClusterFiles"]

MAPPINGS_NAME = "aws-iam-authenticator.yaml"
_KUBECONFIG_NAME = "kubeconfig"
# Tarmak makes this directory for its own files with the same mode: they hold credentials.
_DIRECTORY_MODE = 0o700


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """`directory` is that of tarmak.yaml."""

    directory: Path
    cluster_name: str

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
        """Tarmak's own, with the admin certificate: it works without the authenticator."""
        return self.home / _KUBECONFIG_NAME

    def mappings(self) -> Mappings | None:
        """None where there is no such file. Raises TarmakIamError."""
        path = self.mappings_path
        return Mappings.parse(read_file(path), str(path)) if path.exists() else None

    def settings(self) -> Settings:
        """The defaults where there is no such file. Raises TarmakIamError."""
        path = self.settings_path
        return parse_settings(read_file(path), str(path))[0] if path.exists() else Settings()

    def admin_kubeconfig(self) -> AdminKubeconfig | None:
        """None where there is no such file. Raises TarmakIamError."""
        path = self.kubeconfig_path
        return parse_admin_kubeconfig(read_file(path), str(path)) if path.exists() else None

    def write(self, path: Path, data: bytes, *, expected: bytes | None) -> None:
        """Writes one of the files atomically, making the directory where it is missing. Raises FileError."""
        if expected is None:
            make_directory(path.parent, _DIRECTORY_MODE)
        replace_file(path, data, expected=expected)
