"""Packs that git would not write, with their indexes."""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "BLOB",
    "COMMIT",
    "OFS_DELTA",
    "REF_DELTA",
    "TREE",
    "copied",
    "entry",
    "name_of",
    "write_loose",
    "write_pack",
]

COMMIT, TREE, BLOB, OFS_DELTA, REF_DELTA = 1, 2, 3, 6, 7
_KINDS = {COMMIT: "commit", TREE: "tree", BLOB: "blob"}


def name_of(kind: int, data: bytes) -> str:
    return hashlib.sha1(f"{_KINDS[kind]} {len(data)}\0".encode() + data).hexdigest()


def entry(kind: int, data: bytes, base: bytes = b"", size: int | None = None) -> bytes:
    """`size`: what it claims to have."""
    size = len(data) if size is None else size
    head, size = [kind << 4 | size & 15], size >> 4
    while size:
        head[-1] |= 128
        head.append(size & 127)
        size >>= 7
    return bytes(head) + base + zlib.compress(data)


def number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def copied(before: int, times: int, size: int = 0x10000) -> bytes:
    """A delta that takes the first bytes of what it is for, again and again."""
    return number(before) + number(times * size) + (b"\x80" if size == 0x10000 else b"\x90" + bytes([size])) * times


def write_pack(git: Path, entries: Sequence[tuple[str, bytes]], name: str = "pack-made") -> None:
    """Of names and what is under them."""
    data, offsets = b"PACK" + struct.pack(">LL", 2, len(entries)), {}
    for own, each in entries:
        offsets[bytes.fromhex(own)] = len(data)
        data += each
    checksum = hashlib.sha1(data).digest()
    names = sorted(offsets)
    index = b"\377tOc" + struct.pack(">L", 2)
    index += b"".join(struct.pack(">L", sum(own[0] <= first for own in names)) for first in range(256))
    index += b"".join(names) + bytes(4 * len(names))
    index += b"".join(struct.pack(">L", offsets[own]) for own in names) + checksum
    directory = git / "objects" / "pack"
    (directory / f"{name}.pack").write_bytes(data + checksum)
    (directory / f"{name}.idx").write_bytes(index + hashlib.sha1(index).digest())


def write_loose(git: Path, name: str, data: bytes) -> None:
    path = git / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(data)
