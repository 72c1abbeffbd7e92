"""Sphinx configuration for `make docs`: warnings are errors, and nothing is downloaded.

The pages are also read on GitHub, so they contain no directives: the table of contents is defined here.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

from pygments.lexers.shell import BashSessionLexer
from sphinx.application import Sphinx

from tarmak_iam import __version__

HERE = Path(__file__).parent
CONTENTS = (
    ("Start", ("start",)),
    (
        "Guides",
        (
            "guides/README",
            "guides/existing-cluster",
            "guides/new-colleague",
            "guides/sso-roles",
            "guides/moving",
            "guides/tarmak-documentation",
            "guides/node-roles",
            "guides/another-release",
            "guides/trust-policies",
            "guides/removing",
            "guides/eks",
            "guides/lock-out",
            "guides/*",
        ),
    ),
    ("Explanation", ("how-it-works", "explanation/*", "rewriting", "comparison")),
    (
        "Topics",
        (
            "hook",
            "rollback",
            "render",
            "doctor",
            "report",
            "command-line",
            "editors",
            "ci",
            "python",
            "plugins",
            "config",
            "editing",
        ),
    ),
    (
        "Reference",
        (
            "reference/commands",
            "rules/README",
            "reference/versions",
            "reference/escalations",
            "reference/edits",
            "reference/kills",
            "reference/api",
            "stability",
            "glossary",
            "reference/*",
        ),
    ),
    ("Project", ("contributing", "architecture", "releasing", "security", "changelog", "*")),
)
"""Captions and pages in reading order; a pattern matches the pages that no earlier entry names."""

project = "tarmak-iam"
author = "the tarmak-iam authors"
release = version = __version__
project_copyright = author

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
smartquotes = False  # two dashes are an option
nitpicky = True

myst_heading_anchors = 3
myst_links_external_new_tab = False

html_theme = "furo"
html_title = f"tarmak-iam {__version__}"
html_copy_source = False
html_css_files = ["console.css"]
html_static_path = ["_static"]
html_show_sphinx = False
html_theme_options = {"navigation_with_keys": True}

_ONLY_A_LINK = re.compile(r"# [^\n]+\n+\[[^\]]+\]\((\.\./\w+\.md)\)\n\Z")
"""A page with only a heading and a link to a file outside docs/: it shows the text of that file."""

_OF_THE_ROOT = re.compile(r"\]\(([A-Z]+)\.md")
"""A link to another file of that kind, which also has a page."""


def contents() -> str:
    """The toctrees; a caption without pages is omitted."""
    pages = sorted(path.relative_to(HERE).with_suffix("").as_posix() for path in HERE.rglob("*.md"))
    left = [each for each in pages if not each.startswith(("index", "reference/api/", "rules/IAM"))]
    trees = []
    for caption, patterns in CONTENTS:
        found = []
        for pattern in patterns:
            found += [each for each in left if fnmatch(each, pattern) and each.count("/") == pattern.count("/")]
            left = [each for each in left if each not in found]
        if found:
            trees.append(f"```{{toctree}}\n:caption: {caption}\n:hidden:\n\n{chr(10).join(found)}\n```\n")
    return "\n".join(trees)


def add_contents(_: Sphinx, docname: str, source: list[str]) -> None:
    elsewhere = _ONLY_A_LINK.match(source[0])
    if elsewhere:
        text = (HERE / elsewhere[1]).read_text(encoding="utf-8")
        source[0] = _OF_THE_ROOT.sub(lambda found: f"]({found[1].lower()}.md", text.replace("](docs/", "]("))
    elif docname == "index":
        source[0] += f"\n{contents()}"
    elif docname == "rules/README":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\nIAM*\n```\n"
    elif docname == "reference/api":
        source[0] += "\n```{toctree}\n:hidden:\n:glob:\n\napi/*\n```\n"


class ConsoleLexer(BashSessionLexer):
    """Commands begin with `$ ` only: a comment in the output of a command is not a command of root."""

    _ps1rgx = re.compile(r"^(\$ )(.*\n?)")


def setup(app: Sphinx) -> None:
    app.add_lexer("console", ConsoleLexer)
    app.connect("source-read", add_contents)
