"""A file of any known format, read: which of its objects are mappings, and what they come to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.formats import authenticator_config, aws_auth, custom_resource, eksctl, kops
from tarmak_iam.identity.formats.description import described
from tarmak_iam.identity.formats.found import LeftOut, Read
from tarmak_iam.identity.formats.source import Part, documents, shown
from tarmak_iam.identity.merging import Wanted

__all__ = ["FORMATS", "Import", "read_mappings"]


class _Format(NamedTuple):
    reads: Callable[[Part], bool]
    read: Callable[[Part], Read]


# The order is that of recognition: a ConfigMap with a config.yaml is no aws-auth.
_FORMATS: Mapping[str, _Format] = {
    "authenticator": _Format(authenticator_config.reads, authenticator_config.read),
    "aws-auth": _Format(aws_auth.reads, aws_auth.read),
    "crd": _Format(custom_resource.reads, custom_resource.read),
    "kops": _Format(kops.reads, kops.read),
    "eksctl": _Format(eksctl.reads, eksctl.read),
}
FORMATS = tuple(_FORMATS)
"""The names that `read_mappings` knows."""


_MOST_NAMED = 5
"""How many of a file's objects an error names."""


@dataclass(frozen=True, slots=True)
class Import:
    """What a file has: `entries` in the order in which the later of two counts, and what cannot be taken.

    `formats` are the names of those that were met; `configuration` is the text of the authenticator's own,
    where that is all there is.
    """

    formats: tuple[str, ...]
    entries: tuple[Wanted, ...]
    left_out: tuple[LeftOut, ...]
    configuration: str | None = None


def read_mappings(data: bytes | str, filename: str, form: str | None = None) -> Import:
    """`form` is one of FORMATS; None recognises each object by its looks.

    Raises ParseError, and ConfigError where nothing in the file is a mapping of that kind.
    """
    candidates = _FORMATS if form is None else {form: _FORMATS[form]}
    met: list[tuple[str, Part]] = []
    others: list[Part] = []
    found: list[Wanted | LeftOut] = []
    for part in _objects(data, filename):
        name = next((name for name, each in candidates.items() if each.reads(part)), None)
        if name is None:
            others.append(part)
            found.append(_unknown(part))
            continue
        met.append((name, part))
        found += candidates[name].read(part)
    if not met:
        raise _nothing(filename, others, form)
    return Import(
        tuple(dict.fromkeys(name for name, _ in met)),
        tuple(each for each in found if isinstance(each, Wanted)),
        tuple(each for each in found if isinstance(each, LeftOut)),
        _configuration(met[0][1]) if [name for name, _ in met] == ["authenticator"] else None,
    )


def _configuration(part: Part) -> str | None:
    """None for one that shares its file with other documents: its text is not all of the file's."""
    config = authenticator_config.configuration(part)
    if config is None or config.route.steps or config.document.next_document is not None:
        return None
    return config.document.text


def _objects(data: bytes | str, filename: str) -> Iterator[Part]:
    for part in documents(data, filename):
        items = part.get("items") if part.text("kind").endswith("List") else None
        if items is None:
            yield part
        else:
            yield from items.items


def _unknown(part: Part) -> LeftOut:
    kind, name = part.text("kind"), part.text("metadata", "name")
    what = f"the {shown(kind)} {shown(name)}".rstrip() if kind else "this document"
    return LeftOut(f"{what} has no mappings", part.place)


def _nothing(filename: str, found: list[Part], form: str | None) -> ConfigError:
    wanted = "recognised as mappings" if form is None else f"in the format {form}"
    remedy = f"name its format with --from ({', '.join(FORMATS)})" if form is None else "try --from auto"
    what = f"nothing in this file is {wanted}: {_listed(found)}"
    return ConfigError(what, remedy=remedy, place=found[0].place if len(found) == 1 else Place(filename))


def _listed(found: list[Part]) -> str:
    """What a file without mappings is, or what it holds where it has several objects; each kind of them once."""
    if not found:
        return "it is empty"
    if len(found) == 1:
        return f"this is {described(found[0])}"
    names = list(dict.fromkeys(described(part) for part in found))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"it holds {', '.join(names[:_MOST_NAMED])}{more}"
