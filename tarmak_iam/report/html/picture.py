"""Who gets where in a cluster, as pictures: principals, usernames, groups and privileges, and lines between them.

Each picture is drawn for a wide and for a narrow window; the style sheet shows one of them. Its parts name the rows of
the table of principals that they are about, so that a search can dim the others. The table has the same content as
text, for screen readers and for parts that are not drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tarmak_iam.report.escalations import Privilege
from tarmak_iam.report.html.cells import KINDS, Child, Markup, capital, el
from tarmak_iam.report.model import ClusterReview, MappedIdentity, ReviewedPrincipal
from tarmak_iam.report.rbac import privilege_of_any
from tarmak_iam.text import brief_list, one_line

_MOST_OF_CLUSTER, _MOST_OF_PAGE, _FEWEST = 40, 400, 5
_MOST_GROUPS = 6
_MOST_IN_COLUMN = 12
"""What fits on a page of paper."""

_LINE, _GAP, _HEAD = 16, 8, 24


class _Layout(NamedTuple):
    """`columns`: heading, place and width of each, in units of the picture. `letter`: the width of a letter."""

    name: str
    width: int
    letter: float
    columns: tuple[tuple[str, int, int], ...]


_WIDE = _Layout(
    *("wide-picture", 1000, 7.8),
    (("Principal", 0, 250), ("Username", 310, 230), ("Group", 600, 210), ("Privilege", 870, 130)),
)
_NARROW = _Layout("narrow-picture", 340, 6.9, (("Principal, username", 0, 168), ("Group, privilege", 210, 130)))


class _Node(NamedTuple):
    """`title` is the whole text. Equal nodes are drawn once."""

    column: int
    lines: tuple[str, ...]
    title: str
    mark: str = ""


class _Way(NamedTuple):
    """A way from a principal, the one in the row with that number, to a privilege, by a group or by its username."""

    row: int
    principal: ReviewedPrincipal
    identity: MappedIdentity
    is_at_random: bool
    group: str
    groups_text: str
    privilege: Privilege
    privilege_text: str

    @property
    def username(self) -> str:
        return self.identity.username or "its own ARN"

    def wide(self) -> tuple[_Node, ...]:
        groups = f"with groups {', '.join(self.identity.groups)}" if self.identity.groups else "without groups"
        return (
            _Node(0, _principal_lines(self.principal), self.principal.principal),
            _Node(1, (self.username,), f"{self.username} {groups}"),  # equal only with the same groups
            _Node(2, (self.group,), self.groups_text),
            _Node(3, (self.privilege_text,), self.privilege_text, str(self.privilege)),
        )

    def narrow(self) -> tuple[_Node, ...]:
        lines = (*_principal_lines(self.principal), f"\N{RIGHTWARDS ARROW} {self.username}")
        return (
            _Node(0, lines, f"{self.principal.principal}, {self.username}"),
            _Node(1, (self.group, self.privilege_text), self.groups_text, str(self.privilege)),
        )


def _principal_lines(principal: ReviewedPrincipal) -> tuple[str, str]:
    """The name, and what distinguishes it from others of that name."""
    if principal.kind == "sso":
        account, _, name = principal.principal.partition("/")
        return name, f"SSO, {account}"
    if principal.kind == "account":
        return principal.principal, "rest of the account"
    parts = principal.principal.split(":", 5)
    return (parts[5], parts[4]) if len(parts) == 6 else (principal.principal, KINDS.get(principal.kind, principal.kind))


def access_pictures(
    cluster: ClusterReview, principals: Sequence[ReviewedPrincipal], identifier: str, clusters: int
) -> Markup | None:
    """The pictures of the first principals, in the order of the rows; None if there are none. `identifier` is the id of
    the section, `clusters` the number of clusters on the page."""
    drawn = principals[: max(_FEWEST, min(_MOST_OF_CLUSTER, _MOST_OF_PAGE // max(clusters, 1)))]
    if not drawn:
        return None
    pictures: list[list[_Way]] = [[]]
    for row, principal in enumerate(drawn):
        ways = list(_ways(row, principal, cluster))
        if pictures[-1] and _longest_column([*pictures[-1], *ways]) > _MOST_IN_COLUMN:
            pictures.append([])
        pictures[-1] += ways
    caption = f"{identifier}-pictures"
    label = f"Who gets where in {cluster.cluster}"
    shown = [_drawn(ways, layout, label, caption) for ways in pictures for layout in (_WIDE, _NARROW)]
    text = el("figcaption", " ".join(_caption(cluster, drawn, principals, pictures)), id=caption, class_="muted")
    return el("figure", shown, text, class_="pictures")


def _caption(
    cluster: ClusterReview,
    drawn: Sequence[ReviewedPrincipal],
    principals: Sequence[ReviewedPrincipal],
    pictures: list[list[_Way]],
) -> Iterator[str]:
    if len(drawn) < len(principals):
        more = "is" if len(drawn) == 1 else "are"
        yield f"{len(drawn)} of {len(principals)} principals {more} drawn. None of the others has a higher privilege."
    if any(way.is_at_random for ways in pictures for way in ways):
        yield "Where lines are dashed, the authenticator chooses at random."
    if not cluster.is_login_possible:
        yield "At present, IAM login is not possible."
    yield "The table of principals has the same content as text."


def _longest_column(ways: Sequence[_Way]) -> int:
    columns = [node.column for node in {node for way in ways for node in way.wide()}]
    return max(columns.count(column) for column in columns)


def _ways(row: int, principal: ReviewedPrincipal, cluster: ClusterReview) -> Iterator[_Way]:
    """The highest privilege first. The first one is not by a group if more is known than each group has by itself."""
    account = principal.principal if principal.kind == "account" else ""
    is_at_random = bool(principal.alternatives) or principal.may_get_nothing
    for identity in (principal.identity, *principal.alternatives):
        of_groups = [
            (group, group, privilege_of_any([("", (group,))], cluster.rbac)[0])
            for group in dict.fromkeys(identity.groups)
        ]
        of_groups.sort(key=lambda group: group[2].rank)
        whole, _ = privilege_of_any([(identity.username, identity.groups)], cluster.rbac, account)
        if not of_groups or whole.rank < of_groups[0][2].rank:
            alone, _ = privilege_of_any([(identity.username, ())], cluster.rbac, account)
            how = "no groups" if not of_groups else "by its username" if alone is whole else "together"
            of_groups.insert(0, (how, f"{identity.username}: {how}", whole))  # not the same for another username
        left_out = of_groups[_MOST_GROUPS:]
        if len(left_out) > 1:
            names = f"{identity.username}: {brief_list((group for group, _, _ in left_out), 20)}"
            of_groups[_MOST_GROUPS:] = [(f"{len(left_out)} more groups", names, left_out[0][2])]
        for group, groups_text, privilege in of_groups:
            unknown = "None" if cluster.live else "None known"
            text = unknown if privilege is Privilege.NONE else capital(privilege)
            yield _Way(row, principal, identity, is_at_random, group, groups_text, privilege, text)


def _drawn(ways: Sequence[_Way], layout: _Layout, label: str, caption: str) -> Markup:
    rows: dict[_Node, set[int]] = {}
    edges: dict[tuple[_Node, _Node], tuple[str, set[int]]] = {}
    for way in ways:
        nodes = way.wide() if layout is _WIDE else way.narrow()
        for node in nodes:
            rows.setdefault(node, set()).add(way.row)
        for number, edge in enumerate(pairwise(nodes)):
            is_dashed = way.is_at_random and number == 0
            edges.setdefault(edge, (f"{way.privilege}{' dashed' if is_dashed else ''}", set()))[1].add(way.row)
    middles, height = _placed(rows, list(edges), len(layout.columns))
    parts: list[Child] = []
    for (start, end), (mark, of_rows) in edges.items():
        left, right = sum(layout.columns[start.column][1:]), layout.columns[end.column][1]
        bend, start_y, end_y = (left + right) / 2, middles[start], middles[end]
        path = f"M{left} {start_y:g}C{bend:g} {start_y:g} {bend:g} {end_y:g} {right} {end_y:g}"
        parts.append(el("path", d=path, class_=mark, data_of=_numbers(of_rows)))
    parts += [_box(node, middles[node], layout, _numbers(of_rows)) for node, of_rows in rows.items()]
    parts += [el("text", heading, x=str(x), y="14", class_="head") for heading, x, _ in layout.columns]
    box = f"0 0 {layout.width} {height:g}"
    return el("svg", parts, viewBox=box, class_=layout.name, role="img", aria_label=label, aria_describedby=caption)


def _placed(
    nodes: dict[_Node, set[int]], edges: list[tuple[_Node, _Node]], columns: int
) -> tuple[dict[_Node, float], float]:
    """The middle of each node, next to those that lead to it where there is room, and the height of all."""
    middles: dict[_Node, float] = {}
    before: dict[_Node, list[_Node]] = {}
    for start, end in edges:
        before.setdefault(end, []).append(start)
    height = 0.0
    for column in range(columns):
        wanted = {
            node: sum(middles[start] for start in before.get(node, ())) / max(len(before.get(node, ())), 1)
            for node in nodes
            if node.column == column
        }
        top = float(_HEAD)
        for node, middle in sorted(wanted.items(), key=lambda item: item[1]):
            half = _height(node) / 2
            middles[node] = round(max(top + half, middle), 1)
            top = middles[node] + half + _GAP
        height = max(height, top)
    return middles, height


def _height(node: _Node) -> int:
    return len(node.lines) * _LINE + 10


def _box(node: _Node, middle: float, layout: _Layout, rows: str) -> Markup:
    """A part of its own, which cuts off what is wider than expected."""
    _, x, width = layout.columns[node.column]
    most = int((width - 16) / layout.letter)
    texts = []
    for number, line in enumerate(one_line(line) for line in node.lines):
        shown = line if len(line) <= most else f"{line[: most - 1]}\N{HORIZONTAL ELLIPSIS}"
        texts.append(el("text", shown, x="8", y=str(17 + number * _LINE), class_="more" if number else None))
    frame = el("rect", x="0.5", y="0.5", width=str(width - 1), height=str(_height(node) - 1), rx="4")
    size = {"width": str(width), "height": str(_height(node))}
    place = {"x": str(x), "y": f"{middle - _height(node) / 2:g}"}
    marked = f"box {node.mark}".strip()
    return el("svg", el("title", node.title), frame, texts, class_=marked, data_of=rows, **place, **size)


def _numbers(rows: set[int]) -> str:
    return " ".join(map(str, sorted(rows)))
