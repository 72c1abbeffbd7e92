"""The usernames and groups that a rule may have something to say about: nearly all others are of ordinary characters
only, and are gone through once for all rules.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property, lru_cache

from tarmak_iam.identity.templates import PRIVATE_DNS, TEMPLATES, has_session
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint.entries import WrittenEntry, entries_of
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.patterns import compiled
from tarmak_iam.routes import Route

Name = tuple[str, str, Route]
"""A name as in `WrittenEntry.names`: `username` or `group`, the text, and the route."""

# Letters, digits, signs that are part of a name, and templates in exactly two braces.
_ORDINARY = compiled(
    rf"(?=[A-Za-z0-9_{{])(?:[A-Za-z0-9_.:@/+=-]|\{{\{{(?:{'|'.join(TEMPLATES)})\}}\}}(?!\}}))+(?<=[A-Za-z0-9_}}])\Z"
)


def is_ordinary(text: str) -> bool:
    """Whether a name has no trace of copying, no wildcard and no unknown template, and is not several names. Only
    visible ASCII is ordinary."""
    return _ORDINARY.match(text) is not None


@dataclass(frozen=True)
class Names:
    """The names of roles and users."""

    entries: tuple[WrittenEntry, ...]

    @cached_property
    def odd(self) -> tuple[tuple[WrittenEntry, tuple[Name, ...]], ...]:
        """The names that are not ordinary, by their entries."""
        seen: set[str] = set()
        odd = []
        for entry in self.entries:
            for text in (entry.listed.username, *entry.listed.groups):
                if text not in seen and not is_ordinary(text):
                    odd.append((entry, tuple(each for each in entry.names if not is_ordinary(each[1]))))
                    break
                seen.add(text)
        return tuple(odd)

    @cached_property
    def with_private_dns(self) -> tuple[WrittenEntry, ...]:
        """The entries with the private DNS name of an instance in a name."""
        return self.entries_with((PRIVATE_DNS,))

    @cached_property
    def with_session_name(self) -> tuple[WrittenEntry, ...]:
        """The entries with a session name in a name."""
        names = ((entry, (entry.listed.username, *entry.listed.groups)) for entry in self.entries)
        return tuple(entry for entry, texts in names if any(map(has_session, texts)))

    @cached_property
    def chosen(self) -> tuple[WrittenEntry, ...]:
        """Those whose callers have a session name, and so choose a name."""
        return tuple(each for each in self.with_session_name if each.has_session)

    def entries_with(self, parts: Iterable[str]) -> tuple[WrittenEntry, ...]:
        """The entries that have one of the parts in a name."""
        parts = tuple(parts)
        names = ((entry, "\n".join((entry.listed.username, *entry.listed.groups))) for entry in self.entries)
        return tuple(entry for entry, text in names if any(part in text for part in parts)) if parts else ()


@lru_cache(maxsize=4)
def names_of(mappings: Mappings | None) -> Names:
    """Cached for all rules, as `entries_of` is."""
    return Names(entries_of(mappings).mapped)
