"""What usernames and groups may do in a cluster that was asked: a row for each binding that names one."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.hook.cluster.bindings import BUILT_IN
from tarmak_iam.identity.groups import ADMINS, EVERYONE
from tarmak_iam.report.html.cells import badge, code, muted, nothing
from tarmak_iam.report.html.markup import Markup, el, joined
from tarmak_iam.report.html.tables import Cell, Table, TableRow
from tarmak_iam.report.levels import Privilege
from tarmak_iam.report.model import ClusterReview
from tarmak_iam.report.rights import ANONYMOUS, UNAUTHENTICATED, GroupRights, Right, Rule

__all__ = ["rights"]

_KINDS = {Privilege.ADMIN: "admin", Privilege.ELEVATED: "elevated", Privilege.NONE: "note"}
_COLUMNS = ("Group or user", "Given to", "May", "Where", "By")


def rights(cluster: ClusterReview) -> Iterator[Markup]:
    rows = [row for subject in _all(cluster) for row in _rows(subject, cluster)]
    if rows:
        yield el("h3", "What they may do")
        yield Table(f"What groups and users may do in {cluster.cluster}", _COLUMNS, rows, "rights").markup()


def _all(cluster: ClusterReview) -> Iterator[GroupRights]:
    yield from cluster.subjects
    if cluster.principals:
        with_login = tuple(right for right in cluster.everyone if right.needs_login)
        yield GroupRights("Group", EVERYONE, (), with_login, BUILT_IN[EVERYONE])
    for kind, name in (("Group", UNAUTHENTICATED), ("User", ANONYMOUS)) if cluster.principals else ():
        own = tuple(right for right in cluster.everyone if right.subject == (kind, name))
        yield GroupRights(kind, name, (), own, "everybody, without a login")


def _rows(subject: GroupRights, cluster: ClusterReview) -> Iterator[TableRow]:
    if subject.name == ADMINS:
        may = joined(badge("Everything", "admin"), muted(" whatever bindings say"))
        yield _row(subject, may, "everywhere", "Kubernetes itself", "admin")
    elif subject.built_in and subject.principals and subject.name != EVERYONE:
        yield _row(subject, subject.built_in, "everywhere", "Kubernetes itself")
    for right in subject.rights if subject.name != ADMINS else ():
        where = code(right.namespace) if right.namespace else "everywhere"
        mark = "" if right.privilege is Privilege.NONE else str(right.privilege)
        yield _row(subject, _may(right), where, _by(right), mark)
    if subject.name in cluster.unbound:
        may = joined(badge("Nothing", "warning"), muted(" no binding knows the group"))
        yield _row(subject, may, nothing("nowhere"), nothing("none"))


def _row(subject: GroupRights, may: str, where: str, by: str, mark: str = "") -> TableRow:
    who = joined(code(subject.name), el("div", subject.kind.lower(), class_="muted"))
    given = [el("li", code(each)) for each in subject.principals] or el("li", subject.built_in)
    cells = (Cell(who), Cell(el("ul", given, class_="plain")), Cell(may), Cell(where), Cell(by))
    return TableRow(cells, mark=mark, flags="privileged" if mark else "")


def _may(right: Right) -> Markup:
    if right.rules is None:
        return joined(badge("Nothing", "warning"), muted(f" there is no {right.role}"))
    if right.is_everything:
        return badge("Everything", "admin")
    marks = [badge(_capital(each.name), _KINDS[each.privilege]) for each in right.found]
    rules = el("ul", [_rule(rule) for rule in right.rules], class_="plain rules")
    return joined(el("div", [joined(mark, " ") for mark in marks], class_="risks") if marks else None, rules)


def _capital(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _rule(rule: Rule) -> Markup:
    if rule.is_everything:
        return el("li", "everything")
    only = joined(" only ", code(", ".join(rule.names))) if rule.names else None
    return el("li", rule.does, muted(" on "), code(rule.what), only)


def _by(right: Right) -> Markup:
    role = el("div", muted("to "), right.role.kind, " ", code(right.role.name))
    return joined(el("div", right.binding.kind, " ", code(right.binding.name)), role)
