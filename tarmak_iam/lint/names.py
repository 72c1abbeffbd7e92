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
        found = []
        for entry in self.entries:
            listed = entry.listed
            for text in (listed.username, *listed.groups):
                if text not in seen:
                    if not is_ordinary(text):
                        found.append((entry, tuple(each for each in entry.names if not is_ordinary(each[1]))))
                        break
                    seen.add(text)
        return tuple(found)

    @cached_property
    def with_private_dns(self) -> tuple[WrittenEntry, ...]:
        """The entries with the private DNS name of an instance in a name."""
        return self.entries_with((PRIVATE_DNS,))

    @cached_property
    def with_session_name(self) -> tuple[WrittenEntry, ...]:
        """The entries with a session name in a name."""
        found = []
        for entry in self.entries:
            listed = entry.listed
            if has_session(listed.username) or _has_session(listed.groups):
                found.append(entry)
        return tuple(found)

    @cached_property
    def chosen(self) -> tuple[WrittenEntry, ...]:
        """Those whose callers have a session name, and so choose a name."""
        return tuple(each for each in self.with_session_name if each.has_session)

    @cached_property
    def with_chosen_group(self) -> tuple[WrittenEntry, ...]:
        """Those that have it in a group."""
        return tuple(each for each in self.chosen if _has_session(each.listed.groups))

    def entries_with(self, parts: Iterable[str]) -> tuple[WrittenEntry, ...]:
        """The entries that have one of the parts in a name."""
        parts = tuple(parts)
        found = []
        for entry in self.entries if parts else ():
            names = "\n".join((entry.listed.username, *entry.listed.groups))
            if any(part in names for part in parts):
                found.append(entry)
        return tuple(found)


@lru_cache(maxsize=4)
def names_of(mappings: Mappings | None) -> Names:
    """Cached for all rules, as `entries_of` is."""
    return Names(entries_of(mappings).mapped)


def _has_session(texts: Iterable[str]) -> bool:
    return any(map(has_session, texts))
