"""docs/stability.md: the stable names, as they are in the program.

`python -m tests.docs.stability` prints the page. `make reference` does not write it: a change of the page is a change
of a promise, and must be intended.
"""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import click

import tarmak_iam
from tarmak_iam import document
from tests.docs.reference.markdown import fenced, table
from tests.docs.reference.signatures import (
    attributes_of,
    class_signature,
    field_names,
    is_class,
    members_of,
    signature_of,
)
from tests.support.commands import every_command

__all__ = ["page"]

CHOSEN = {
    "Authenticator": ("load", "whois", "grants"),
    "Cluster": ("name", "environment", "cluster_name", "is_hub", "amazon", "section", "get", "effective"),
    "Document": (
        "data",
        "filename",
        "text",
        "parse",
        "parse_all",
        "to_bytes",
        "has",
        "position",
        "set",
        "append",
        "insert",
        "remove",
        "edit",
        "update",
    ),
    "Installation": (
        "cluster",
        "cluster_id",
        "region",
        "partition",
        "kubernetes",
        "daemon_version",
        "image",
        "settings",
        "mappings",
        "is_hub",
        "of",
        "load",
    ),
    "Mappings": ("document", "cluster_id", "entries", "parse", "create", "load", "add", "remove", "save"),
    "Section": ("name", "read", "data", "effective", "problems"),
    "Subjects": ("of_cluster",),
    "TarmakIamError": ("message",),
    "TarmakConfig": (
        "path",
        "document",
        "clusters",
        "current_cluster",
        "load",
        "parse",
        "cluster",
        "enable_authenticator",
        "disable_authenticator",
        "set",
        "unset",
        "get",
        "edit",
        "patch",
        "save",
    ),
}
"""Of classes with members that are for the package itself: those that scripts can rely on."""

RESULTS = {
    "Answer": ("tarmak_iam.identity", "`whois`", ()),
    "Effect": (
        "tarmak_iam.access.diff",
        "`map` and `unmap`, one for each principal",
        ("kind", "principal", "before", "after", "gained", "lost", "is_loss", "text"),
    ),
    "MappedEffects": ("tarmak_iam.lint.edit_guard", "`map`: a list of `Effect`", ("findings",)),
    "ConfigEdits": (
        "tarmak_iam.config",
        "`edit` of `TarmakConfig`",
        ("on", "set", "append", "unset", "patch", "apply", "diff"),
    ),
    "Located": ("tarmak_iam.lint", "`check`, one for each finding", ("finding", "place")),
    "DirectoryPlan": ("tarmak_iam.emit", "`render`", ("directory", "steps")),
    "FileStep": ("tarmak_iam.emit", "`render`, in `steps`", ("path", "action")),
    "LiveDiff": ("tarmak_iam.hook", "`diff`", ("objects", "effects", "unbound", "notes", "changed")),
    "Applied": ("tarmak_iam.hook", "`apply`", ("changes", "effects", "notes", "state", "rolled_out", "changed")),
    "Verified": ("tarmak_iam.hook", "`verify`", ("ok", "why", "outcome", "expected", "got", "identity", "diagnosis")),
    "RolledBack": ("tarmak_iam.hook", "`rollback`", ("changes", "undone", "rolled_out", "changed")),
    "AccessReview": ("tarmak_iam.report", "`report`", ("clusters", "failed", "text", "html", "json")),
    "ClusterReview": ("tarmak_iam.report", "`report`, in `clusters`", ("cluster", "principals", "error", "failed")),
    "ReviewedPrincipal": (
        "tarmak_iam.report",
        "`report`, in `principals` of a cluster",
        ("kind", "principal", "privilege"),
    ),
}
"""Classes whose values are returned: module, by what, and the members that scripts can rely on; () for all of them."""

CONSTRUCTED = ("Section", "Subjects")
"""Those of them that scripts construct."""

MODULES = {
    "tarmak_iam.identity": ("Answer", "Authenticator", "Identity", "whois"),
    "tarmak_iam.document": ("Append", "Document", "EditRefused", "Insert", "Remove", "Set"),
}
"""Names that can be imported from these modules."""
_EDITS = ("Append", "Insert", "Remove", "Set")

_HEAD = """\
# Stable names

Scripts can rely on every name on this page: it keeps its meaning, its parameters keep their names and order, and new
parameters are optional. A change that breaks this comes with a new minor version, in 1.0 and later with a new major
version, and is in the [changelog](changelog.md). A test compares the page with the program. The
[Python reference](reference/api.md) and the [command reference](reference/commands.md) describe the names.

Also stable: the entry-point groups of [plugins](plugins.md), the IDs and names of [rules](rules/README.md), and the
names of the files in the directory of a cluster.

Everything else, such as other modules, names that begin with `_`, and the wording of messages, can change at any time.
"""
_PYTHON = """\
## Python

Import these names from `tarmak_iam`.
"""
_OTHERS = """\
## Imports from other modules
"""
_RESULTS = """\
## Results

What functions and methods return. Scripts do not construct these values: except for `Answer`, the constructors can
change.
"""
_COMMANDS = """\
## Command line

Commands, arguments and options. Exit codes and the fields of `-o json` are stable too; new fields can be added.
"""


def page() -> str:
    names = [name for name in tarmak_iam.__all__ if not name.startswith("__")]
    parts = [_HEAD.strip(), _PYTHON.strip()]
    for name in names:
        parts += [f"### {name}", fenced("\n".join(_lines(name, getattr(tarmak_iam, name))), "python")]
    imports = [f"from {module} import {', '.join(listed)}" for module, listed in MODULES.items()]
    imports += ["", *(f"class {class_signature(getattr(document, name), name)}" for name in _EDITS)]
    parts += [_OTHERS.strip(), fenced("\n".join(imports), "python")]
    parts.append(_RESULTS.strip())
    for name, (module, source, members) in RESULTS.items():
        lines = _lines(name, getattr(importlib.import_module(module), name), members)
        parts += [f"### {name}", f"Returned by {source}; in `{module}`.", fenced("\n".join(lines), "python")]
    root, *others = every_command()
    common = {option for option in _options(root) if option != "--version"}
    rows = [
        (f"`{_usage(each)}`", " ".join(f"`{option}`" for option in _options(each) if option not in common))
        for each in others
    ]
    shown = ", ".join(f"`{option}`" for option in _options(root))
    parts += [
        _COMMANDS.strip(),
        f"Every command accepts these, except for `--version`: {shown}.",
        table(("command", "options"), rows),
    ]
    return "\n\n".join(parts) + "\n"


def _lines(name: str, value: Any, members: tuple[str, ...] = ()) -> Iterator[str]:
    if not is_class(value):
        yield signature_of(name, value)
        return
    chosen = members or CHOSEN.get(name)
    yield f"class {name if chosen and name not in CONSTRUCTED else class_signature(value, name)}"
    made_of = () if chosen else field_names(value)
    for attribute, _ in attributes_of(value):
        own = attribute.partition(":")[0]
        if own in chosen if chosen else own not in made_of:
            yield f"    {attribute}"
    for each, member in members_of(value):
        if not isinstance(member, (property, cached_property)) and (chosen is None or each in chosen):
            yield from (f"    {line}" for line in signature_of(each, member).splitlines())


def _usage(context: click.Context) -> str:
    return " ".join((context.command_path, *context.command.collect_usage_pieces(context)[1:]))


def _options(context: click.Context) -> Iterator[str]:
    for each in context.command.get_params(context):
        if isinstance(each, click.Option) and not each.hidden:
            yield from (*each.opts, *each.secondary_opts)


def check_imports() -> None:
    """Raises AttributeError for a name that is not where the page has it."""
    for module, listed in MODULES.items():
        for name in listed:
            assert inspect.getdoc(getattr(importlib.import_module(module), name)) is not None


if __name__ == "__main__":
    sys.stdout.write(page())
