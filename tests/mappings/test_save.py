"""A mappings file loaded, edited and saved from Python."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tarmak_iam.errors import FileChanged, FileError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.mappings import Mappings

ROLE = "arn:aws:iam::111122223333:role/Admin"

TEXT = """\
# our people
clusterID: dev-cluster
server:
  mapAccounts:
  - "111122223333"
"""

NEW = """\
# Who can log in to this cluster with AWS IAM, and as whom (AWS IAM Authenticator configuration).
# Edit it by hand or with `tarmak-iam map add/remove`, then run `tarmak-iam check`.
clusterID: dev-cluster
server:
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Admin
    username: admin
    groups:
    - system:masters
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "dev-cluster" / "aws-iam-authenticator.yaml"
    path.parent.mkdir()
    path.write_text(TEXT)
    return path


def test_an_edit_is_saved_with_every_comment(file: Path) -> None:
    mappings = Mappings.load(file)
    added = mappings.add("111122223334")
    assert file.read_text() == TEXT
    added.save()
    assert file.read_text() == f'{TEXT}  - "111122223334"\n'
    assert (added.path, added.is_new) == (file, False)


def test_nothing_is_written_where_nothing_has_changed(file: Path) -> None:
    before = file.stat()
    Mappings.load(file).add("111122223333").save()
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_file_and_directory_of_a_new_cluster_are_created(tmp_path: Path) -> None:
    path = tmp_path / "dev-cluster" / "aws-iam-authenticator.yaml"
    mappings = Mappings.load(path, "dev-cluster").add(ROLE, "admin", ["system:masters"])
    assert (mappings.is_new, path.exists()) == (True, False)
    mappings.save()
    assert (mappings.is_new, path.read_text()) == (False, NEW)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_existing_file_keeps_its_cluster_id(file: Path) -> None:
    assert Mappings.load(file, "prod-cluster").cluster_id == "dev-cluster"


def test_a_missing_file_is_an_error_without_a_cluster_id(tmp_path: Path) -> None:
    path = tmp_path / "mappings.yaml"
    with pytest.raises(FileError) as caught:
        Mappings.load(path)
    assert str(caught.value) == f"{path}: file not found; check the path"


@pytest.mark.parametrize("cluster_id", [None, "dev-cluster"])
def test_a_link_out_of_the_boundary_is_not_read(file: Path, tmp_path: Path, cluster_id: str | None) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "mappings.yaml").symlink_to(file)
    with pytest.raises(FileError, match="this is a link to"):
        Mappings.load(home / "mappings.yaml", cluster_id, within=Boundary(home))


@pytest.mark.parametrize("mappings", [Mappings.parse(TEXT), Mappings.create("dev-cluster")])
def test_without_a_path_saving_is_an_error(mappings: Mappings) -> None:
    with pytest.raises(FileError) as caught:
        mappings.save()
    assert mappings.path is None
    assert str(caught.value) == (
        "aws-iam-authenticator.yaml: these mappings have no file to save to; load them with Mappings.load(path)"
    )


def test_a_change_by_another_process_is_not_overwritten(file: Path) -> None:
    added = Mappings.load(file).add("111122223334")
    file.write_text(TEXT.replace("our", "their"))
    with pytest.raises(FileChanged):
        added.save()
    assert file.read_text() == TEXT.replace("our", "their")


def test_the_repr_is_short(file: Path) -> None:
    assert repr(Mappings.load(file)) == f"Mappings('{file}', 1 entry)"
    assert repr(Mappings.create("dev-cluster")) == "Mappings('aws-iam-authenticator.yaml', 0 entries)"
