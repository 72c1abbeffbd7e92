"""The value of a key: as it is written, and as Tarmak uses it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from tarmak_iam.config.path_lookup import FoundKey
from tarmak_iam.config.sections import Section, validation_error
from tarmak_iam.config.tarmak_output import NOW
from tarmak_iam.document import Document
from tarmak_iam.document.plain_values import construct, value_at


class _Unset:
    def __deepcopy__(self, _: object) -> _Unset:
        return self


UNSET: Any = _Unset()
"""Stands for a key that has no value."""


def written_value(document: Document, key: FoundKey) -> Any:
    """The value in the document, as Tarmak's parser reads it; UNSET if there is none."""
    if not document.is_json:
        return construct(key.node, document.source) if key.is_set else UNSET
    value = value_at(document.shared_data, key.route.plain)  # where the values of duplicate keys are merged
    return UNSET if value is None else copy.deepcopy(value)


def default_value(document: Document, used: Mapping[str, Any], key: FoundKey) -> Any:
    """The value of a key that is of no section. `used` are the data of the file with Tarmak's defaults. UNSET as in
    `ReadFile.effective_value`."""
    if key.field is None:
        return written_value(document, key)
    path = key.route.plain
    value = value_at(used, path)
    is_member = bool(path) and key.type_path[-1:] == path[-1:]  # of a struct, not of a mapping with free keys
    if value is None and key.field.kind == "bool" and not key.field.is_pointer and is_member:
        # Go's zero value, if its struct exists: without the struct, what Tarmak does is not known.
        value = False if isinstance(value_at(used, path[:-1]), dict) else None
    return UNSET if value is None else _without_now(value)


def section_values(section: Section[Any], given: Any) -> dict[str, Any]:
    """The values of a section with its defaults; `given` is its model as the file contains it, None without it. Empty
    if a required key is not set."""
    try:
        model = section.model() if given is None else given
    except validation_error():
        return {}
    dumped: dict[str, Any] = section.effective(model).model_dump(mode="json", exclude_none=True)
    return dumped


def _without_now(value: Any) -> Any:
    if isinstance(value, Mapping):
        members = {key: _without_now(member) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not UNSET}
    if isinstance(value, list):
        return [_without_now(item) for item in value]
    return UNSET if value == NOW else value
