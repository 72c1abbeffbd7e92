"""Fixes of usernames and groups."""

from __future__ import annotations

from collections.abc import Callable

from tarmak_iam.aws.copied_text import cleaned
from tarmak_iam.document import Set
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.findings import Finding
from tarmak_iam.lint.entries import WrittenEntry
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.fixes.principal_fixes import entry_of
from tarmak_iam.lint.messages import node_at
from tarmak_iam.lint.name_rules import with_template_corrected
from tarmak_iam.lint.rbac_rules import groups_joined, nearest_group
from tarmak_iam.lint.rule import FixMaker, Subjects
from tarmak_iam.lint.written_lists import groups_in, merged_list
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_Corrected = Callable[[WrittenEntry, str, str], str | None]
"""The username or group that was meant, from its entry, kind and text; None where that is not known."""


def _name(corrected: _Corrected) -> FixMaker:
    def fix(finding: Finding, subjects: Subjects) -> Fix | None:
        entry = entry_of(finding, subjects)
        for kind, text, route in entry.names if entry is not None else ():
            if entry is not None and route == finding.route:
                meant = corrected(entry, kind, text)
                return _written(route, meant) if meant and meant != text else None
        return None

    return fix


def _written(route: Route, name: str) -> Fix:
    return Fix(f"write {quoted(name)}", (Set(route, name),), is_safe=False)


def _without_traces(_entry: WrittenEntry, _kind: str, text: str) -> str | None:
    return cleaned(text) or None


def _built_in_group(_entry: WrittenEntry, kind: str, text: str) -> str | None:
    return nearest_group(cleaned(text)) if kind == "group" else None


def _joined_groups(finding: Finding, subjects: Subjects) -> Fix | None:
    """Each group becomes an item of its own, in the place of the item that contains them."""
    entry, mappings = entry_of(finding, subjects), subjects.mappings
    *_, index = finding.route.steps or (None,)
    written = entry.value("groups") if entry is not None else None
    if entry is None or mappings is None or not isinstance(written, list) or not isinstance(index, int):
        return None
    parts = groups_joined(mappings.document, entry.listed.groups[index], finding.route)
    if not parts or not all(isinstance(each, str) for each in written):
        return None
    groups = list(dict.fromkeys((*written[:index], *parts, *written[index + 1 :])))
    title = f"write each group as a separate item: {', '.join(map(shortened, parts))}"
    return Fix(title, (Set(finding.route.parent, groups),), is_safe=False)


def _groups_as_string(finding: Finding, subjects: Subjects) -> Fix | None:
    """A list of the groups; with it most releases do what they did with commas in the string."""
    entry = entry_of(finding, subjects)
    text = entry.value("groups") if entry is not None else None
    names = groups_in(text) if isinstance(text, str) else None
    if entry is None or not names or finding.route != entry.at("groups"):
        return None
    return Fix(f"write a list: {merged_list(names) or 'its groups'}", (Set(finding.route, names),))


def _not_a_string(finding: Finding, subjects: Subjects) -> Fix | None:
    node = node_at(subjects.mappings.document, finding.route) if subjects.mappings is not None else None
    if not isinstance(node, Scalar):
        return None
    return Fix(f'put it in quotes: "{shortened(node.text)}"', (Set(finding.route, node.text),))


NAME_FIXES: dict[str, FixMaker] = {
    "IAM061": _groups_as_string,
    "IAM062": _not_a_string,
    "IAM064": _name(_built_in_group),
    "IAM065": _name(with_template_corrected),
    "IAM078": _name(_without_traces),
    "IAM114": _joined_groups,
    "IAM122": _name(_without_traces),
    "IAM124": _name(_without_traces),
}
