"""The value of a key: as it is written, and as Tarmak uses it."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from tarmak_iam.config.cluster import ReadFile
from tarmak_iam.config.path_lookup import CLUSTER, FoundKey
from tarmak_iam.config.section_keys import load_sections
from tarmak_iam.config.sections import Section, validation_error
from tarmak_iam.config.tarmak_output import NOW, defaulted
from tarmak_iam.document import Document
from tarmak_iam.document.plain_values import construct


class _Unset:
    def __deepcopy__(self, _: object) -> _Unset:
        return self


UNSET: Any = _Unset()
"""Stands for a key that has no value."""


def written_value(document: Document, found: FoundKey) -> Any:
    """The value in the document, as Tarmak's parser reads it; UNSET if there is none."""
    if document.is_json:  # where the values of duplicate keys are merged
        return copy.deepcopy(_value_at(document.shared_data, found.route.plain))
    return construct(found.node, document.source) if found.is_set else UNSET


def effective_value(file: ReadFile, found: FoundKey) -> Any:
    """The value that Tarmak uses: the one in the file, else Tarmak's default. UNSET if there is neither, and if the
    default is not known: no value is guessed. A time that Tarmak sets when it reads the file is left out.

    Raises ConfigError for data that the model of a section does not accept.
    """
    section = _section_of(found)
    if section is not None:
        return _of_section(file, found, section)
    if found.field is None:
        return written_value(file.document, found)
    data = _defaults(file)
    value = _value_at(data, found.route.plain)
    if value is UNSET and found.field.kind == "bool" and not found.field.is_pointer and _is_member(found):
        # Go's zero value, if its struct exists: without the struct, what Tarmak does is not known.
        value = False if isinstance(_value_at(data, found.route.plain[:-1]), dict) else UNSET
    return _without_now(value)


def _is_member(found: FoundKey) -> bool:
    """Whether it is a key of a struct, not of a mapping with free keys."""
    return bool(found.route.steps) and found.type_path[-1:] == found.route.plain[-1:]


def _section_of(found: FoundKey) -> Section[Any] | None:
    """The section that the key is, or is in."""
    if found.type_path[: len(CLUSTER)] != CLUSTER:
        return None
    path = found.type_path[len(CLUSTER) :]
    return next((each for each in load_sections() if path[: len(each.path)] == each.path), None)


def _of_section(file: ReadFile, found: FoundKey, section: Section[Any]) -> Any:
    cluster = file.clusters[int(found.route.plain[1])]
    given = cluster.section(section)
    written = written_value(file.document, found)
    below = found.type_path[len(CLUSTER) + len(section.path) :]
    value = _value_at(section_values(section, given), below)
    if isinstance(value, dict) and isinstance(written, dict):  # with the keys that the model does not have
        return {**written, **value}
    return written if value is UNSET else value


def section_values(section: Section[Any], given: Any) -> dict[str, Any]:
    """The values of a section with its defaults; `given` is its model as the file contains it, None without it. Empty
    if a required key is not set."""
    try:
        model = section.model() if given is None else given
    except validation_error():
        return {}
    dumped: dict[str, Any] = section.effective(model).model_dump(mode="json", exclude_none=True)
    return dumped


def _defaults(file: ReadFile) -> dict[str, Any]:
    """The data of the file with the defaults that Tarmak writes, and those that it only uses: the location of a
    cluster is that of its environment (Location in pkg/tarmak/environment/environment.go), and of minCount and maxCount
    one stands for both (pkg/tarmak/instance_pool/instance_pool.go)."""
    data = defaulted(file.data)
    for cluster, effective in zip(file.clusters, data.get("clusters") or (), strict=True):
        location = cluster.environment_data().get("location")
        if location:
            effective["location"] = location
        for pool in effective.get("instancePools") or ():
            least, most = pool.get("minCount") or 0, pool.get("maxCount") or 0
            if least or most:
                pool["minCount"], pool["maxCount"] = least or most, most or least
    return data


def _value_at(data: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        if isinstance(data, dict) and step in data:
            data = data[step]
            continue
        if not isinstance(data, list) or not isinstance(step, int) or step >= len(data):
            return UNSET
        data = data[step]
    return UNSET if data is None else data


def _without_now(value: Any) -> Any:
    if isinstance(value, Mapping):
        left = {key: _without_now(each) for key, each in value.items()}
        return {key: each for key, each in left.items() if each is not UNSET}
    if isinstance(value, list):
        return [_without_now(each) for each in value]
    return UNSET if value == NOW else value
