"""What an import says, as lines that a test can state."""

from __future__ import annotations

from tarmak_iam.mappings.formats import Import, read_mappings


def lines(found: Import) -> list[str]:
    """`PLACE PRINCIPAL as USERNAME [GROUPS]` for each entry, `PLACE: WHAT` for what is left out."""
    entries = [
        f"{each.place} {each.principal} as {each.username or '-'} {list(each.groups or ())}" for each in found.entries
    ]
    return [*entries, *map(str, found.left_out)]


def read(text: str, form: str | None = None) -> list[str]:
    return lines(read_mappings(text, "f.yaml", form))
