"""What an import says, as lines that a test can state."""

from __future__ import annotations

from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.mappings.formats import Import, convert_mappings, read_mappings
from tarmak_iam.mappings.formats.access_entries import read_entries
from tarmak_iam.mappings.mappings_file import Mappings


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


def converted(text: str, backend: str, release: str) -> list[str]:
    """The objects for a backend as YAML, and `left out: PLACE: WHAT`."""
    made = convert_mappings(Mappings.parse(text, "f.yaml"), backend, DaemonVersion.parse(release))
    objects = b"---\n".join(map(yaml_bytes, made.objects)).decode()
    return [*objects.splitlines(), *(f"left out: {each}" for each in made.left_out)]
