"""docs/stability.md: the names on the page, with the signatures that the program has.

The page itself is the list of what is promised: a class without parameters has the members that are promised of it, or
its constructor is promised too. `python -m tests.docs.stability` writes the signatures of these names, and the
commands, into the page: a change of it is a change of a promise, and must be intended.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import click

from tarmak_iam import document
from tests.docs.reference.markdown import table
from tests.docs.reference.signatures import attributes_of, class_signature, is_class, members_of, signature_of
from tests.support import ROOT
from tests.support.commands import every_command

__all__ = ["PAGE", "with_signatures"]

PAGE = ROOT / "docs" / "stability.md"
_NAME = re.compile(
    r"^(### (\w+)\n\n(?:Returned by [^\n]*; in `([\w.]+)`\.\n\n)?```python\n)(.*?)(?=\n```)", re.MULTILINE | re.DOTALL
)
_MEMBER = re.compile(r"^    (?:def (\w+)\(|([\w.]+)(?:: .*[^,])?$)", re.MULTILINE)
_EDIT = re.compile(r"^class (Append|Insert|Remove|Set)\(.*?\)$", re.MULTILINE | re.DOTALL)
_COMMANDS = re.compile(r"^Every command accepts .*", re.MULTILINE | re.DOTALL)


def with_signatures(page: str) -> str:
    """Raises AttributeError for a name that is not where the page has it."""
    for module, names in re.findall(r"^from ([\w.]+) import (.*)$", page, re.MULTILINE):
        assert all(getattr(importlib.import_module(module), name).__doc__ for name in names.split(", "))
    page = _NAME.sub(lambda found: found[1] + "\n".join(_lines(found[2], found[3], found[4])), page)
    page = _EDIT.sub(lambda found: f"class {class_signature(getattr(document, found[1]), found[1])}", page)
    return _COMMANDS.sub(lambda _: _commands(), page)


def _lines(name: str, module: str | None, shown: str) -> Iterator[str]:
    """Of the members that are shown now."""
    value: Any = getattr(importlib.import_module(module or "tarmak_iam"), name)
    if not is_class(value):
        yield signature_of(name, value)
        return
    is_constructed = shown.splitlines()[0] != f"class {name}"
    yield f"class {class_signature(value, name) if is_constructed else name}"
    members = {method or attribute for method, attribute in _MEMBER.findall(shown)}
    yield from (f"    {each}" for each, _ in attributes_of(value) if each.partition(":")[0] in members)
    for member, function in members_of(value):
        if member in members and not isinstance(function, (property, cached_property)):
            yield from (f"    {line}" for line in signature_of(member, function).splitlines())


def _commands() -> str:
    root, *others = every_command()
    common = [*_options(root)]
    rows = [
        (
            f"`{' '.join((each.command_path, *each.command.collect_usage_pieces(each)[1:]))}`",
            " ".join(f"`{option}`" for option in _options(each) if option not in common or option == "--version"),
        )
        for each in others
    ]
    shown = ", ".join(f"`{option}`" for option in common)
    return f"Every command accepts these, except for `--version`: {shown}.\n\n{table(('command', 'options'), rows)}\n"


def _options(context: click.Context) -> Iterator[str]:
    for each in context.command.get_params(context):
        if isinstance(each, click.Option) and not each.hidden:
            yield from (*each.opts, *each.secondary_opts)


if __name__ == "__main__":
    PAGE.write_text(with_signatures(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
