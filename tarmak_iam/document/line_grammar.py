"""A strict grammar of lines: texts that are surely valid, which is found in a fraction of the time that a parser takes.

It has block collections whose scalars and flow collections end on the line where they begin, block scalars, comments
and blank lines, of which each line can be checked when the columns of the collections around it are known. That is most
of YAML as it is written by hand. Whatever the grammar does not have is left to the parser, valid or not.
"""

from __future__ import annotations

import re
from functools import cache

from tarmak_iam.document.regular import room_for_values
from tarmak_iam.patterns import compiled

_UNPRINTABLE = compiled("[\x00-\x09\x0b-\x1f\x7f-\x9f\ufffe\uffff]")

# Keys are short because one of more than 1024 characters is not valid. All repetitions of groups have a limit because
# they need memory.
_QUOTED_KEY = r"""(?:\"[^\"\\\n]{0,200}\"|'[^'\n]{0,200}')[ ]{0,9}"""
_QUOTED = r"""\"[^\"\\\n]*(?:\\[0abtnvfreNLP_ \"\\][^\"\\\n]*){0,999}\"|'[^'\n]*(?:''[^'\n]*){0,999}'"""

# A word does not begin a comment, and does not end with the colon after a key.
_INDICATORS = r"?:,\[\]{}#&*!|>'\"%@`-"
_FIRST = rf"(?:[^ \n{_INDICATORS}]|-[^ \n:])"
_REST = r"(?:[^ \n]*[^ \n:])?"
_PLAIN = rf"{_FIRST}{_REST}(?:[ ]+[^ \n:#]{_REST}){{0,999}}"
_PLAIN_KEY = rf"{_FIRST}[^\n:#]{{0,200}}(?::[^ \n:][^\n:#]{{0,200}}){{0,3}}"

_OTHER_LINES = r"(?:[ ]*(?:\#[^\n]*)?\n){0,999}"
_LINE_END = r"(?:(?<=[ ])\#[^\n]*)?(?:\n|\Z)"

_LINE = compiled(
    rf"{_OTHER_LINES}(?P<margin>[ ]*)(?P<dashes>(?:-(?:[ ]+|(?=\n|\Z))){{0,99}})"
    rf"(?:(?:{_PLAIN_KEY}|{_QUOTED_KEY})(?P<colon>:)(?=[ \n]|\Z)[ ]*)?"
    rf"(?:(?:(?:(?P<scalar>{_PLAIN}|{_QUOTED})|(?P<block>[|>][+-]?))[ ]*)?{_LINE_END}|(?P<bracket>[\[{{]))"
)
_LAST_LINES = compiled(rf"{_OTHER_LINES}[ ]*(?:\#[^\n]*)?\Z")
_REST_OF_LINE = compiled(rf"[ ]*{_LINE_END}")
_MARGIN = compiled(r"[ ]*(?=[^ \n])")

# In a flow collection.
_FLOW_FIRST = rf"(?:[^ \n{_INDICATORS}]|-[0-9A-Za-z.])"
_FLOW_REST = r"[^ \n,:?\[\]{}]*(?::[0-9A-Za-z/][^ \n,:?\[\]{}]*){0,9}"
_FLOW_SCALAR = compiled(rf"[ ]*(?:{_FLOW_FIRST}{_FLOW_REST}(?:[ ]+[^ \n,:?\[\]{{}}#]{_FLOW_REST}){{0,99}}|{_QUOTED})")
_FLOW_KEY = compiled(rf"[ ]*(?:[\w./][\w./ -]{{0,200}}|{_QUOTED_KEY}):[ ]")
_SIGN = compiled(r"[ ]*(.?)")


@cache
def _left_of(column: int) -> re.Pattern[str]:
    return re.compile(rf"\n[ ]{{0,{column - 1}}}(?=[^ \n])")


def is_surely_valid(text: str) -> bool:
    """Whether a text that may be regular is certainly valid, has few enough values, and has no quoted scalar or flow
    collection of more than one line. False if the grammar does not have it."""
    if _UNPRINTABLE.search(text) or room_for_values(text) < 0:
        return False
    levels, at, awaits_value = [-1], 0, True
    while line := _LINE.match(text, at):
        margin, dashes, colon, scalar, block, bracket = line.groups()
        if not (dashes or colon) or not _enter(levels, len(margin), dashes, colon, awaits_value):
            break
        end: int | None = line.end()
        if block:
            end = _block_scalar_end(text, line.end(), levels[-1] // 2)
        elif bracket:
            end = _flow_line_end(text, line.end())
        if end is None:
            break
        at, awaits_value = end, not (scalar or block or bracket)
    return len(levels) > 1 and _LAST_LINES.match(text, at) is not None


def _enter(levels: list[int], column: int, dashes: str, colon: str | None, awaits_value: bool) -> bool:
    """Changes the levels to those of a line that begins in a column; whether such a line may follow.

    The levels are twice the columns of the collections around the line, plus one for a list, because a list may begin
    in the column of its key.
    """
    level = 2 * column + bool(dashes)
    while level < levels[-1]:
        levels.pop()
        awaits_value = False
    if level > levels[-1]:
        if not awaits_value:
            return False
        levels.append(level)
    if dashes:
        levels += [2 * (column + number) + 1 for number, sign in enumerate(dashes) if sign == "-"]
        if colon:
            levels.append(2 * (column + len(dashes)))
    return True


def _block_scalar_end(text: str, at: int, column: int) -> int | None:
    """The end of the lines of a block scalar, which begin at an offset, in a collection in a column. None if the first
    line is not one of them."""
    first = _MARGIN.match(text, at)
    if first is None or first.end() - at <= column:
        return None
    below = _left_of(first.end() - at).search(text, at)
    return below.start() if below else len(text)


def _flow_line_end(text: str, at: int) -> int | None:
    """The end of the line on which a flow collection ends. For the rest see `_flow_end`."""
    end = _flow_end(text, at)
    line = None if end is None else _REST_OF_LINE.match(text, end)
    return line.end() if line else None


def _flow_end(text: str, at: int) -> int | None:
    """The end of the flow collection whose opening bracket is before an offset; None if the grammar does not have
    it."""
    is_mapping = text[at - 1] == "{"
    closing = "}" if is_mapping else "]"
    sign = _next_sign(text, at)
    if sign[1] == closing:
        return sign.end()
    while True:
        if is_mapping:
            key = _FLOW_KEY.match(text, at)
            if key is None:
                return None
            at = key.end()
        sign = _next_sign(text, at)
        if sign[1] in ("[", "{"):
            end = _flow_end(text, sign.end())
        else:
            scalar = _FLOW_SCALAR.match(text, at)
            end = scalar.end() if scalar else None
        if end is None:
            return None
        sign = _next_sign(text, end)
        at = sign.end()
        if sign[1] != ",":
            return at if sign[1] == closing else None


def _next_sign(text: str, at: int) -> re.Match[str]:
    sign = _SIGN.match(text, at)
    assert sign
    return sign
