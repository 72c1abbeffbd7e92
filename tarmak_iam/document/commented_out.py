"""Which comment lines are settings or items that were commented out, and which are prose.

Both look alike: prose has colons and dashes too. What a `#` turned off is the only copy of a setting, so that in doubt
a line counts as commented out, and stays when the members around it are removed.

- `# key: value`, with one word, a quoted string or a collection as the value, was commented out.
- `#key: several words` and `# - key: several words` were too: prose has a blank after the `#`, and no dash.
- `# key: several words` was commented out if the words are no sentence, and a key of that name is next to it or they
  have signs of a program: `# if: x == 'y'`.
- `# Default: 5`, `# see: https://...` are prose: capitalized words where keys are not capitalized, and labels.
- `#- item` and `# - word` were commented out; `# - several words` only in a list of scalars: elsewhere it is prose.
"""

from __future__ import annotations

import re

from tarmak_iam.document.nodes import Mapping, Node, Scalar, Sequence
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled

_KEY = compiled(r"#+(?P<gap>[ \t]*)(?P<dash>-[ \t]+)?(?P<name>[\w./\"'-]+):(?:[ \t]+(?P<value>\S.*))?\Z")

_ONE_VALUE = compiled(r"""(?: \S+ | "[^"]*" | '[^']*' | \{.*\} | \[.*\] ) (?: [ \t]+[#].* )? \Z""", re.VERBOSE)

_ITEM = compiled(r"#+(?P<gap>[ \t]*)-[ \t]+(?P<value>\S.*)")

_COMMENT = compiled(r"[ \t]#")

_CODE = compiled(r"[=${}<>|&\\]")

_SENTENCE_WORD = compiled(r"[A-Za-z][a-z]*[,.;:]?|[(][A-Za-z]+|[A-Za-z]+[)]")

_LABELS = frozenset(
    (
        *(
            "caution",
            "copyright",
            "default",
            "defaults",
            "deprecated",
            "doc",
            "docs",
            "documentation",
            "e.g",
            "eg",
            "ex",
        ),
        *("example", "examples", "fixme", "hint", "i.e", "important", "link", "note", "notes", "optional", "ref"),
        *("reference", "refs", "renovate", "required", "see", "since", "source", "spdx-license-identifier", "tip"),
        *("todo", "usage", "warning", "xxx", "yaml-language-server"),
    )
)
"""Words before a colon that introduce prose, or a directive of a tool about the next line."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What is next to a comment: the names of keys, and whether it is inside a list of scalars."""

    names: frozenset[str]
    in_scalars: bool = False

    @classmethod
    def of(cls, parent: Mapping | Sequence, number: int) -> Neighbours:
        """Those of the comments at a member: the member itself and those directly before and after it."""
        near = slice(max(number - 1, 0), number + 2)
        if isinstance(parent, Mapping):
            return cls(frozenset(entry.text for entry in parent.entries[near] if entry.text))
        items = parent.items[near]
        return cls(
            frozenset(name for item in items for name in _names(item)), all(isinstance(i, Scalar) for i in items)
        )

    @property
    def has_capitals(self) -> bool:
        return any(name[:1].isupper() for name in self.names)


def _names(item: Node) -> list[str]:
    return [entry.text for entry in item.entries if entry.text] if isinstance(item, Mapping) else []


def is_item(text: str) -> bool:
    """Whether a comment has the form of a list item: `#- item`."""
    return _ITEM.match(text) is not None


def is_commented_out(text: str, near: Neighbours) -> bool:
    """Whether a comment is a key with its value, or an item, that was commented out."""
    key = _KEY.match(text.rstrip())
    if key is not None:
        return _is_setting(key, near)
    item = _ITEM.match(text.rstrip())
    if item is None:
        return False
    value = _COMMENT.split(item["value"], maxsplit=1)[0]
    return not item["gap"] or near.in_scalars or " " not in value.rstrip()


def _is_setting(key: re.Match[str], near: Neighbours) -> bool:
    name, value = key["name"].strip("\"'"), key["value"]
    is_known = name in near.names
    is_capital = name[:1].isupper()
    if not is_known and (not near.has_capitals if is_capital else name in _LABELS):
        return False
    if not value or _ONE_VALUE.match(value) or not key["gap"] or key["dash"]:
        return True
    return (is_known or _CODE.search(value) is not None) and not _is_sentence(value)


def _is_sentence(value: str) -> bool:
    """Whether there are three or more words, most of them plain ones."""
    words = value.split()
    return len(words) > 2 and 3 * sum(_SENTENCE_WORD.fullmatch(word) is not None for word in words) > 2 * len(words)
