"""What an import says, as lines that a test can state."""

from __future__ import annotations

from tarmak_iam.mappings.formats import Import, read_mappings
from tarmak_iam.mappings.formats.access_entries import read_entries


def lines(found: Import) -> list[str]:
    """`PLACE PRINCIPAL as USERNAME [GROUPS]` for each entry, `PLACE: WHAT` for what is left out."""
    entries = [
        f"{each.place} {each.principal} as {each.username or '-'} {list(each.groups or ())}" for each in found.entries
    ]
    return [*entries, *map(str, found.left_out)]


def read(text: str, form: str | None = None) -> list[str]:
    return lines(read_mappings(text, "f.yaml", form))


def access_entries(text: str) -> list[str]:
    """`PLACE PRINCIPAL TYPE as USERNAME [GROUPS] [POLICIES]` for each entry, `PLACE: WHAT` for what is left out."""
    entries, left_out = read_entries(text, "f.yaml")
    shown = (
        f"{each.place} {each.principal} {each.type} as {each.username} {list(each.groups)} {[*map(str, each.policies)]}"
        for each in entries
    )
    return [*shown, *map(str, left_out)]
