"""Objects by their ids, from loose files and from packs. Each one is checked against its id, so that a damaged or
forged object is never used. Needs dulwich."""

from __future__ import annotations

import io
import mmap
import struct
import zlib
from pathlib import Path
from typing import cast

from dulwich.errors import ApplyDeltaError
from dulwich.object_format import SHA1, SHA256
from dulwich.objects import ObjectID
from dulwich.pack import PackIndex2, apply_delta, unpack_object

from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.report.git.directory import MAX_OBJECT, Budget, GitFiles, HistoryUnknown, TooLarge

_TYPES = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_OFS_DELTA, _REF_DELTA = 6, 7
_PACKS = 1000
_CHAIN = 4096
"""The longest chain of deltas. git writes at most 4,095, and 50 by default."""
_CACHE_BYTES = 1 << 25
_INDEX_2 = b"\377tOc\0\0\0\2"
_BUFFER = 4096
_READING = 20
"""The steps that an object costs."""
_LOOKUP = 2
"""The steps that a search in the index of a pack costs."""
_DAMAGED = (zlib.error, struct.error, ApplyDeltaError, AssertionError, KeyError, IndexError, ValueError)
"""The exceptions of dulwich for bytes that git would not write."""
_Whole = tuple[bytes, bytes]
"""Type and content of an object."""


@dataclass(frozen=True, slots=True)
class _Pack:
    index: PackIndex2
    data: mmap.mmap


class ObjectStore:
    """The objects of a repository. `example`: an id; its length decides whether ids are SHA-1 or SHA-256."""

    def __init__(self, directory: Path, example: bytes, budget: Budget) -> None:
        self._files = GitFiles(directory)
        self._format = SHA1 if len(example) == SHA1.hex_length else SHA256
        self._budget = budget
        self._packs: list[_Pack] | None = None
        self._cached: dict[tuple[int, int], _Whole] = {}
        self._cached_bytes = 0

    @property
    def id_bytes(self) -> int:
        return self._format.oid_length

    def read(self, wanted: bytes, kind: bytes) -> bytes:
        """Raises HistoryUnknown for an object that is missing, damaged, or of another kind."""
        self._budget.take_steps(_READING)
        try:
            found = self._packed(wanted) or self._loose(wanted)
        except _DAMAGED:
            raise HistoryUnknown(f"the object {_short(wanted)} is damaged") from None
        if found is None:
            raise HistoryUnknown(self._why_missing(wanted))
        if self.name(*found) != wanted:
            raise HistoryUnknown(f"the object {_short(wanted)} is damaged")
        if found[0] != kind:
            raise HistoryUnknown(f"the object {_short(wanted)} is not a {kind.decode()}")
        return found[1]

    def name(self, kind: bytes, data: bytes) -> bytes:
        """The id of an object, in hexadecimal."""
        return self._format.hash_object_hex(b"%s %d\0%s" % (kind, len(data), data))

    def _loose(self, wanted: bytes) -> _Whole | None:
        text = wanted.decode("ascii")
        compressed = self._files.read(f"objects/{text[:2]}/{text[2:]}", MAX_OBJECT + (MAX_OBJECT >> 8))
        if compressed is None:
            return None
        inflated = zlib.decompressobj().decompress(compressed, MAX_OBJECT + 64)
        self._budget.take_bytes(len(inflated))
        header, _, data = inflated.partition(b"\0")
        self._check_size(len(data), wanted)
        return header.partition(b" ")[0], data

    def _packed(self, wanted: bytes) -> _Whole | None:
        for number, pack in enumerate(self._all_packs()):
            self._budget.take_steps(_LOOKUP)
            offset = _offset(pack, wanted)
            if offset is not None:
                return self._unpacked(number, offset, wanted)
        return None

    def _unpacked(self, number: int, offset: int, wanted: bytes) -> _Whole:
        """Follows the deltas to a complete object, and then applies them."""
        deltas: list[tuple[int, bytes]] = []
        size = 0
        while True:
            whole = self._cached.get((number, offset))
            if whole is not None and not deltas:
                self._budget.take_bytes(len(whole[1]))  # it is hashed and parsed again
            if whole is None:
                kind, base, data = self._entry(number, offset, wanted)
                if kind in _TYPES:
                    whole = self._keep(number, offset, (_TYPES[kind], data))
            if whole is not None:
                break
            deltas.append((offset, data))
            size += len(data)
            if len(deltas) > _CHAIN or size > MAX_OBJECT:
                raise HistoryUnknown(f"the object {_short(wanted)} consists of too many deltas")
            offset = base
        for place, delta in reversed(deltas):
            self._check_size(_result_size(delta), wanted)
            self._budget.take_steps(len(delta) >> 3)
            data = b"".join(apply_delta(whole[1], delta))
            self._budget.take_bytes(len(data))
            whole = self._keep(number, place, (whole[0], data))
        return whole

    def _entry(self, number: int, offset: int, wanted: bytes) -> tuple[int, int, bytes]:
        """The entry of a pack at an offset: its type, the offset of its base (for a delta), and the inflated data."""
        pack = self._all_packs()[number]
        if not 0 < offset < len(pack.data):
            raise HistoryUnknown(f"the object {_short(wanted)} is damaged")
        self._check_size(_declared_size(pack.data, offset), wanted)
        pack.data.seek(offset)
        entry, _ = unpack_object(pack.data.read, hash_func=self._format.hash_func, zlib_bufsize=_BUFFER)
        data = b"".join(entry.decomp_chunks)
        self._budget.take_bytes(len(data))
        base = -1
        if entry.pack_type_num == _OFS_DELTA and isinstance(entry.delta_base, int):
            base = offset - entry.delta_base if entry.delta_base > 0 else -1
        elif entry.pack_type_num == _REF_DELTA and isinstance(entry.delta_base, bytes):
            found = _offset(pack, entry.delta_base.hex().encode())
            base = -1 if found is None else found
        return entry.pack_type_num, base, data

    def _keep(self, number: int, offset: int, whole: _Whole) -> _Whole:
        """Caches an object for the next delta; the oldest ones are dropped first."""
        self._cached[number, offset] = whole
        self._cached_bytes += len(whole[1])
        while self._cached_bytes > _CACHE_BYTES and len(self._cached) > 1:
            self._cached_bytes -= len(self._cached.pop(next(iter(self._cached)))[1])
        return whole

    def _all_packs(self) -> list[_Pack]:
        if self._packs is None:
            names = self._files.names("objects/pack", 8 * _PACKS)
            stems = [name.removesuffix(".idx") for name in names if name.endswith(".idx")]
            if len(stems) > _PACKS:
                raise HistoryUnknown(f"the repository has more than {_PACKS:,} packs, which is the limit")
            packs = (self._open(stem) for stem in stems if f"{stem}.pack" in names)
            self._packs = [pack for pack in packs if pack is not None]
        return self._packs

    def _open(self, stem: str) -> _Pack | None:
        index, data = (self._mapped(f"objects/pack/{stem}.{ending}") for ending in ("idx", "pack"))
        if index is None or data is None:
            return None
        if index[:8] != _INDEX_2:
            raise HistoryUnknown("a pack has an index in a version other than 2, which is not supported")
        contents = cast(bytes, index)  # dulwich accepts mmap too, but declares bytes
        closed = io.BytesIO()
        closed.close()  # dulwich only closes the file; the mapping needs none
        return _Pack(PackIndex2(f"{stem}.idx", self._format, file=closed, contents=contents), data)

    def _mapped(self, name: str) -> mmap.mmap | None:
        with self._files.opened(name) as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if file else None

    def _check_size(self, size: int, wanted: bytes) -> None:
        if size > MAX_OBJECT:
            raise TooLarge(f"the object {_short(wanted)} is larger than the limit of {MAX_OBJECT:,} bytes")

    def _why_missing(self, wanted: bytes) -> str:
        """Objects that a partial clone lacks are not fetched, and repositories from which it borrows are not read."""
        missing = f"the object {_short(wanted)} is not in the repository"
        if any(name.endswith(".promisor") for name in self._files.names("objects/pack", 8 * _PACKS)):
            return f"{missing}: it is a partial clone, and missing objects are not fetched"
        if self._files.has("objects/info/alternates"):
            return f"{missing}: it borrows objects from another one (objects/info/alternates), which is not read"
        return missing


def _offset(pack: _Pack, wanted: bytes) -> int | None:
    try:
        return pack.index.object_offset(ObjectID(wanted))
    except KeyError:
        return None


def _declared_size(data: mmap.mmap, offset: int) -> int:
    """The inflated size that an entry of a pack declares: four bits of the first byte, seven of each other byte."""
    first = data[offset]
    return first & 15 if first < 128 else first & 15 | _number(data[offset + 1 : offset + 11], 0)[0] << 4


def _result_size(delta: bytes) -> int:
    """The size of the result of a delta: the second of the two numbers at its start."""
    _, end = _number(delta, 0)
    return _number(delta, end)[0]


def _number(data: bytes, start: int) -> tuple[int, int]:
    """The number and where it ends: seven bits per byte, the lowest first; the last byte is below 128."""
    value = 0
    for place, byte in enumerate(data[start : start + 10]):
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, start + place + 1
    raise HistoryUnknown("a pack is damaged")


def _short(wanted: bytes) -> str:
    return wanted[:12].decode("ascii")
