"""A tarmak.yaml that tarmak rewrote, put back into the text that a person wrote: only what changed is changed there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.hook.tarmak.differences import Change, Difference, NotExplainedError, Reading
from tarmak_iam.hook.tarmak.truncation import is_cut_off
from tarmak_iam.text import one_line

__all__ = ["Outcome", "Restored", "restore", "unreadable"]

_EMPTY = "it is empty"
"""Of a tarmak that was ended between opening the file and writing it."""

Outcome = Literal["unchanged", "restored", "not restored", "broken"]


@dataclass(frozen=True, slots=True)
class Restored:
    """What the file should hold (`data`), and why.

    - "unchanged": tarmak wrote nothing.
    - "restored": the old text with the changes that tarmak made; it means what tarmak wrote.
    - "not restored": what is there now; `reason` says why the old text cannot take its place.
    - "broken": the old text, for tarmak left one that it cannot have meant; `reason` says what is wrong with it.
    """

    outcome: Outcome
    data: bytes = field(repr=False)
    changes: tuple[Change, ...] = ()
    removed_comments: tuple[str, ...] = ()
    """The comments that went with the entries that tarmak removed."""
    reason: str = ""


def restore(before: bytes, after: bytes, *, finished: bool = True, filename: str = "tarmak.yaml") -> Restored:
    """`before` is the text ahead of the command, `after` what it left; `finished` says whether tarmak ended well.

    The result means what tarmak wrote, in Tarmak's own reading: decoded, with defaults, and written again. Times
    of creation that Tarmak only set because there were none are not taken over: nothing reads them, and the next
    rewrite sets them anew. A text is broken where Tarmak cannot read it, and, where tarmak did not end well, where it
    is the beginning of one: tarmak does not write atomically. What it could not have written is somebody else's, and
    stays.
    """
    if before == after:
        return Restored("unchanged", before)
    try:
        new = Reading.of(after, filename)
    except TarmakIamError as error:
        return Restored("broken", before, reason=_told(error) if after else _EMPTY)
    try:
        old = Reading.of(before, filename)
    except TarmakIamError as error:
        return Restored("not restored", after, reason=f"tarmak cannot read it: {_told(error)}")
    if not finished and not new.config.document.comments and is_cut_off(old, new, after):
        return Restored("broken", before, reason="its end is missing")
    found = _explained(old, new, before, after)
    if new.config.document.comments and not (found.outcome == "restored" and found.data == after):
        return Restored("not restored", after, reason="the file has comments, which tarmak does not write")
    return found


def unreadable(text: bytes, filename: str = "tarmak.yaml") -> str:
    """Why Tarmak cannot read a text; empty where it can."""
    try:
        Reading.of(text, filename)
    except TarmakIamError as error:
        return _told(error) if text else _EMPTY
    return ""


def _explained(old: Reading, new: Reading, before: bytes, after: bytes) -> Restored:
    try:
        return _restored(old, new, before)
    except NotExplainedError as error:
        return Restored("not restored", after, reason=str(error))
    except TarmakIamError as error:
        return Restored("not restored", after, reason=_told(error))


def _restored(old: Reading, new: Reading, before: bytes) -> Restored:
    """Raises NotExplainedError and TarmakIamError."""
    difference = Difference.of(old, new)
    if not difference.changes:
        return Restored("restored", before)
    document, removed = difference.made()
    data = document.to_bytes()
    if not _means_the_same(Reading.of(data, document.filename), new):
        raise EditRefused("with these changes it would mean something else")
    return Restored("restored", data, difference.changes, removed)


def _means_the_same(one: Reading, other: Reading) -> bool:
    try:
        return not Difference.of(one, other).changes
    except NotExplainedError:
        return False


def _told(error: TarmakIamError) -> str:
    """Without a remedy: nobody wrote what tarmak left."""
    line = error.place.line if error.place else None
    return one_line(error.what) + (f" (line {line})" if line else "")
