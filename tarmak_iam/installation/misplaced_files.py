"""Mappings and settings that are not read because their name or their directory is wrong.

Lists only the few directories that users mistake for that of a cluster, and reads no file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from tarmak_iam.config import Cluster
from tarmak_iam.config.locate import CONFIG_NAME
from tarmak_iam.errors import FileError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tarmak_iam.suggestions import bare, closest

_NAMES = (MAPPINGS_NAME, SETTINGS_NAME)
_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class MisplacedFile:
    """`read_from`: the paths, of one or several clusters, where it would be read; () for a file of a hub. `is_guess`:
    whether the name of the directory is not one of the cluster's, or only similar."""

    path: Path
    name: str
    read_from: tuple[Path, ...]
    is_guess: bool = False


def intended_name(name: str) -> str | None:
    """The name of the file that is meant by a name in another case, with `_`, or with another extension."""
    stem, ending = os.path.splitext(name)
    if ending.lower() not in _ENDINGS:
        return None
    return next((each for each in _NAMES if bare(os.path.splitext(each)[0]) == bare(stem)), None)


def misplaced_files(directory: Path, cluster: Cluster, *, follow_links: bool = False) -> tuple[MisplacedFile, ...]:
    """Misplaced files that are probably meant for the cluster, or for several clusters of the tarmak.yaml in the
    directory; all in the directory of a hub. Never raises: a directory that cannot be listed is empty."""
    search = _Search(directory, cluster, Boundary(directory, follow_links))
    return tuple(search.of_hub() if cluster.is_hub else search.files())


@dataclass(frozen=True, slots=True)
class _Search:
    directory: Path
    cluster: Cluster
    within: Boundary

    def files(self) -> Iterator[MisplacedFile]:
        own, clusters = self._home(self.cluster), self._clusters
        yield from self._in(own, [self.cluster])
        yield from self._in(self.directory, clusters)
        of_environment = [each for each in clusters if each.environment == self.cluster.environment]
        of_name = [each for each in clusters if each.name == self.cluster.name]
        nested = self.directory / self.cluster.environment / self.cluster.name
        searched = {self.directory, *map(self._home, self.cluster.selectable_clusters)}
        candidates = ((self.cluster.environment, of_environment), (self.cluster.name, of_name))
        places = [(self.directory / name, meant) for name, meant in candidates if _is_file_name(name)]
        for place, meant in (*places, (nested, [self.cluster])):
            # A directory with its own tarmak.yaml is a whole configuration.
            if place not in searched and not (place / CONFIG_NAME).exists():
                searched.add(place)
                yield from self._in(place, meant)
        yield from self._in_similar(searched)
        yield from self._in_any(searched)

    def of_hub(self) -> Iterator[MisplacedFile]:
        return self._in(self._home(self.cluster), [])

    def _in_similar(self, searched: Iterable[Path]) -> Iterator[MisplacedFile]:
        """In a directory with a similar name; a name with other digits is that of another cluster."""
        own, taken = self.cluster.cluster_name, {each.name for each in searched}
        others = [each for each in self._listed(self.directory) if each not in taken and _digits(each) == _digits(own)]
        spelled = [each for each in others if bare(each) == bare(own)]
        similar = closest(own, others)
        for name in dict.fromkeys((*spelled, *([similar] if similar else ()))):
            if (self.directory / name / CONFIG_NAME).exists():
                continue
            for file in self._in(self.directory / name, [self.cluster]):
                if name in spelled or not file.read_from[0].exists():
                    yield MisplacedFile(file.path, file.name, file.read_from, is_guess=True)

    def _in_any(self, searched: set[Path]) -> Iterator[MisplacedFile]:
        """Mappings in any other directory, and in a directory with the cluster's name below it. Only where IAM login is
        enabled and the cluster has no mappings: otherwise such a file is a copy, or belongs to another cluster."""
        own = self._home(self.cluster)
        if not self.cluster.authenticator_init or (own / MAPPINGS_NAME).exists():
            return
        spelled = {bare(self.cluster.cluster_name)}
        for name in self._listed(self.directory):
            place = self.directory / name
            # Directories with a similar name were searched already.
            if place in searched or bare(name) in spelled or (place / CONFIG_NAME).exists():
                continue
            for file in self._in(place, [self.cluster]):
                if file.name == MAPPINGS_NAME:
                    yield MisplacedFile(file.path, file.name, file.read_from, is_guess=True)
            yield from self._in(place / own.name, [self.cluster])

    def _in(self, place: Path, clusters: list[Cluster]) -> Iterator[MisplacedFile]:
        for found in self._listed(place):
            name, path = intended_name(found), place / found
            if name is None or not path.is_file():
                continue
            read_from = tuple(self._home(each) / name for each in clusters)
            if not any(_is_same(path, self._home(each) / name) for each in self._clusters):
                yield MisplacedFile(path, name, read_from)

    def _listed(self, place: Path) -> list[str]:
        try:
            return sorted(os.listdir(self.within.resolve(place)))
        except (OSError, FileError, ValueError):
            return []

    def _home(self, cluster: Cluster) -> Path:
        return self.directory / cluster.cluster_name

    @property
    def _clusters(self) -> list[Cluster]:
        return [each for each in self.cluster.selectable_clusters if not each.is_hub]


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
