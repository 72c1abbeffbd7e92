"""Whether a text that can be read is the beginning of one that tarmak wrote, and not one that somebody has edited.

Tarmak writes the keys of a file in order, each struct's too, and no text can be read without `kind`. So what a piece
lacks is at the end of the metadata, the project and the providers, and there no command does anything but to add a
provider.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from tarmak_iam.config.defaults import NOW
from tarmak_iam.document.construct import same
from tarmak_iam.hook.tarmak.differences import Difference, NotExplainedError, Reading

__all__ = ["is_cut_off"]


class _Extent(Enum):
    WHOLE, BEGINNING, OTHER = range(3)


def is_cut_off(old: Reading, new: Reading, text: bytes) -> bool:
    """Whether `text`, which `new` is the reading of, is a proper beginning of what tarmak wrote on top of `old`."""
    data = new.config.document.data
    if list(data) != sorted(data):
        return False  # somebody's own order
    wanted, found = ({key: each[key] for key in sorted(each) if key > "kind"} for each in (old.full, data))
    added = _added(wanted, found)
    extent = _extent({**wanted, **({"providers": [*wanted.get("providers", []), *added]} if added else {})}, found)
    if extent is not _Extent.WHOLE:
        return extent is _Extent.BEGINNING or found.get("providers", ()) is None
    if added and not _name(added[-1]):
        return True
    try:
        difference = Difference.of(old, new)
    except NotExplainedError:  # what no command does is somebody's edit
        return False
    return not text.endswith(b"\n") or _lacks_provider(difference)


def _lacks_provider(difference: Difference) -> bool:
    """Whether a new environment names a provider that is not there: providers are written last."""
    environments, providers = (difference.new.entries(key) for key in ("environments", "providers"))
    names = [_name(each) for each in providers]
    return any(environments[index].get("provider", "") not in names for index in difference.come["environments"])


def _added(wanted: dict[str, Any], found: dict[str, Any]) -> list[Any]:
    providers = found.get("providers")
    return providers[len(wanted.get("providers", [])) :] if isinstance(providers, list) else []


def _extent(wanted: Any, found: Any) -> _Extent:
    """How much of a value is there, in the order in which tarmak writes it."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        keys = sorted(wanted)
        if list(found) != keys[: len(found)]:
            return _Extent.OTHER
        return _extent_of_all([wanted[key] for key in keys], list(found.values()))
    if isinstance(wanted, list) and isinstance(found, list):
        return _extent_of_all(wanted, found)
    if same(wanted, found) or (wanted == NOW and isinstance(found, str)):
        return _Extent.WHOLE
    is_begun = found is None or (isinstance(wanted, str) and isinstance(found, str) and wanted.startswith(found))
    return _Extent.BEGINNING if is_begun else _Extent.OTHER


def _extent_of_all(wanted: list[Any], found: list[Any]) -> _Extent:
    """All but the last one that is there must be whole."""
    extents = [_extent(*pair) for pair in zip(wanted, found, strict=False)]
    if len(found) > len(wanted) or any(each is not _Extent.WHOLE for each in extents[:-1]):
        return _Extent.OTHER
    if extents and extents[-1] is not _Extent.WHOLE:
        return extents[-1]
    return _Extent.WHOLE if len(found) == len(wanted) else _Extent.BEGINNING


def _name(entry: Any) -> Any:
    metadata = entry.get("metadata") if isinstance(entry, dict) else None
    return metadata.get("name", "") if isinstance(metadata, dict) else ""
