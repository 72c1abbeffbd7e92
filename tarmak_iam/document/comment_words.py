"""What the words of a comment name: keys, and whether they are a title over several members."""

from __future__ import annotations

from tarmak_iam.document.tree import Comment
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.patterns import compiled

LETTER = compiled(r"[^\W\d_]")

LINKS = frozenset((",", "/", "&", "+", "and", "or", "plus", "the", "with", "as", "well", "both"))
"""What is between the keys of an enumeration: `stages and jobs`."""

_COMMON = frozenset(
    (
        *("a", "all", "and", "any", "are", "as", "at", "be", "by", "for", "from", "has", "if", "in", "is", "it", "its"),
        *("no", "not", "of", "on", "one", "or", "that", "the", "this", "to", "use", "used", "with"),
    )
)

_COLLECTIVE = frozenset(
    (
        *("arguments", "configuration", "configurations", "credentials", "definitions", "flags", "limits", "options"),
        *("parameters", "params", "properties", "section", "settings", "values", "variables", "vars"),
    )
)
"""The last word of a title over several members."""

_LONGEST_TITLE, _SHORT_WORD = 5, 3

_TOKEN = compiled(r"[\w-]+|[,/&+]")

_PART = compiled(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")

_LONG_WORD = compiled(r"[^\W\d_]{3,}")


@dataclass(frozen=True, slots=True)
class Words:
    """The words of comment lines: as they are, with the signs between them, and separated into their parts, in the
    singular (`imageTags` is `image tag`)."""

    tokens: tuple[str, ...]
    signs: tuple[str, ...]
    parts: str

    @classmethod
    def of(cls, comments: list[Comment]) -> Words:
        signs = tuple(token for comment in comments for token in _TOKEN.findall(comment.text) if token.strip("-_"))
        tokens = tuple(token for token in signs if LETTER.search(token))
        return cls(tokens, signs, _parts(" ".join(tokens)))

    def has(self, name: str | None, *, as_word: bool = False) -> bool:
        """Whether they contain a key (`imageTag` or `image tag`). `as_word`: not if any text may contain that word."""
        if not name or (as_word and name.lower() in _COMMON):
            return False
        return name in self.signs or _parts(name) in self.parts

    def are_a_title(self) -> bool:
        """Whether they are a few words, and the last one is collective: `network settings`."""
        return 0 < len(self.tokens) <= _LONGEST_TITLE and self.tokens[-1].lower() in _COLLECTIVE


def distinct_words(text: str) -> set[str]:
    """The longer words of a text that not every text contains."""
    return set(_LONG_WORD.findall(_parts(text))) - _COMMON


def forms(word: str) -> tuple[str, ...]:
    """The keys that a word may be: itself, in lower case, and in the singular or plural."""
    lower = word.lower()
    return word, lower, f"{lower}s", lower.removesuffix("s")


def _parts(text: str) -> str:
    words = (word.lower() for word in _PART.findall(text))
    return f" {' '.join(word.removesuffix('s') if len(word) > _SHORT_WORD else word for word in words)} "
