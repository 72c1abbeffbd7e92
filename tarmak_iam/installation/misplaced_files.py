"""Mappings and settings that are not read because their name or their directory is wrong.

Lists only the few directories that users mistake for that of a cluster, and reads no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.config import Cluster
from tarmak_iam.config.locate import CONFIG_NAME
from tarmak_iam.errors import FileError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tarmak_iam.text import bare, closest

_NAMES = (MAPPINGS_NAME, SETTINGS_NAME)


class MisplacedFile(NamedTuple):
    """`read_from`: the paths, of one or several clusters, where it would be read; () for a file of a hub. `is_guess`:
    whether the name of the directory is not one of the cluster's, or only similar."""

    path: Path
    name: str
    read_from: tuple[Path, ...]
    is_guess: bool = False


def intended_name(name: str) -> str | None:
    """The name of the file that is meant by a name in another case, with `_`, or with another extension."""
    stem, ending = os.path.splitext(name)
    if ending.lower() not in (".yaml", ".yml", ".json"):
        return None
    return next((known for known in _NAMES if bare(os.path.splitext(known)[0]) == bare(stem)), None)


def misplaced_files(directory: Path, cluster: Cluster, *, follow_links: bool = False) -> tuple[MisplacedFile, ...]:
    """Misplaced files that are probably meant for the cluster, or for several clusters of the tarmak.yaml in the
    directory; all in the directory of a hub. Never raises: a directory that cannot be listed is empty."""
    search = _Search(directory, cluster, Boundary(directory, follow_links))
    home = directory / cluster.cluster_name
    return tuple(search.files_in(home, []) if cluster.is_hub else (*search.likely(home), *search.unlikely(home)))


class _Search:
    def __init__(self, directory: Path, cluster: Cluster, within: Boundary) -> None:
        self.directory, self.cluster, self.within = directory, cluster, within
        self.clusters = [other for other in cluster.selectable_clusters if not other.is_hub]
        self.searched = {directory, *(directory / other.cluster_name for other in cluster.selectable_clusters)}

    def likely(self, home: Path) -> Iterator[MisplacedFile]:
        """In the directories of the cluster, of tarmak.yaml, and with the name of the environment or the cluster."""
        cluster, directory = self.cluster, self.directory
        yield from self.files_in(home, [cluster])
        yield from self.files_in(directory, self.clusters)
        of_environment = [other for other in self.clusters if other.environment == cluster.environment]
        of_name = [other for other in self.clusters if other.name == cluster.name]
        candidates = ((cluster.environment, of_environment), (cluster.name, of_name))
        places = [(directory / name, meant) for name, meant in candidates if _is_file_name(name)]
        for place, meant in (*places, (directory / cluster.environment / cluster.name, [cluster])):
            if self._is_new(place):
                self.searched.add(place)
                yield from self.files_in(place, meant)

    def unlikely(self, home: Path) -> Iterator[MisplacedFile]:
        """In a directory with a similar name; a name with other digits is that of another cluster. And mappings in any
        other directory, and in a directory with the cluster's name below it, only where IAM login is enabled and the
        cluster has no mappings: otherwise such a file is a copy, or belongs to another cluster."""
        name, taken = self.cluster.cluster_name, {place.name for place in self.searched}
        listed = [other for other in self._listed(self.directory) if other not in taken]
        others = [other for other in listed if _digits(other) == _digits(name)]
        spelled = [other for other in others if bare(other) == bare(name)]
        for other in dict.fromkeys((*spelled, *filter(None, [closest(name, others)]))):
            if not (self.directory / other / CONFIG_NAME).exists():
                for file in self.files_in(self.directory / other, [self.cluster]):
                    if other in spelled or not file.read_from[0].exists():
                        yield MisplacedFile(file.path, file.name, file.read_from, is_guess=True)
        if not self.cluster.authenticator_init or (home / MAPPINGS_NAME).exists():
            return
        for other in self._listed(self.directory):
            place = self.directory / other
            if bare(other) != bare(name) and self._is_new(place):
                for file in self.files_in(place, [self.cluster]):
                    if file.name == MAPPINGS_NAME:
                        yield MisplacedFile(file.path, file.name, file.read_from, is_guess=True)
                yield from self.files_in(place / name, [self.cluster])

    def _is_new(self, place: Path) -> bool:
        """A directory with its own tarmak.yaml is a whole configuration."""
        return place not in self.searched and not (place / CONFIG_NAME).exists()

    def files_in(self, place: Path, clusters: list[Cluster]) -> Iterator[MisplacedFile]:
        for listed in self._listed(place):
            name, path = intended_name(listed), place / listed
            if name is not None and path.is_file():
                homes = [self.directory / cluster.cluster_name for cluster in self.clusters]
                if not any(_is_same(path, home / name) for home in homes):
                    read_from = tuple(self.directory / cluster.cluster_name / name for cluster in clusters)
                    yield MisplacedFile(path, name, read_from)

    def _listed(self, place: Path) -> list[str]:
        try:
            return sorted(os.listdir(self.within.resolve(place)))
        except (OSError, FileError, ValueError):
            return []


def _is_same(path: Path, other: Path) -> bool:
    """On a file system that ignores case, or through a link, a wrong name may be the right file."""
    try:
        return path == other or path.samefile(other)
    except OSError:
        return False


def _is_file_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))
