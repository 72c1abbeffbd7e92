"""Which comment belongs to which key: a file, with a frame around what each key takes along when it is removed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tarmak_iam.document import Document, Remove
from tests.docs.images.drawing import CHARACTER, Drawing

__all__ = ["comments"]

FILE = """\
# Clusters of the payments team

# Production

prod:            # ask ops
  # since the outage
  zones: 3       # a, b and
                 # later c
  size: large
  # no labels yet
# to be removed
# in spring
dev:
  size: small
"""
RULES = (
    "1  A comment on the line of a key belongs to it, with the lines below that continue it.",
    "2  Comment lines directly above a key, in its column, belong to it.",
    "3  Comment lines after the last key of a block belong to the block.",
    "4  Every other comment stays where it is.",
)


class Note(NamedTuple):
    """`owner`: the key with which the comment is removed; empty if it always stays."""

    comment: str
    rule: int
    owner: str
    why: str


NOTES = (
    Note("# Clusters of the payments team", 2, "", "stays: the top of the file belongs to the file"),
    Note("# Production", 4, "", "stays: a blank line follows"),
    Note("# ask ops", 1, "prod", "belongs to prod"),
    Note("# since the outage", 2, "prod.zones", "belongs to zones"),
    Note("# a, b and", 1, "prod.zones", "belongs to zones"),
    Note("# later c", 1, "prod.zones", "belongs to zones: it continues the line"),
    Note("# no labels yet", 3, "prod", "belongs to prod: the end of its block"),
    Note("# to be removed", 2, "dev", "belongs to dev"),
    Note("# in spring", 2, "dev", "belongs to dev"),
)
_FRAMES = (("prod", "zone", "edge-blue"), ("prod.zones", "on-blue", "edge-blue"), ("dev", "on-green", "edge-green"))
_SIZE, _ROW, _LEFT, _TOP, _NOTES = 14.0, 24, 36, 46, 390


def comments() -> str:
    document = Document.parse(FILE)
    if wrong := [note for note in NOTES if _owner(document, note.comment) != note.owner]:
        raise RuntimeError(f"these comments belong to other keys: {wrong}")
    lines = FILE.splitlines()
    text = "; ".join(f"{note.comment} {note.why} (rule {note.rule})" for note in NOTES)
    height = _TOP + (len(lines) + len(RULES)) * _ROW + 20
    drawing = Drawing("Which comment belongs to which key", f"{text}. {' '.join(RULES)}", 780, height)
    for path, fill, edge in _FRAMES:
        taken = _lines_of(document, path)
        inset = 12 * path.count(".")
        width = _NOTES - _LEFT - 16 - 2 * inset
        drawing.box(_LEFT - 16 + inset, _TOP + taken[0] * _ROW - 16, width, len(taken) * _ROW - 2, f"{fill} {edge}")
    for number, line in enumerate(lines):
        y = _TOP + number * _ROW
        code, hash_sign, comment = line.partition("#")
        drawing.code(_LEFT, y, code, "text bold", _SIZE)
        drawing.code(_LEFT + len(code) * _SIZE * CHARACTER, y, hash_sign + comment, "dim", _SIZE)
        for note in NOTES:
            if note.comment == hash_sign + comment:
                drawing.badge(_NOTES + 10, y - 5, str(note.rule))
                drawing.text(_NOTES + 30, y, note.why)
    for number, rule in enumerate(RULES):
        y = _TOP + 20 + (len(lines) + number) * _ROW
        drawing.badge(_LEFT - 4, y - 5, rule[0])
        drawing.text(_LEFT + 16, y, rule[3:])
    return drawing.svg()


def _removed(document: Document, path: str) -> list[str]:
    return [comment.text for comment in document.edit(Remove(path.split("."))).removed_comments]


def _owner(document: Document, comment: str) -> str:
    """The innermost of the keys with which it goes."""
    paths: Iterable[str] = ("prod", "prod.zones", "prod.size", "dev", "dev.size")
    return max((path for path in paths if comment in _removed(document, path)), key=len, default="")


def _lines_of(document: Document, path: str) -> list[int]:
    """Those that are removed with the key, which are different from all others of the file."""
    rest = document.edit(Remove(path.split("."))).text.splitlines()
    return [number for number, line in enumerate(FILE.splitlines()) if line and line not in rest]
