"""The files of one cluster: written where they are, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tarmak_iam.document import Document
from tarmak_iam.errors import FileError
from tarmak_iam.installation.cluster_files import ClusterFiles

NEW = Document.parse("profile: x\n", json=False)


def test_a_new_file_and_its_directory(tmp_path: Path) -> None:
    files = ClusterFiles(tmp_path, "dev-cluster")
    files.write(files.settings_path, NEW, None)
    assert (tmp_path / "dev-cluster" / "tarmak-iam.yaml").read_text() == "profile: x\n"
    assert files.home.stat().st_mode & 0o777 == 0o700
    assert files.settings().profile == "x"


@pytest.mark.parametrize("part", ["dev-cluster", "dev-cluster/tarmak-iam.yaml"])
@pytest.mark.parametrize("is_there", [False, True])
def test_no_link_leads_it_elsewhere(tmp_path: Path, part: str, *, is_there: bool) -> None:
    elsewhere = tmp_path / "elsewhere"
    files = ClusterFiles(tmp_path / "dir", "dev-cluster")
    (tmp_path / "dir" / part).parent.mkdir(parents=True)
    (tmp_path / "dir" / part).symlink_to(elsewhere)
    if is_there and part == "dev-cluster":
        elsewhere.mkdir()
    elif is_there:
        elsewhere.write_text("old: 1\n")
    with pytest.raises(FileError, match=f"{part}: this is a link to .*/elsewhere, outside of "):
        files.write(files.settings_path, NEW, Document.parse("old: 1\n") if is_there else None)
    assert elsewhere.exists() == is_there
    own = ClusterFiles(tmp_path / "dir", "dev-cluster", follow_links=True)
    if not is_there:
        own.write(own.settings_path, NEW, None)
        assert own.settings().profile == "x"
        assert elsewhere.exists()
