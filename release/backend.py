"""The build backend: setuptools, with archives whose bytes depend only on the files and on the version of setuptools.

They do not depend on the user, directory, time, umask, or leftovers of earlier builds. setuptools alone does not
ensure this: the tar of an sdist contains times, owners and modes, and its gzip header the time; build/ and *.egg-info
of an earlier build leak into the next; SOURCE_DATE_EPOCH works for wheels, but must be set. The compressed bytes depend
on the zlib that Python was built with.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import tarfile
import tempfile
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import (  # hooks without changes
    build_editable,
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
    prepare_metadata_for_build_editable,
    prepare_metadata_for_build_wheel,
)
from setuptools.command.build_py import build_py
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
"""1980-01-01, the earliest time that a zip file can store."""
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
RELATIVE = re.compile(r"!?\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?![a-z]+:|#)([^()\s]+)\)")

Settings = Mapping[str, Any] | None


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:
    name: str = build_meta.build_sdist(sdist_directory, config_settings)
    path = Path(sdist_directory, name)
    path.write_bytes(normalised(path.read_bytes(), epoch()))
    return name


def build_wheel(wheel_directory: str, config_settings: Settings = None, metadata_directory: str | None = None) -> str:
    """Always built from the sdist, so that other files in the tree have no effect."""
    del metadata_directory  # it has the same content as this build
    target = Path(wheel_directory).resolve()
    here = Path.cwd()
    os.environ["SOURCE_DATE_EPOCH"] = str(epoch())
    os.umask(0o022)  # for the modes of the files that setuptools copies
    with tempfile.TemporaryDirectory() as directory:
        name: str = build_meta.build_sdist(directory)
        unpack_for_wheel(Path(directory, name), directory)
        os.chdir(Path(directory, name.removesuffix(".tar.gz")))
        try:
            wheel: str = build_meta.build_wheel(str(target), config_settings)
        finally:
            os.chdir(here)
    return wheel


def unpack_for_wheel(sdist: Path, directory: str) -> None:
    """With the modes of a release. The tests, which are most of the files, are not in a wheel."""
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(sdist.read_bytes()))) as archive:
        archive.extraction_filter = staticmethod(lambda member, _: member)  # it was made just now, and here
        for member in archive.getmembers():
            parts = Path(member.name).parts
            if parts[1:2] != ("tests",) and not _is_egg_info(parts):
                member.mode = _plain(member, 0).mode
                archive.extract(member, directory)


def epoch() -> int:
    """The time stamp of all files: SOURCE_DATE_EPOCH, or the date of the newest release in the changelog."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return max(int(given), ZIP_BEGINS)
    released = RELEASED.search(Path("CHANGELOG.md").read_text(encoding="utf-8"))
    if released is None:
        return ZIP_BEGINS
    return int(datetime.fromisoformat(released[1]).replace(tzinfo=timezone.utc).timestamp())


def normalised(archive: bytes, time: int) -> bytes:
    """The same files sorted by name, without *.egg-info, and with neutral owner, mode and time."""
    packed = io.BytesIO()
    with (
        # In another order than theirs: within the compressed ones, each would be looked for from the beginning.
        tarfile.open(fileobj=io.BytesIO(gzip.decompress(archive))) as old,
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=time) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as new,
    ):
        for member in sorted(old.getmembers(), key=lambda member: member.name):
            if not _is_egg_info(Path(member.name).parts):
                new.addfile(_plain(member, time), old.extractfile(member) if member.isfile() else None)
    return packed.getvalue()


def _is_egg_info(parts: tuple[str, ...]) -> bool:
    return any(part.endswith(".egg-info") for part in parts)


def _plain(member: tarfile.TarInfo, time: int) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(member.name)
    plain.type, plain.linkname = member.type, member.linkname
    plain.size = member.size if member.isfile() else 0
    plain.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    plain.mtime = time
    return plain


class EggInfo(egg_info):  # type: ignore[misc]  # setuptools may come from another environment, without types
    """Set in setup.cfg; creates the metadata of sdist, wheel and editable install."""

    def finalize_options(self) -> None:
        super().finalize_options()
        metadata = self.distribution.metadata
        metadata.long_description = without_relative_links(metadata.long_description or "")

    def find_sources(self) -> None:
        """Without the list of an earlier build, which setuptools would include."""
        Path(self.egg_info, "SOURCES.txt").unlink(missing_ok=True)
        super().find_sources()

    def save_version_info(self, filename: str | os.PathLike[str]) -> None:
        """Does nothing: the sdist contains setup.cfg unchanged, not rewritten without comments."""


class BuildPy(build_py):  # type: ignore[misc]
    """Set in setup.cfg; a wheel has the pages of the rules, which a checkout has only in docs."""

    def run(self) -> None:
        super().run()
        target = Path(self.build_lib, "tarmak_iam", "lint", "pages")
        if not self.editable_mode:
            self.mkpath(str(target))
            for page in sorted(Path("docs/rules").glob("IAM*.md")):
                self.copy_file(str(page), str(target / page.name))


def without_relative_links(markdown: str) -> str:
    """A package index shows only this page: links to other files become plain text. Code is unchanged."""
    parts, end = [], 0
    for code in FENCED.finditer(markdown):
        parts += [RELATIVE.sub(r"\1", markdown[end : code.start()]), code[0]]
        end = code.end()
    return "".join([*parts, RELATIVE.sub(r"\1", markdown[end:])])
