"""The build backend: setuptools, with archives whose bytes depend on the files and on setuptools' version alone.

Not on who builds, where, when, with which umask and from how tidy a tree. What setuptools leaves open: the tar of an
sdist carries times, owners and modes, its gzip header the time; build/ and *.egg-info of an earlier build leak into
the next; SOURCE_DATE_EPOCH counts for wheels, but somebody has to set it. The deflated bytes are those of the zlib
that Python was built with.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (  # the hooks that stay as they are
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from setuptools.command.egg_info import egg_info

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]

RELEASED = re.compile(r"^## \[[^\]]+\] - (\d{4}-\d\d-\d\d)", re.MULTILINE)
ZIP_BEGINS = 315532800
"""1980-01-01, the first time that a zip file can hold."""
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
RELATIVE = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:|#)([^()\s]+)\)")

Settings = Mapping[str, Any] | None


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    name: str = build_meta.build_sdist(sdist_directory, config_settings)
    path = Path(sdist_directory, name)
    path.write_bytes(normalised(path.read_bytes(), epoch()))
    return name


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Always from the sdist, so that nothing counts that merely lies in the tree."""
    del metadata_directory  # it says what this build says
    target = Path(wheel_directory).resolve()
    here = Path.cwd()
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch())
    os.umask(0o022)  # the modes of what setuptools copies
    with tempfile.TemporaryDirectory() as directory:
        name = build_sdist(directory)
        shutil.unpack_archive(Path(directory, name), directory)
        os.chdir(Path(directory, name.removesuffix(".tar.gz")))
        try:
            wheel: str = build_meta.build_wheel(str(target), config_settings)
        finally:
            os.chdir(here)
    return wheel


def epoch() -> int:
    """The time of everything that is built: SOURCE_DATE_EPOCH, or the day of the newest release in the changelog."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(given), ZIP_BEGINS)
    released = RELEASED.search(Path("CHANGELOG.md").read_text(encoding="utf-8"))
    if released is None:
        return ZIP_BEGINS
    return int(datetime.fromisoformat(released[1]).replace(tzinfo=timezone.utc).timestamp())


def normalised(archive: bytes, time: int) -> bytes:
    """The same files in order of their names, without *.egg-info, and with nobody's owner, mode and time."""
    packed = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(archive)) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=time) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            if not any(part.endswith(".egg-info") for part in Path(member.name).parts):
                new.addfile(_plain(member, time), old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def _plain(member: tarfile.TarInfo, time: int) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(member.name)
    plain.type, plain.linkname = member.type, member.linkname
    plain.size = member.size if member.isfile() else 0
    plain.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    plain.mtime = time
    return plain


class EggInfo(egg_info):  # type: ignore[misc]  # setuptools' types are of another installation
    """Named in setup.cfg; it makes the metadata of sdist, wheel and editable install."""

    def finalize_options(self) -> None:
        super().finalize_options()
        metadata = self.distribution.metadata
        metadata.long_description = without_relative_links(metadata.long_description or "")

    def find_sources(self) -> None:
        """Without the list of an earlier build, which setuptools would add to its own."""
        Path(self.egg_info, "SOURCES.txt").unlink(missing_ok=True)
        super().find_sources()

    def save_version_info(self, filename: str | os.PathLike[str]) -> None:
        """Nothing: setup.cfg goes into the sdist as it is, not rewritten without its comments."""


def without_relative_links(markdown: str) -> str:
    """A package index has only this one page: what links to another file keeps its words. Code stays as it is."""
    parts, end = [], 0
    for code in FENCED.finditer(markdown):
        parts += [RELATIVE.sub(r"\1", markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, RELATIVE.sub(r"\1", markdown[end:])])
