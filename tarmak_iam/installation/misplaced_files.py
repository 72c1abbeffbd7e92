"""Mappings and settings that nobody reads, since they are under another name or in another directory than they should.

Only a few directories are listed, those that people take for a cluster's own, and no file is read.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.config import Cluster
from tarmak_iam.config.locate import CONFIG_NAME
from tarmak_iam.document.files import Boundary
from tarmak_iam.errors import FileError
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tarmak_iam.suggestions import bare, closest

_NAMES = (MAPPINGS_NAME, SETTINGS_NAME)
_ENDINGS = (".yaml", ".yml", ".json")


@dataclass(frozen=True, slots=True)
class MisplacedFile:
    """`read_from`: where it would be read, of one cluster or of several. `is_guess`: whether the directory has no
    name of the cluster's, or only one like it."""

    path: Path
    name: str
    read_from: tuple[Path, ...]
    is_guess: bool = False


def intended_name(name: str) -> str | None:
    """The file's name that somebody meant who wrote it in another case, with `_`, or with another ending."""
    stem, ending = os.path.splitext(name)
    if ending.lower() not in _ENDINGS:
        return None
    return next((each for each in _NAMES if bare(os.path.splitext(each)[0]) == bare(stem)), None)


def misplaced_files(directory: Path, cluster: Cluster, *, follow_links: bool = False) -> tuple[MisplacedFile, ...]:
    """Those that are probably a cluster's, or that of several clusters of the tarmak.yaml in the directory. None for a
    hub, which has no use for them. Raises nothing: what cannot be listed has no files."""
    if cluster.is_hub:
        return ()
    return tuple(_Search(directory, cluster, Boundary(directory, follow_links)).files())


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
        looked_at = {self.directory, *map(self._home, self.cluster.selectable_clusters)}
        candidates = ((self.cluster.environment, of_environment), (self.cluster.name, of_name))
        places = [(self.directory / name, meant) for name, meant in candidates if _is_file_name(name)]
        for place, meant in (*places, (nested, [self.cluster])):
            # With a tarmak.yaml of its own it is somebody's whole configuration.
            if place not in looked_at and not (place / CONFIG_NAME).exists():
                looked_at.add(place)
                yield from self._in(place, meant)
        yield from self._in_similar(looked_at)
        yield from self._in_any(looked_at)

    def _in_similar(self, looked_at: Iterable[Path]) -> Iterator[MisplacedFile]:
        """In a directory with nearly the cluster's name; one that differs in its digits is another cluster's."""
        own, taken = self.cluster.cluster_name, {each.name for each in looked_at}
        others = [each for each in self._listed(self.directory) if each not in taken and _digits(each) == _digits(own)]
        spelled = [each for each in others if bare(each) == bare(own)]
        near = closest(own, others)
        for name in dict.fromkeys((*spelled, *([near] if near else ()))):
            if (self.directory / name / CONFIG_NAME).exists():
                continue
            for file in self._in(self.directory / name, [self.cluster]):
                if name in spelled or not file.read_from[0].exists():
                    yield MisplacedFile(file.path, file.name, file.read_from, is_guess=True)

    def _in_any(self, looked_at: set[Path]) -> Iterator[MisplacedFile]:
        """Mappings in any other directory, and in one with the cluster's name below it; only where logins are on and
        the cluster has none, since what lies around besides is a copy or another cluster's."""
        own = self._home(self.cluster)
        if not self.cluster.authenticator_init or (own / MAPPINGS_NAME).exists():
            return
        spelled = {bare(self.cluster.cluster_name)}
        for name in self._listed(self.directory):
            place = self.directory / name
            # Those of nearly the cluster's name were looked at already.
            if place in looked_at or bare(name) in spelled or (place / CONFIG_NAME).exists():
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
            if not any(_is_same(path, self._home(each) / name) for each in self.cluster.selectable_clusters):
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
    """On a file system without case, or behind a link, the wrong name may be the right file."""
    try:
        return path == other or path.samefile(other)
    except OSError:
        return False


def _is_file_name(name: str) -> bool:
    return name not in ("", ".", "..") and "/" not in name and "\0" not in name


def _digits(name: str) -> str:
    return "".join(filter(str.isdigit, name))
