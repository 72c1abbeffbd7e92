"""The files of one cluster in `<dir>/<cluster_name>/`: mappings, settings, admin kubeconfig; and misplaced ones."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.locate import CONFIG_NAME
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, FileChanged, FileError, Place
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.on_disk import FileOnDisk
from tarmak_iam.files.read import file_error, read_if_present
from tarmak_iam.installation.admin_kubeconfig import KUBECONFIG_NAME, AdminKubeconfig, parse_admin_kubeconfig
from tarmak_iam.installation.settings import SETTINGS_NAME, Settings, parse_settings
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.text import PLAIN, CommandLine, bare, closest, quoted

_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}\Z", re.ASCII)
"""File names can have at most 255 bytes, and the names of the lock and of temporary files are longer."""


def is_cluster_id(text: str) -> bool:
    """Whether it can be used as the name of a directory, as a label and as an argument."""
    return _SAFE_ID.match(text) is not None


def check_cluster_id(cluster_id: str) -> None:
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
        """As `mappings`; if it does not exist, new ones with the cluster's ID, and `save` creates the file."""
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
        """Atomically; `before` is what was read, None for a new file, whose directory is created. A document without
        any text removes the file. Raises FileError."""
        data = before.to_bytes() if before else None
        if document.text:
            FileOnDisk.of(path, data, self.within).save(document.to_bytes())
            return
        if read_if_present(path, self.within) != data:
            raise FileChanged("the file has changed since it was read", remedy="try again", place=Place(str(path)))
        try:
            path.unlink()
        except OSError as error:
            raise file_error("cannot be removed", path, error) from None


class MisplacedFile(NamedTuple):
    """Mappings or settings with a wrong name or directory. `read_from`: the paths, of one or several clusters, where it
    would be read; () for a file of a hub. `is_guess`: whether the directory is not one of the cluster's."""

    path: Path
    name: str
    read_from: tuple[Path, ...]
    is_guess: bool = False


def intended_name(name: str) -> str | None:
    """The name of the file that is meant by a name in another case, with `_`, or with another extension."""
    stem, ending = os.path.splitext(name)
    if ending.lower() not in (".yaml", ".yml", ".json"):
        return None
    known_names = (MAPPINGS_NAME, SETTINGS_NAME)
    return next((known for known in known_names if bare(os.path.splitext(known)[0]) == bare(stem)), None)


def misplaced_files(directory: Path, cluster: Cluster, *, follow_links: bool = False) -> tuple[MisplacedFile, ...]:
    """Misplaced files that are probably meant for the cluster, or for several clusters of the tarmak.yaml in the
    directory; all in the directory of a hub. Never raises: a directory that cannot be listed is empty."""
    within, home = Boundary(directory, follow_links), directory / cluster.cluster_name
    clusters = [other for other in cluster.selectable_clusters if not other.is_hub]
    homes = [directory / other.cluster_name for other in clusters]
    if cluster.is_hub:
        return tuple(_files_in(home, [], homes, within))
    owners = {
        cluster.environment: [other for other in clusters if other.environment == cluster.environment],
        cluster.name: [other for other in clusters if other.name == cluster.name],
        f"{cluster.environment}/{cluster.name}": [cluster],
    }
    taken = {directory, *(directory / other.cluster_name for other in cluster.selectable_clusters)}
    others = [name for name in _listed(directory, within) if name not in owners and directory / name not in taken]
    digits = re.sub(r"\D", "", cluster.cluster_name)
    same_digits = [name for name in others if re.sub(r"\D", "", name) == digits]  # else it is another cluster's
    nearest = closest(cluster.cluster_name, same_digits)
    is_unmapped = cluster.authenticator_init and not (home / MAPPINGS_NAME).exists()
    files = [*_files_in(home, [cluster], homes, within), *_files_in(directory, clusters, homes, within)]
    for name in (*owners, *others):
        place = directory / name
        if place in taken or (place / CONFIG_NAME).exists():  # that is a whole configuration
            continue
        if name in owners:
            files += _files_in(place, owners[name], homes, within)
            continue
        is_respelled = name in same_digits and bare(name) == bare(cluster.cluster_name)
        for file in _files_in(place, [cluster], homes, within):
            is_nearest = name == nearest and not file.read_from[0].exists()
            # Mappings in any other directory are a copy, or another cluster's, unless this one needs some.
            if is_respelled or is_nearest or (is_unmapped and file.name == MAPPINGS_NAME):
                files.append(file._replace(is_guess=True))
    return tuple(files)


def _files_in(place: Path, owners: list[Cluster], homes: list[Path], within: Boundary) -> Iterator[MisplacedFile]:
    """The files in a directory that are meant for `owners`, without those that are read in one of the `homes`."""
    for listed in _listed(place, within):
        name, path = intended_name(listed), place / listed
        # On a file system that ignores case, or through a link, a wrong name may be the right file.
        read = [home / name for home in homes if name is not None and os.path.exists(home / name)]
        if name is not None and path.is_file() and not any(map(path.samefile, read)):
            yield MisplacedFile(path, name, tuple(within.directory / owner.cluster_name / name for owner in owners))


def _listed(place: Path, within: Boundary) -> list[str]:
    try:
        return sorted(os.listdir(within.resolve(place)))
    except (OSError, FileError, ValueError):
        return []
