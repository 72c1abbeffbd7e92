"""Repositories of less than 100 kB whose objects expand to far more: the limits hold for what is expanded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tarmak_iam.report.git_repository import Budget
from tests.support.git_packs import BLOB, COMMIT, REF_DELTA, TREE, entry, name_of, number, write_pack
from tests.support.work_trees import Work, needs_git, new_work

pytestmark = needs_git

WORK = "the history needs more work than the limit"


@dataclass
class Pack:
    """Objects by name, in the order in which they are added."""

    entries: dict[str, bytes] = field(default_factory=dict)

    def add(self, kind: int, data: bytes) -> str:
        name = name_of(kind, data)
        self.entries[name] = entry(kind, data)
        return name

    def commit(self, tree: str, parents: list[str], time: int = 1) -> str:
        lines = "".join(f"parent {parent}\n" for parent in parents)
        who = f"A <a@b> {time} +0000"
        return self.add(COMMIT, f"tree {tree}\n{lines}author {who}\ncommitter {who}\n\nMade\n".encode())


def file_in(blob: str, name: str = "map.yaml") -> bytes:
    return f"100644 {name}\0".encode() + bytes.fromhex(blob)


def two_large_versions(pack: Pack) -> str:
    """The first line is as old as the history, and each commit has the other one of two last lines."""
    blobs = [pack.add(BLOB, b"a\n" + b"x" * 1_000_000 + last) for last in (b"1", b"2")]
    trees = [pack.add(TREE, file_in(blob)) for blob in blobs]
    head = pack.commit(trees[0], [])
    for count in range(1, 400):
        head = pack.commit(trees[count % 2], [head], count)
    return head


def large_trees(pack: Pack) -> str:
    """Each commit has another directory of 10,000 names: a delta that repeats all but one of them."""
    blob = pack.add(BLOB, b"a\n")
    names = b"".join(b"100644 z%06d\0" % count + bytes(20) for count in range(10_000))
    base = file_in(blob) + names
    base_name, head = pack.add(TREE, base), ""
    for count in range(60):
        first = b"100644 n%06d\0" % count + bytes(20)
        copies = b"".join(
            b"\xf7" + at.to_bytes(3, "little")[:3] + min(0xFFFFFF, len(base) - at).to_bytes(3, "little")
            for at in range(len(file_in(blob)), len(base), 0xFFFFFF)
        )
        start = file_in(blob) + first
        delta = number(len(base)) + number(len(base) + len(first)) + bytes([len(start)]) + start + copies
        name = name_of(TREE, start + names)
        pack.entries[name] = entry(REF_DELTA, delta, bytes.fromhex(base_name))
        head = pack.commit(name, [head] if head else [], count)
    return head


def shared_trees(pack: Pack) -> str:
    """Each directory has the one below ten times; one commit removes all of them, and adds the file."""
    below = pack.add(TREE, b"".join(file_in(pack.add(BLOB, b"x\n"), f"f{count:03}") for count in range(100)))
    for _ in range(30):
        below = pack.add(TREE, b"".join(b"40000 d%d\0" % count + bytes.fromhex(below) for count in range(10)))
    new = pack.add(TREE, file_in(pack.add(BLOB, b"a\n")))
    return pack.commit(new, [pack.commit(below, [])], 2)


def many_files_that_are_gone(pack: Pack) -> str:
    """A small tree, of which each name is a change."""
    blob = pack.add(BLOB, b"x\n")
    before = pack.add(TREE, b"".join(file_in(blob, f"f{count:04}") for count in range(4000)))
    return pack.commit(pack.add(TREE, file_in(pack.add(BLOB, b"a\n"))), [pack.commit(before, [])], 2)


def a_commit_of_very_many_parents(pack: Pack) -> str:
    tree = pack.add(TREE, file_in(pack.add(BLOB, b"a\n")))
    head = pack.commit(tree, [])
    for count in range(1, 4):
        head = pack.commit(tree, [head] * 1000, count)
    return head


def many_small_copies(pack: Pack) -> str:
    """Versions of 100 kB that are copied byte by byte from another one."""
    base = b"a\n"
    base_name, head = pack.add(BLOB, base), ""
    for count in range(20):
        size = 100_000 + count
        delta = number(len(base)) + number(size + 2) + b"\x90\x02" + b"\x90\x01" * size
        name = name_of(BLOB, base + b"a" * size)
        pack.entries[name] = entry(REF_DELTA, delta, bytes.fromhex(base_name))
        head = pack.commit(pack.add(TREE, file_in(name)), [head] if head else [], count)
    return head


SHAPES: dict[Callable[[Pack], str], str] = {
    two_large_versions: WORK,
    large_trees: WORK,
    shared_trees: WORK,
    many_files_that_are_gone: WORK,
    a_commit_of_very_many_parents: "has more than 100 parents, the limit",
    many_small_copies: WORK,
}


def written(pack: Pack, head: str, directory: Path) -> Work:
    work = new_work(directory.resolve() / "work")
    write_pack(work.root / ".git", list(pack.entries.items()))
    (work.root / ".git" / "HEAD").write_text(head)
    work.path.write_bytes(b"a\n")
    return work


@pytest.mark.parametrize(("make", "why"), SHAPES.items(), ids=[make.__name__ for make in SHAPES])
def test_small_repositories_that_expand(tmp_path: Path, make: Callable[[Pack], str], why: str) -> None:
    """With a small part of the usual budget, of which one step is at least 64 bytes of all that is read."""
    pack = Pack()
    work = written(pack, make(pack), tmp_path)
    assert sum(map(len, pack.entries.values())) < 90_000
    assert work.repository(Budget(1 << 17)).lines(work.path).of(1, 1).unknown.endswith(why)


def test_the_bytes_of_objects_are_counted(tmp_path: Path) -> None:
    pack = Pack()
    tree = pack.add(TREE, file_in(pack.add(BLOB, b"a\n" + b"x" * 6_400_000)))
    budget = Budget()
    work = written(pack, pack.commit(tree, []), tmp_path)
    work.repository(budget).lines(work.path)
    assert (1 << 23) - budget.left >= 100_000


@pytest.mark.parametrize(("steps", "is_enough"), [(25_000, True), (20_000, False)])
def test_each_parent_counts(tmp_path: Path, steps: int, is_enough: bool) -> None:
    """A hundred commits that have a hundred parents each, all of which have the same file."""
    pack = Pack()
    tree = pack.add(TREE, file_in(pack.add(BLOB, b"a\n")))
    head = pack.commit(tree, [])
    for count in range(1, 100):
        head = pack.commit(tree, [head] * 100, count)
    work = written(pack, head, tmp_path)
    change = work.repository(Budget(steps)).lines(work.path).of(1, 1)
    assert change.state == ("committed" if is_enough else "unknown")
    assert change.unknown == ("" if is_enough else WORK)


def test_each_pack_that_is_searched_counts(tmp_path: Path) -> None:
    work = new_work(tmp_path.resolve() / "work")
    for number_of_pack in range(60):
        pack = Pack()
        tree = pack.add(TREE, file_in(pack.add(BLOB, b"a\n")))
        head = pack.commit(tree, [], number_of_pack)
        write_pack(work.root / ".git", list(pack.entries.items()), f"pack-{number_of_pack:03}")
    (work.root / ".git" / "HEAD").write_text(head)
    work.path.write_bytes(b"a\n")
    budget = Budget(steps=2_000)
    assert work.repository(budget).lines(work.path).of(1, 1).commit == head
    assert budget.left < 1_900
