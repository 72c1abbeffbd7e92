"""The pictures show every way of the principals that are drawn, and lead to no other privilege than the table."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.report import ClusterReview
from tarmak_iam.report.escalations import ClusterFacts, Privilege
from tarmak_iam.report.html.page import page
from tarmak_iam.report.html.picture import access_pictures
from tarmak_iam.report.model import MappedIdentity, ReviewedPrincipal
from tarmak_iam.report.rbac import Rbac, privilege_of_any
from tarmak_iam.text import one_line
from tests.report.test_page import HOSTILE, MAPPINGS, whole
from tests.report.test_rbac import APPROVAL, CERTIFICATES, binding, role, rule
from tests.support.report_pages import Element, read
from tests.support.reviews import access_review, cluster_review

PARTS = ("figure", "figcaption", "svg", "title", "rect", "text", "path")
PLACES = ("x", "y", "rx", "width", "height")
CLUSTER = cluster_review(MAPPINGS)


def principal(
    number: int, username: str, *groups: str, others: tuple[MappedIdentity, ...] = (), kind: str = "arn"
) -> ReviewedPrincipal:
    identity = MappedIdentity(username, groups, None)
    names = [(each.username, each.groups) for each in (identity, *others)]
    arn = f"arn:aws:iam::111122223333:role/Role{number}"
    return ReviewedPrincipal(kind, arn, identity, "MountedFile", privilege_of_any(names, None)[0], alternatives=others)


def drawn(*principals: ReviewedPrincipal, cluster: ClusterReview = CLUSTER, clusters: int = 1) -> list[Element]:
    pictures = access_pictures(cluster, principals, "cluster-1", clusters)
    assert pictures is not None
    return read(f"<body>{pictures}</body>").elements


def boxes(elements: list[Element], layout: str = "wide-picture") -> list[Element]:
    shown, is_in = [], False
    for element in elements:
        if element.attributes.get("role") == "img":
            is_in = element.attributes["class"] == layout
        elif is_in and element.name == "svg":
            shown.append(element)
    return shown


def lines(elements: list[Element], layout: str = "wide-picture") -> list[str]:
    """The text of the boxes, after their titles."""
    texts = []
    for box in boxes(elements, layout):
        title = elements[elements.index(box) + 1]
        texts.append(box.text.removeprefix(title.text))
    return texts


def caption(elements: list[Element]) -> str:
    return next(element.text for element in elements if element.name == "figcaption")


def test_principal_username_groups_and_privilege() -> None:
    elements = drawn(principal(0, "admin", "system:masters"), principal(1, "dev", "readers", "writers"))
    assert lines(elements) == [
        *("role/Role0111122223333", "admin", "system:masters", "Admin"),
        *("role/Role1111122223333", "dev", "readers", "None known", "writers"),
    ]
    assert lines(elements, "narrow-picture") == [
        *("role/Role0111122223333\N{RIGHTWARDS ARROW} admin", "system:mastersAdmin"),
        *("role/Role1111122223333\N{RIGHTWARDS ARROW} dev", "readersNone known", "writersNone known"),
    ]
    assert [box.attributes["data-of"] for box in boxes(elements)] == list("0000") + list("11111")


def test_a_username_is_shared_only_with_equal_groups() -> None:
    """Otherwise, the first principal would seem to get the groups of the second."""
    same = lines(drawn(principal(0, "dev", "readers"), principal(1, "dev", "readers")))
    assert same.count("dev") == 1
    assert lines(drawn(principal(0, "dev", "readers"), principal(1, "dev", "admins"))).count("dev") == 2


def test_a_privilege_that_no_group_has() -> None:
    node = principal(0, "system:node:{{EC2PrivateDNSName}}", "readers")
    assert node.privilege is Privilege.NODE
    assert lines(drawn(node))[2:] == ["by its username", "Node", "readers", "None known"]
    assert lines(drawn(principal(0, "system:node:x")))[2:] == ["no groups", "Node"]
    # By two usernames, with two privileges.
    assert lines(drawn(principal(0, "system:node:x"), principal(1, "dev"))).count("no groups") == 2


def test_a_privilege_of_two_groups_together() -> None:
    """Approving certificates requires two permissions."""
    objects = [
        role("approver", rule(APPROVAL)),
        role("signer", rule(f"approve signers {CERTIFICATES}")),
        binding("one", "approver", "Group:one"),
        binding("two", "signer", "Group:two"),
    ]
    rbac = Rbac(objects, ClusterFacts(has_signers=True))
    cluster = replace(CLUSTER, rbac=rbac, live=True)
    assert lines(drawn(principal(0, "dev", "one", "two"), cluster=cluster))[2:] == [
        *("together", "Elevated"),
        *("one", "None", "two"),
    ]


def test_what_is_chosen_at_random_is_dashed() -> None:
    other = MappedIdentity("admin", ("system:masters",), None)
    elements = drawn(principal(0, "dev", "readers", others=(other,)))
    assert [path.attributes["class"] for path in elements if path.name == "path"][:6] == [
        *("none dashed", "none", "none"),
        *("admin dashed", "admin", "admin"),
    ]
    assert "Where lines are dashed, the authenticator chooses at random." in caption(elements)
    assert "dashed" not in caption(drawn(principal(0, "dev", "readers")))
    maybe = drawn(replace(principal(0, "dev", "readers"), may_get_nothing=True))
    assert next(path for path in maybe if path.name == "path").attributes["class"] == "none dashed"


def test_what_is_left_out_is_said() -> None:
    many = [principal(number, f"user-{number}", "readers") for number in range(60)]
    assert caption(drawn(*many)).startswith("40 of 60 principals are drawn. None of the others has a higher privilege.")
    assert caption(drawn(*many, clusters=20)).startswith("20 of 60 principals are drawn.")
    assert caption(drawn(*many, clusters=5000)).startswith("5 of 60 principals are drawn.")
    groups = [f"group-{number}" for number in range(40)]
    elements = drawn(principal(0, "dev", *groups, "system:masters"))
    assert lines(elements)[2:4] == ["system:masters", "Admin"]
    assert lines(elements)[-1] == "35 more groups"


def test_a_login_that_is_not_possible() -> None:
    off = cluster_review("server: {mapUsers: []}\n")
    assert "At present, IAM login is not possible." in caption(drawn(principal(0, "dev"), cluster=off))


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("sso", "111122223333/Admins", "AdminsSSO, 111122223333"),
        ("account", "111122223333", "111122223333rest of the account"),
        ("userid", "AROAEXAMPLE", "AROAEXAMPLEunique ID"),
        ("arn", "arn:aws:iam::111122223333:root", "root111122223333"),
        ("arn", f"arn:aws:iam::111122223333:role/{'x' * 40}", f"role/{'x' * 24}\N{HORIZONTAL ELLIPSIS}111122223333"),
    ],
)
def test_principals(kind: str, name: str, expected: str) -> None:
    elements = drawn(replace(principal(0, "dev"), kind=kind, principal=name))
    assert lines(elements)[0] == expected
    assert boxes(elements)[0].text.startswith(name)  # all of it is in the title


@pytest.mark.parametrize("value", HOSTILE)
def test_values_from_files_are_text(value: str) -> None:
    each = replace(principal(0, value, value), principal=value)
    elements = drawn(each, cluster=replace(CLUSTER, cluster=value))
    assert {element.name for element in elements} == {*PARTS, "body"}
    for element in elements:
        allowed = {"aria-label", "aria-describedby", "id", "role", "class", "data-of", "viewbox", "d", *PLACES}
        assert element.attributes.keys() <= allowed
    titles = [element.text for element in elements if element.name == "title"]
    assert titles[:3] == [one_line(value), one_line(f"{value} with groups {value}"), one_line(value)]
    pictures = [element for element in elements if element.attributes.get("role") == "img"]
    assert [picture.attributes["aria-label"] for picture in pictures] == [one_line(f"Who gets where in {value}")] * 2
    assert all(len(line) <= 60 for line in lines(elements))


GROUPS = st.sampled_from(["system:masters", "system:nodes", "readers", "{{SessionName}}", "a", "b", "c", "d", "e"])
IDENTITIES = st.tuples(st.sampled_from(["dev", "", "{{SessionName}}", "system:node:x"]), st.lists(GROUPS, max_size=9))


@given(st.lists(st.tuples(IDENTITIES, st.lists(IDENTITIES, max_size=1)), min_size=1, max_size=20))
def test_the_picture_and_the_table_agree(
    principals: list[tuple[tuple[str, list[str]], list[tuple[str, list[str]]]]],
) -> None:
    made = [
        principal(
            number, username, *groups, others=tuple(MappedIdentity(other, tuple(of), None) for other, of in others)
        )
        for number, ((username, groups), others) in enumerate(principals)
    ]
    elements = drawn(*made)
    privileges: dict[int, set[Privilege]] = defaultdict(set)
    for box in boxes(elements):
        if box.attributes["x"] == "870":
            mark = Privilege(box.attributes["class"].removeprefix("box "))
            for row in box.attributes["data-of"].split():
                privileges[int(row)].add(mark)
    for number, each in enumerate(made):
        assert min(privileges[number], key=lambda privilege: privilege.rank) is each.privilege
    pictures: list[list[tuple[int, float, float]]] = []
    for element in elements:
        if element.attributes.get("role") == "img":
            height = float(element.attributes["viewbox"].split()[3])
            pictures.append([])
        elif element.name == "svg":
            x, top = int(element.attributes["x"]), float(element.attributes["y"])
            bottom = top + int(element.attributes["height"])
            assert 24 <= top < bottom <= height
            pictures[-1].append((x, top, bottom))
    for places in pictures:
        places.sort()
        for (x, _, bottom), (other, top, _) in pairwise(places):
            assert x != other or bottom < top


def test_every_principal_of_the_page_is_in_a_picture_and_has_its_row() -> None:
    shown = read(page(whole()))
    assert len([each for each in shown.elements if each.attributes.get("role") == "img"]) == 2
    (table,) = [each for each in shown.named("table") if each.attributes["class"].startswith("people")]
    assert table.text.count("arn:aws:iam::111122223333:role/") == 3
    assert {box.attributes["data-of"] for box in boxes(shown.elements)[:4]} <= {"0", "1", "2", "3"}
    assert "figure" not in {each.name for each in read(page(access_review("server: {mapUsers: []}\n"))).elements}
