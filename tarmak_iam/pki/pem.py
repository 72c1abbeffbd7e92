"""PEM as Go's encoding/pem finds it in a file: the daemon is a Go program, and more lenient readers hide trouble."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ["Block", "encode_pem", "is_certificate", "is_key", "read_pem"]

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"


@dataclass(frozen=True, slots=True)
class Block:
    """`label` is what stands behind BEGIN, `line` (from 1) where that is."""

    label: str
    data: bytes = field(repr=False)
    line: int
    is_encrypted: bool = False


def read_pem(data: bytes) -> tuple[Block, ...]:
    """The blocks that Go finds; what stands around them does not matter, and a broken one is passed over."""
    return tuple(_blocks([line.rstrip(b" \t\r") for line in data.split(b"\n")]))


def encode_pem(label: str, data: bytes) -> bytes:
    """As Go writes it: lines of 64 characters, LF."""
    text = base64.b64encode(data)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN %s-----" % label.encode(), *lines, b"-----END %s-----" % label.encode(), b""])


def is_certificate(block: Block) -> bool:
    return block.label == "CERTIFICATE"


def is_key(block: Block) -> bool:
    """What Go's tls.X509KeyPair takes for a key, of whatever kind."""
    return block.label == "PRIVATE KEY" or block.label.endswith(" PRIVATE KEY")


def _blocks(lines: list[bytes]) -> Iterator[Block]:
    number = 0
    while number < len(lines):
        if not (lines[number].startswith(_BEGIN) and lines[number].endswith(_DASHES)):
            number += 1
            continue
        end = _end(lines, number)
        block = _block(lines, number, end) if end is not None else None
        if block is not None and end is not None:
            yield block
            number = end
        number += 1


def _end(lines: list[bytes], begin: int) -> int | None:
    return next((number for number in range(begin + 1, len(lines)) if lines[number].startswith(_END)), None)


def _block(lines: list[bytes], begin: int, end: int) -> Block | None:
    label = lines[begin][len(_BEGIN) : -len(_DASHES)]
    if lines[end] != _END + label + _DASHES:
        return None
    body = lines[begin + 1 : end]
    headers = [line for line in body if b":" in line]
    text = b"".join(body[len(headers) :]).replace(b" ", b"").replace(b"\t", b"").replace(b"\r", b"")
    if any(b":" in line for line in body[len(headers) :]) or not _BASE64.match(text):
        return None
    encrypted = label == b"ENCRYPTED PRIVATE KEY" or any(b"ENCRYPTED" in line for line in headers)
    return Block(label.decode("utf-8", "replace"), base64.b64decode(text), begin + 1, encrypted)
