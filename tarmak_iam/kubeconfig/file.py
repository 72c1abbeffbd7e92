"""An existing kubeconfig, read as kubectl reads it; and the files that kubectl reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place, unquoted
from tarmak_iam.text import quoted

LISTS = {"clusters": "cluster", "contexts": "context", "users": "user"}
"""The lists of a kubeconfig, and for each the key of an item's content."""


@dataclass(frozen=True, slots=True)
class Stanza:
    """A named item of one of the lists; `value` is its content, {} where it is missing."""

    list_key: str
    index: int
    name: str
    value: dict[Any, Any]

    @property
    def kind(self) -> str:
        """`cluster`, `context` or `user`."""
        return LISTS[self.list_key]

    @property
    def path(self) -> tuple[str | int, ...]:
        return self.list_key, self.index, self.kind


class KubeconfigFile(NamedTuple):
    """Only the first document of a file, as in kubectl."""

    document: Document
    stanzas: tuple[Stanza, ...]
    current_context: str
    is_new: bool = False
    """Whether the file does not exist yet."""

    @classmethod
    def parse(cls, data: bytes | str, filename: str) -> KubeconfigFile:
        """Raises ParseError, which does not quote the text, and ConfigError for what kubectl could not read."""
        with unquoted():
            return cls.of(Document.parse(data, filename))

    @classmethod
    def new(cls, filename: str) -> KubeconfigFile:
        return cls(Document.parse("", filename), (), "", True)

    @classmethod
    def of(cls, document: Document) -> KubeconfigFile:
        """Raises ConfigError for what kubectl could not read."""
        data = document.data
        if data is None:
            return cls(document, (), "")
        if not isinstance(data, dict):
            raise _unreadable("it is not a YAML mapping", document.position(()))
        for key, expected in (("kind", "Config"), ("apiVersion", "v1")):
            if data.get(key) not in (None, "", expected):
                raise _unreadable(f"its {key} is not {expected}", document.position((key,)))
        current = data.get("current-context")
        if not isinstance(current, str | None):
            raise _unreadable("current-context is not a string", document.position(("current-context",)))
        stanzas = tuple(stanza for key in LISTS for stanza in _stanzas(document, key, data.get(key)))
        return cls(document, stanzas, current or "")

    def stanza(self, list_key: str, name: str) -> Stanza | None:
        return next((item for item in self.stanzas if (item.list_key, item.name) == (list_key, name)), None)

    def place(self, stanza: Stanza) -> Place:
        return self.document.position((stanza.list_key, stanza.index))


def _stanzas(document: Document, key: str, items: Any) -> list[Stanza]:
    if not isinstance(items, list | None):
        raise _unreadable(f"{key} is not a list", document.position((key,)))
    kind, stanzas = LISTS[key], dict[str, Stanza]()
    for index, item in enumerate(items or ()):
        place = document.position((key, index))
        if not isinstance(item, dict | None):
            raise _unreadable(f"an item of {key} is not a YAML mapping", place)
        name, value = (item or {}).get("name"), (item or {}).get(kind)
        if not isinstance(name, str | None):
            raise _unreadable(f"a name in {key} is not a string", document.position((key, index, "name")))
        if not isinstance(value, dict | None):
            raise _unreadable(f"the {kind} is not a YAML mapping", document.position((key, index, kind)))
        if (name or "") in stanzas:
            raise _unreadable(f"duplicate {kind} {quoted(name or '')}", place)
        stanzas[name or ""] = Stanza(key, index, name or "", value or {})
    return list(stanzas.values())


def _unreadable(what: str, place: Place) -> ConfigError:
    return ConfigError(f"kubectl cannot read this kubeconfig: {what}", remedy="fix it first", place=place)


def kubectl_files(environment: Mapping[str, str]) -> list[Path]:
    """The files listed in KUBECONFIG, each once, else ~/.kube/config. Empty names in the list are ignored.

    Raises ConfigError for a list without a name: kubectl then reads no file.
    """
    listed = environment.get("KUBECONFIG", "")
    if not listed:
        return [Path.home() / ".kube" / "config"]
    names = list(dict.fromkeys(name for name in listed.split(os.pathsep) if name))
    if not names:
        raise ConfigError("KUBECONFIG contains no file name", remedy="unset it, or specify the file: --merge FILE")
    return [Path(name) for name in names]


def default_file(exists: list[bool]) -> int:
    """The index of the file for new entries: the first that exists, else the last (client-go's PathOptions)."""
    return exists.index(True) if any(exists) else len(exists) - 1
