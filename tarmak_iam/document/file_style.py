"""How most of a file is written, by its text: for what the neighbours of a new text do not show.

The beginning of the file is enough, and a text that only looks like YAML (in a block scalar) does no harm: every answer
is a good layout.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import islice
from typing import Any

from tarmak_iam.patterns import compiled

_LOOKED_AT = 16_384

_ENOUGH = 10
"""So many examples are counted."""

_QUOTE = compiled(r"[-?:,\[{\n][ ]*(?:[&!]\S*[ ]+)*([\"'])")

# A key whose value is on the lines below: what is before it on its line, and how the next line begins.
_KEY = compiled(r"\n([ -]*)[^\s#\"'-][^\n#]*:[ ]*(?=\n([ ]*)(-[ \n]|[^\s#-]))")

_ITEM = compiled(r"\n[ ]*-([ ]+)[^\s#\[{\"'&!*|>-][^\n]*?:[ \n]")

# A list of scalars: on one line, or an item below its key.
_LIST = compiled(r":[ ]+(?:[&!]\S*[ ]+)*(\[)[^\[\]{}&*\n]+\]|:[ ]*\n[ ]*-[ ]+[^\s\[{&!*|>](?![^\n]*:[ \n])")


def file_style(text: str, aspect: str) -> Any:
    """An aspect of `render.Layout` as most of the text has it; None if the text does not show it."""
    beginning = "\n" + text[:_LOOKED_AT]
    if aspect == "quote":
        return _most({"'": "single", '"': "double"}[match[1]] for match in _QUOTE.finditer(beginning))
    if aspect == "item":
        return _most(1 + len(match[1]) for match in _ITEM.finditer(beginning))
    if aspect == "flow":
        return _most(match[1] is not None for match in _LIST.finditer(beginning))
    below = ((len(match[2]) - len(match[1]), match[3].startswith("-")) for match in _KEY.finditer(beginning))
    if aspect == "dash":
        return _most(columns for columns, is_list in below if is_list and columns >= 0)
    return _most(columns for columns, is_list in below if not is_list and columns > 0)


def _most(answers: Iterable[Any]) -> Any:
    """The most frequent answer; of equals the earliest."""
    counted = Counter(islice(answers, _ENOUGH)).most_common(1)
    return counted[0][0] if counted else None
