"""A command line of kubectl, taken apart."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Call"]

_FLAGS = {"A": "all-namespaces", "n": "namespace", "o": "output", "f": "filename", "k": "kustomize", "l": "selector"}
_SWITCHES = (
    "all-namespaces",
    "client",
    "flatten",
    "force-conflicts",
    "ignore-not-found",
    "minify",
    "server-side",
    "show-managed-fields",
    "raw?",
)


@dataclass
class Call:
    """The words of a command line, and its options."""

    words: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, arguments: list[str]) -> Call:
        call, rest = cls(), list(arguments)
        while rest:
            word = rest.pop(0)
            if not word.startswith("-") or word == "-":
                call.words.append(word)
                continue
            name, given, value = word.lstrip("-").partition("=")
            if not word.startswith("--") and len(name) > 1:  # -ojson, where -o=json is as --output=json
                name, value, given = name[0], name[1:] + given + value, name[1:] or given
            if not word.startswith("--"):
                name = _FLAGS.get(name, name)
            if not given and name not in _SWITCHES and not (name == "raw" and call.words[:1] == ["config"]):
                value = rest.pop(0) if rest else ""
            if name == "filename":
                call.files.append(value)
            else:
                call.options[name] = value
        return call

    @property
    def namespace(self) -> str | None:
        return self.options.get("namespace")

    @property
    def output(self) -> str:
        return self.options.get("output", "")
