"""Repositories that are damaged, incomplete, or crafted to exhaust a reader."""

from __future__ import annotations

import os
import random
import resource
import zlib
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tarmak_iam.report.git_repository import Budget
from tarmak_iam.report.model import LastChange
from tests.support.git_packs import (
    BLOB,
    COMMIT,
    OFS_DELTA,
    REF_DELTA,
    TREE,
    copied,
    entry,
    name_of,
    write_loose,
    write_pack,
)
from tests.support.work_trees import Work, needs_git, new_work

pytestmark = needs_git
LIMIT = 10 * 1024 * 1024


@pytest.fixture
def work(tmp_path: Path) -> Work:
    work = new_work(tmp_path.resolve() / "work")
    work.commit("a\nb\n", "One")
    work.commit("a\nB\n", "Two", day=2)
    return work


@pytest.fixture
def git(work: Work) -> Path:
    return work.root / ".git"


def unknown(work: Work) -> str:
    """The reason why the history of the lines and the file, or of the repository, is not known."""
    repository = work.repository()
    reason = repository.lines(work.path).of(1, 1).unknown
    assert reason
    assert "\n" not in reason
    return reason


# --- how git keeps it ------------------------------------------------------------------------------------------------


KEPT: tuple[list[str], ...] = (
    [],
    ["gc -q"],
    ["gc -q --aggressive", "pack-refs --all"],
    ["-c repack.useDeltaBaseOffset=false repack -q -a -d -f"],
    ["repack -q -a -d --write-midx"],
    ["-c pack.indexVersion=1 repack -q -a -d"],
)


@pytest.mark.parametrize(
    ("options", "commands"),
    [
        *(([], commands) for commands in KEPT),
        (["--object-format=sha256"], []),
        (["--object-format=sha256"], ["gc -q --aggressive"]),
    ],
    ids=str,
)
def test_every_way_of_keeping_it(tmp_path: Path, options: list[str], commands: list[str]) -> None:
    work = new_work(tmp_path / "work", *options)
    texts = ["".join(f"{line}\n" for line in range(day * 50)) for day in range(1, 9)]
    commits = work.import_commits([([day - 1] if day else [], {"map.yaml": text}) for day, text in enumerate(texts)])
    for command in commands:
        work.git(*command.split())
    assert work.commits_of_lines() == work.blamed_by_git()
    assert work.repository().file(work.path).commit == commits[-1]
    assert len(commits[-1]) == (64 if options else 40)


def test_replacements_grafts_and_an_index_of_several_packs_do_not_count(work: Work, git: Path) -> None:
    first, second = work.git("rev-list", "HEAD").split()[::-1]
    work.git("replace", second, first)
    (git / "info").mkdir(exist_ok=True)
    (git / "info" / "grafts").write_text(f"{second}\n")
    (git / "objects" / "pack" / "multi-pack-index").write_bytes(b"MIDX of packs elsewhere")
    assert work.commits_of_lines() == [first, second]


# --- what is not there -----------------------------------------------------------------------------------------------


def test_a_partial_clone(work: Work, tmp_path: Path) -> None:
    work.git("config", "uploadpack.allowFilter", "true")
    clone = Work(tmp_path.resolve() / "clone")
    work.git("clone", "-q", "--filter=blob:none", f"file://{work.root}", str(clone.root))
    marker = tmp_path / "marker"
    clone.git("config", "remote.origin.url", f"ext::sh -c 'touch {marker}'")
    clone.git("config", "protocol.ext.allow", "always")
    blob = work.git("rev-parse", "HEAD~1:map.yaml")[:12]
    why = f"the object {blob} is not in the repository: it is a partial clone, and missing objects are not fetched"
    assert unknown(clone) == why
    assert clone.repository().file(clone.path).summary == "Two"
    assert not marker.exists()


def test_what_another_repository_has_is_not_read(work: Work, tmp_path: Path) -> None:
    clone = Work(tmp_path.resolve() / "clone")
    work.git("clone", "-q", "--shared", str(work.root), str(clone.root))
    reason = clone.repository().unknown
    assert reason.endswith("it uses objects of another repository (info/alternates), which is not read")


def test_a_missing_object(work: Work, git: Path) -> None:
    blob = work.git("rev-parse", "HEAD~1:map.yaml")
    (git / "objects" / blob[:2] / blob[2:]).unlink()
    assert unknown(work) == f"the object {blob[:12]} is not in the repository"


def test_branches_in_a_reftable(work: Work, git: Path) -> None:
    (git / "reftable").mkdir()
    assert unknown(work) == "the repository stores its branches in the reftable format, which is not supported"


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("", "HEAD does not name a commit"),
        ("0123\n", "HEAD does not name a commit"),
        ("ref: refs/heads/../../../secret\n", "HEAD does not name a commit"),
        ("ref: /etc/passwd\n", "HEAD does not name a commit"),
        ("ref: refs/heads/loop\n", "HEAD does not name a commit"),
        ("0" * 40, "the object 000000000000 is not in the repository"),
        ("x" * 9000, "HEAD does not name a commit"),
    ],
)
def test_a_head_that_is_none(work: Work, git: Path, head: str, why: str) -> None:
    (git / "HEAD").write_text(head)
    (git / "refs" / "heads" / "loop").write_text("ref: refs/heads/loop\n")
    assert unknown(work).endswith(why)


def test_a_head_that_is_a_file(work: Work, git: Path) -> None:
    tree = work.git("rev-parse", "HEAD^{tree}")
    (git / "HEAD").write_text(f"{tree}\n")
    assert unknown(work) == f"the object {tree[:12]} is not a commit"


# --- links and pipes -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["HEAD", "objects", "objects/pack", "refs", "refs/heads/main", "packed-refs"])
def test_links_out_of_a_repository_are_not_followed(work: Work, git: Path, tmp_path: Path, name: str) -> None:
    work.git("gc", "-q")
    work.git("pack-refs", "--all") if name == "packed-refs" else work.git(
        "commit", "-q", "--allow-empty", "-m", "Three"
    )
    outside = tmp_path / "outside"
    (git / name).rename(outside)
    (git / name).symlink_to(outside)
    assert unknown(work).endswith("is a symbolic link, which is not followed")


@pytest.mark.parametrize("name", ["HEAD", "shallow", "packed-refs", "refs/heads/main"])
def test_pipes_keep_nobody_waiting(work: Work, git: Path, name: str) -> None:
    if name == "packed-refs":
        (git / "refs" / "heads" / "main").unlink()
    (git / name).unlink(missing_ok=True)
    os.mkfifo(git / name)
    assert unknown(work) == f"{git / name} is not a regular file"


# --- what is damaged -------------------------------------------------------------------------------------------------


def test_what_is_under_the_name_of_something_else(work: Work, git: Path) -> None:
    """No lines or names are invented, and no commit is its own parent."""
    head = work.git("rev-parse", "HEAD")
    data = work.raw("cat-file", "commit", "HEAD").replace(b"Alice", b"Carol")
    write_loose(git, head, zlib.compress(b"commit %d\0" % len(data) + data))
    assert unknown(work) == f"the object {head[:12]} is damaged"


@pytest.mark.parametrize("parent", ["../../../../../secret", "", "z" * 40, "A" * 40], ids=["path", "none", "z", "A"])
def test_an_id_that_is_none_is_not_looked_up(work: Work, git: Path, parent: str) -> None:
    tree = work.git("rev-parse", "HEAD^{tree}")
    who = "A <a@b> 1 +0000"
    commit = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n\nMade\n".encode()
    write_pack(git, [(name_of(COMMIT, commit), entry(COMMIT, commit))])
    (git / "HEAD").write_text(name_of(COMMIT, commit))
    assert "damaged" in unknown(work)


@pytest.mark.parametrize("is_packed", [False, True])
def test_any_byte_may_be_wrong(work: Work, git: Path, is_packed: bool) -> None:
    """Whatever is damaged, the answer is correct or a reason."""
    if is_packed:
        work.git("gc", "-q", "--aggressive")
    right = {LastChange(), work.repository().file(work.path), *work.lines().lines.values()}
    files = [path for path in sorted(git.rglob("*")) if path.is_file() and "hooks" not in path.parts]
    source = random.Random(14)
    for _ in range(150):
        path = source.choice(files)
        before = path.read_bytes()
        damaged = bytearray(before)
        for _ in range(source.randrange(1, 4)):
            at = source.randrange(len(damaged) + 1)
            damaged[at : at + source.randrange(3)] = source.randbytes(source.randrange(3))
        path.chmod(0o644)
        path.write_bytes(damaged)
        repository = work.repository()
        changes = [repository.file(work.path), *repository.lines(work.path).lines.values()]
        assert all(change in right or "\n" not in change.unknown for change in changes)
        assert all(change in right or change.state == "unknown" for change in changes)
        path.write_bytes(before)


# --- what is too much ------------------------------------------------------------------------------------------------


def head_of(git: Path, blob: str, entries: list[tuple[str, bytes]]) -> None:
    """Makes HEAD a commit whose file is that object."""
    tree = b"100644 map.yaml\0" + bytes.fromhex(blob)
    commit = f"tree {name_of(TREE, tree)}\nauthor A <a@b> 1 +0000\ncommitter A <a@b> 1 +0000\n\nMade\n".encode()
    entries = [*entries, (name_of(TREE, tree), entry(TREE, tree)), (name_of(COMMIT, commit), entry(COMMIT, commit))]
    write_pack(git, entries)
    (git / "HEAD").write_text(name_of(COMMIT, commit))


def small(reason: Callable[[], str]) -> str:
    """With at most 200 MB more memory than now."""
    used = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, before[1]))
    try:
        return reason()
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


NAME = "ab" * 20
DAMAGED = f"the object {NAME[:12]} is damaged"
TOO_LARGE = f"the object {NAME[:12]} is larger than the limit of 10,485,760 bytes"


@cache
def bomb() -> bytes:
    """300 million zeros."""
    packer = zlib.compressobj(1)
    return b"".join([*(packer.compress(bytes(1_000_000)) for _ in range(300)), packer.flush()])


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no /proc to limit memory by")


@pytest.mark.sample(1)
@needs_proc
@pytest.mark.parametrize(
    ("claimed", "why"),
    [(300_000_000, TOO_LARGE), (100, DAMAGED), (1 << 62, TOO_LARGE)],
)
def test_a_bomb_in_a_pack(work: Work, git: Path, claimed: int, why: str) -> None:
    head = entry(BLOB, b"", size=claimed).removesuffix(zlib.compress(b""))
    head_of(git, NAME, [(NAME, head + bomb())])
    assert small(lambda: unknown(work)) == why


@needs_proc
def test_a_bomb_in_a_file(work: Work, git: Path) -> None:
    head_of(git, NAME, [])
    write_loose(git, NAME, bomb())
    assert small(lambda: unknown(work)) in (DAMAGED, TOO_LARGE)  # releases of dulwich differ
    os.truncate(git / "objects" / NAME[:2] / NAME[2:], 1 << 30)
    assert small(lambda: unknown(work)) == TOO_LARGE
    os.truncate(git / "HEAD", 1 << 30)
    assert small(lambda: unknown(work)) == f"{git}/HEAD is larger than the limit of 33,554,432 bytes"


@needs_proc
def test_a_delta_that_makes_a_lot_of_a_little(work: Work, git: Path) -> None:
    base = b"x" * 0x10000
    delta = copied(len(base), 10_000)
    base_name = bytes.fromhex(name_of(BLOB, base))
    entries = [(base_name.hex(), entry(BLOB, base)), (NAME, entry(REF_DELTA, delta, base_name))]
    head_of(git, NAME, entries)
    assert small(lambda: unknown(work)) == TOO_LARGE


@needs_proc
def test_what_is_kept_for_the_next_delta_has_an_end(work: Work, git: Path) -> None:
    """Forty objects of 9.8 million bytes, each a delta of the one before."""
    large = b"x" * (150 * 0x10000)
    names = [name_of(BLOB, b"x" * 0x10000), *(f"{number:040x}" for number in range(1, 40)), name_of(BLOB, large)]
    entries = [(names[0], entry(BLOB, b"x" * 0x10000))]
    for base, name in pairwise(names):
        before = 0x10000 if base == names[0] else len(large)
        entries.append((name, entry(REF_DELTA, copied(before, 150), bytes.fromhex(base))))
    head_of(git, names[-1], entries)
    work.path.write_bytes(large)
    assert small(lambda: work.repository().lines(work.path).of(1, 1).summary) == "Made"


@pytest.mark.parametrize("base", [bytes.fromhex(NAME), bytes.fromhex("cd" * 20)], ids=["itself", "each other"])
def test_deltas_in_a_circle(work: Work, git: Path, base: bytes) -> None:
    entries = [(NAME, entry(REF_DELTA, copied(9, 1, 9), base))]
    if base.hex() != NAME:
        entries.append((base.hex(), entry(REF_DELTA, copied(9, 1, 9), bytes.fromhex(NAME))))
    head_of(git, NAME, entries)
    assert unknown(work) in (DAMAGED, "the history needs more work than the limit")


@pytest.mark.parametrize(("steps", "is_enough"), [(9_000, True), (4_000, False)])
def test_each_delta_counts(work: Work, git: Path, steps: int, is_enough: bool) -> None:
    """Three hundred on top of each other, each of a few bytes."""
    text = b"x" * 9
    names = [name_of(BLOB, text), *(f"{number:040x}" for number in range(1, 300)), name_of(BLOB, text * 2)]
    entries = [(names[0], entry(BLOB, text))]
    for base, name in pairwise(names):
        delta = copied(9, 2 if name == names[-1] else 1, 9)
        entries.append((name, entry(REF_DELTA, delta, bytes.fromhex(base))))
    head_of(git, names[-1], entries)
    work.path.write_bytes(text * 2)
    change = work.repository(Budget(steps)).lines(work.path).of(1, 1)
    why = "the history needs more work than the limit"
    assert (change.summary, change.unknown) == (("Made", "") if is_enough else ("", why))


@pytest.mark.parametrize("back", [b"\x00", b"\xff\x7f"], ids=["to itself", "before the pack"])
def test_a_delta_that_leads_nowhere(work: Work, git: Path, back: bytes) -> None:
    head_of(git, NAME, [(NAME, entry(OFS_DELTA, copied(9, 1, 9), back))])
    assert unknown(work) == DAMAGED


def test_a_file_of_more_than_is_read(work: Work) -> None:
    work.commit(b"x\n" * (LIMIT // 2 + 1), "Large", day=3)
    work.path.write_text("a\n")
    blob = work.git("rev-parse", "HEAD:map.yaml")
    assert unknown(work) == f"the object {blob[:12]} is larger than the limit of 10,485,760 bytes"
