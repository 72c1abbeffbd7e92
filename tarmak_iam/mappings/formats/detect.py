"""Reads a file of any known format: which of its objects are mappings and what they map, or what they are instead."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.mappings.formats import authenticator_config, aws_auth, custom_resource, eksctl, kops
from tarmak_iam.mappings.formats.foreign_file import FilePart, LeftOut, Read, file_documents, shown
from tarmak_iam.mappings.merging import Wanted

_MOST_KEYS = 3


def describe_part(part: FilePart) -> str:
    """With its article, as in `a Deployment` or `an eksctl ClusterConfig without ...`."""
    kind = part.text("kind")
    if kind == "ClusterConfig" and part.text("apiVersion").startswith("eksctl.io/"):
        lacks = "" if eksctl.reads(part) else " without iamIdentityMappings or accessConfig.accessEntries"
        return f"an eksctl ClusterConfig{lacks}"
    if kind == "Cluster" and part.text("apiVersion").startswith("kops"):
        return f"a kops Cluster{'' if kops.reads(part) else ' without spec.authentication.aws'}"
    if kind:
        name, version = part.text("metadata", "name"), part.text("apiVersion")
        more = f" ({shown(name)})" if name else f" of {shown(version)}" if version else ""
        return f"{'an' if kind[0].lower() in 'aeiou' else 'a'} {shown(kind)}{more}"
    if isinstance(part.value, dict) and {"users", "contexts", "current-context"} & part.value.keys():
        return "a kubeconfig"
    if isinstance(part.value, dict):
        names = ", ".join(map(shown, list(part.value)[:_MOST_KEYS]))
        more = " and others" if len(part.value) > _MOST_KEYS else ""
        return f"a YAML mapping with the keys {names}{more}" if part.value else "an empty YAML mapping"
    if isinstance(part.value, list):
        return "a list without ARNs or accounts" if part.value else "an empty list"
    return "a single string" if isinstance(part.value, str) else "a single value"


class _Format(NamedTuple):
    reads: Callable[[FilePart], bool]
    read: Callable[[FilePart], Read]
    title: str
    is_section: bool = False
    """Whether a top-level key may contain the entries, so that it may be in one of our files by mistake."""


# In the order of recognition: a ConfigMap with a config.yaml is not aws-auth.
_FORMATS: Mapping[str, _Format] = {
    "authenticator": _Format(
        authenticator_config.reads, authenticator_config.read, "a configuration of the authenticator"
    ),
    "aws-auth": _Format(aws_auth.reads, aws_auth.read, "an aws-auth ConfigMap", is_section=True),
    "crd": _Format(custom_resource.reads, custom_resource.read, "IAMIdentityMapping objects"),
    "kops": _Format(kops.reads, kops.read, "a kops Cluster", is_section=True),
    "eksctl": _Format(eksctl.reads, eksctl.read, "an eksctl ClusterConfig", is_section=True),
}

FORMATS = {name: form.title for name, form in _FORMATS.items()}
"""The formats that `read_mappings` knows: titles by name, in the order of recognition."""

SECTIONS = tuple(name for name, form in _FORMATS.items() if form.is_section)
"""The names of the formats whose entries may be below a top-level key."""

_MOST_NAMED = 5
"""How many of a file's objects an error names."""


class Import(NamedTuple):
    """The contents of a file: its `entries`, the later of two for one principal being used, and what is left out.

    `formats` are the names of the formats found. `configuration` is the text of the authenticator's configuration if
    the file contains nothing else.
    """

    formats: tuple[str, ...]
    entries: tuple[Wanted, ...]
    left_out: tuple[LeftOut, ...]
    configuration: str | None = None
    is_config_map: bool = False
    """Whether the file is, or begins with, a ConfigMap."""


def read_mappings(data: bytes | str, filename: str, form: str | None = None) -> Import:
    """`form` is one of FORMATS; None recognises the format of each object.

    Raises ParseError, and ConfigError if the file has no mappings in that format.
    """
    candidates = _FORMATS if form is None else {form: _FORMATS[form]}
    met: list[tuple[str, FilePart]] = []
    others: list[FilePart] = []
    contents: list[Wanted | LeftOut] = []
    for part in _objects(data, filename):
        name = next((name for name, candidate in candidates.items() if candidate.reads(part)), None)
        if name is None:
            others.append(part)
            kind = part.text("kind")
            what = f"the {shown(kind)} {shown(part.text('metadata', 'name'))}".rstrip() if kind else "this document"
            contents.append(LeftOut(f"{what} has no mappings", part.place))
        else:
            met.append((name, part))
            contents += candidates[name].read(part)
    if not met:
        raise _nothing(filename, others, form)
    is_alone = [name for name, _ in met] == ["authenticator"]
    configuration = authenticator_config.configuration(met[0][1]) if is_alone else None
    if configuration is not None and (configuration.route.steps or configuration.document.next_document is not None):
        configuration = None  # the file contains other documents: then the text is not the whole file
    return Import(
        tuple(dict.fromkeys(name for name, _ in met)),
        tuple(content for content in contents if isinstance(content, Wanted)),
        tuple(content for content in contents if isinstance(content, LeftOut)),
        configuration.document.text if configuration is not None else None,
        met[0][1].text("kind") == "ConfigMap",
    )


def _objects(data: bytes | str, filename: str) -> Iterator[FilePart]:
    for part in file_documents(data, filename):
        items = part.get("items") if part.text("kind").endswith("List") else None
        if items is None:
            yield part
        else:
            yield from items.items


def _nothing(filename: str, others: list[FilePart], form: str | None) -> ConfigError:
    """Says the format of a file without mappings, or the kinds of the objects in it, each once."""
    wanted = "" if form is None else f" in the format {form}"
    remedy = f"specify a file in one of these formats: {', '.join(FORMATS)}" if form is None else "try --from auto"
    names = list(dict.fromkeys(map(describe_part, others)))
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    listed = f"it contains {', '.join(names[:_MOST_NAMED])}{more}" if others else "it is empty"
    if len(others) == 1:
        listed = f"this is {names[0]}"
    place = others[0].place if len(others) == 1 else Place(filename)
    return ConfigError(f"no mappings found{wanted}: {listed}", remedy=remedy, place=place)
