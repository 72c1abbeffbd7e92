"""docs/reference/api.md and its pages: one for each module with public names."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import tarmak_iam
from tests.docs.reference.markdown import markdown, prose, table
from tests.docs.reference.signatures import is_class, member_sections

__all__ = ["MODULES", "api", "is_class", "module_of", "module_page", "public_names"]

MODULES = (
    "tarmak_iam.tarmak_cluster",
    "tarmak_iam.config",
    "tarmak_iam.config.sections",
    "tarmak_iam.document",
    "tarmak_iam.routes",
    "tarmak_iam.identity",
    "tarmak_iam.mappings",
    "tarmak_iam.installation.settings",
    "tarmak_iam.installation",
    "tarmak_iam.findings",
    "tarmak_iam.lint",
    "tarmak_iam.emit",
    "tarmak_iam.access.diff",
    "tarmak_iam.access.lockout",
    "tarmak_iam.token",
    "tarmak_iam.pki",
    "tarmak_iam.doctor",
    "tarmak_iam.hook",
    "tarmak_iam.report",
    "tarmak_iam.plugins",
    "tarmak_iam.errors",
)
"""From the file to the cluster; a name belongs to the last of them that exports it."""

_HEAD = """\
# Python reference

Generated from the docstrings. [Python](../python.md) has examples, [Stable names](../stability.md) the signatures
that scripts can rely on.

These names are imported from `tarmak_iam`. Values are frozen: an edit returns a new one. Every error is a
`TarmakIamError`, whose text begins with `file:line:col` if the place is known. No function prints or exits.
"""
_MORE = """\
The modules, with every public name:
"""


def api() -> str:
    names = [name for name in tarmak_iam.__all__ if not name.startswith("__")]
    listed = table(
        ("name", "is", "page"),
        [(f"`{name}`", prose(first_sentence(getattr(tarmak_iam, name))), _link(_home(name))) for name in names],
    )
    modules = table(("module", "is"), [(_link(name), prose(first_sentence(module_of(name)))) for name in MODULES])
    return "\n\n".join(part.strip() for part in (_HEAD, listed, _MORE, modules)) + "\n"


def module_page(name: str) -> str:
    """The module's docstring, then a section for each of its public names, readable without Sphinx."""
    parts = [f"# {name}", markdown(inspect.getdoc(module_of(name)) or "")]
    for each in public_names(name):
        parts += member_sections(name, each)
    return "\n\n".join(part for part in parts if part) + "\n"


def public_names(module: str) -> list[str]:
    """Those that the module's page describes: what it exports, but for what another page has."""
    later = MODULES[MODULES.index(module) + 1 :]
    elsewhere = {(name, id(getattr(module_of(other), name))) for other in later for name in module_of(other).__all__}
    own = module_of(module)
    return [name for name in own.__all__ if (name, id(getattr(own, name))) not in elsewhere]


def first_sentence(value: object) -> str:
    text = " ".join((inspect.getdoc(value) or "").partition("\n\n")[0].split())
    return text.partition(". ")[0].partition("; ")[0].rstrip(".")


def _home(name: str) -> str:
    value = getattr(tarmak_iam, name)
    return next(
        module for module in MODULES if getattr(module_of(module), name, None) is value and _exports(module, name)
    )


def _exports(module: str, name: str) -> bool:
    return name in public_names(module)


def _link(module: str) -> str:
    return f"[{module}](api/{module}.md)"


def module_of(name: str) -> Any:
    return importlib.import_module(name)
