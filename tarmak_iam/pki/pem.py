"""PEM as Go's encoding/pem reads it: the authenticator is a Go program, and a more lenient reader hides problems."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field

_BASE64 = re.compile(rb"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\Z")
_TEXT = re.compile(rb"[A-Za-z0-9+/= \t\r]*\Z")
_BEGIN, _END, _DASHES = b"-----BEGIN ", b"-----END ", b"-----"


@dataclass(frozen=True, slots=True)
class PemBlock:
    """`label` is the text after BEGIN, `line` (from 1) is the line of BEGIN."""

    label: str
    data: bytes = field(repr=False)
    line: int
    is_encrypted: bool = False


def read_pem(data: bytes) -> tuple[PemBlock, ...]:
    """The blocks that Go finds. Text around them is ignored, and broken blocks are skipped."""
    lines = [line.rstrip(b" \t\r") for line in data.split(b"\n")]
    blocks, number = list[PemBlock](), 0
    while number < len(lines):
        if lines[number].startswith(_BEGIN) and lines[number].endswith(_DASHES):
            end, block = _block(lines, number)
            if block is not None:
                blocks.append(block)
                number = end
        number += 1
    return tuple(blocks)


def encode_pem(label: str, data: bytes) -> bytes:
    """A block as Go writes it: lines of 64 characters that end with LF."""
    text = base64.b64encode(data)
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN %s-----" % label.encode(), *lines, b"-----END %s-----" % label.encode(), b""])


def is_certificate(block: PemBlock) -> bool:
    return block.label == "CERTIFICATE"


def is_key(block: PemBlock) -> bool:
    """Whether Go's tls.X509KeyPair accepts the block as a key, of any type."""
    return block.label == "PRIVATE KEY" or block.label.endswith(" PRIVATE KEY")


def is_key_of_init(block: PemBlock, size: int) -> bool:
    """Whether a key of so many bits is one as the authenticator's `init` creates it: RSA in PKCS#1."""
    return block.label == "RSA PRIVATE KEY" and size == 2048


def _block(lines: list[bytes], begin: int) -> tuple[int, PemBlock | None]:
    """The line at which the block that begins at `begin` ends, and the block, or None if it is broken. Stops at the
    next BEGIN, which cannot be part of a block, so that each line is read once. (Go reads one with a colon as a
    header.)"""
    label = lines[begin][len(_BEGIN) : -len(_DASHES)]
    text = begin + 1
    while text < len(lines) and b":" in lines[text] and not lines[text].startswith((_BEGIN, _END)):
        text += 1  # a header
    number = text
    while number < len(lines) and _TEXT.match(lines[number]):
        number += 1
    if number == len(lines) or lines[number] != _END + label + _DASHES:
        return number, None
    base64_text = b"".join(lines[text:number]).translate(None, b" \t\r")
    if not _BASE64.match(base64_text):
        return number, None
    encrypted = label == b"ENCRYPTED PRIVATE KEY" or any(b"ENCRYPTED" in line for line in lines[begin + 1 : text])
    return number, PemBlock(label.decode("utf-8", "replace"), base64.b64decode(base64_text), begin + 1, encrypted)
