"""What merging makes of a mappings file: the text afterwards, and what was done with each wanted entry."""

from __future__ import annotations

import pytest

from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.mappings.merging import Wanted

DEV, NEW = "arn:aws:iam::111122223333:role/Dev", "arn:aws:iam::111122223333:role/New"
TEXT = f"""\
clusterID: dev-cluster
server:
  mapRoles:
  - {{roleARN: "{DEV}", username: dev, groups: [dev], userid: AROADEV}}
  mapAccounts: ["444455556666", "444455556666"]
"""


def merged(*wanted: Wanted) -> tuple[str, list[str]]:
    mappings, outcomes = Mappings.parse(TEXT).merge(wanted)
    return mappings.document.text, [f"{each.action}{f': {each.error.what}' if each.error else ''}" for each in outcomes]


def with_new(username: str) -> str:
    return TEXT.replace("  mapAccounts", f'  - {{roleARN: "{NEW}", username: {username}, groups: []}}\n  mapAccounts')


def test_without_a_unique_id_the_entrys_own_stays() -> None:
    assert merged(Wanted(DEV, "dev", ("dev",))) == (TEXT, ["unchanged"])
    assert merged(Wanted(DEV, "dev", ("dev",), user_id="AROADEV")) == (TEXT, ["unchanged"])
    assert merged(Wanted(DEV, "dev", ("dev",), user_id="AROANEW")) == (TEXT.replace("AROADEV", "AROANEW"), ["updated"])


def test_an_account_that_is_there_twice_is_there() -> None:
    assert merged(Wanted("444455556666")) == (TEXT, ["unchanged"])


def test_a_role_that_is_there_twice_is_nobodys_to_change() -> None:
    twice = TEXT.replace("  mapAccounts", f"  - {{roleARN: '{DEV}', username: other}}\n  mapAccounts")
    mappings, (outcome,) = Mappings.parse(twice).merge([Wanted(DEV, "x")])
    assert mappings.document.text == twice
    assert str(outcome.error) == (
        f"aws-iam-authenticator.yaml:5:5: {DEV} is mapped more than once (lines 4, 5); the last one is used; "
        "remove all but one of them by hand"
    )


@pytest.mark.parametrize(
    ("wanted", "text", "actions"),
    [
        ([Wanted(DEV, "x", only_new=True)], TEXT, ["unchanged"]),
        ([Wanted(NEW, "a", only_new=True)], with_new("a"), ["added"]),
        ([Wanted(NEW, "a", only_new=True), Wanted(NEW, "b", only_new=True)], with_new("a"), ["added", "unchanged"]),
        ([Wanted(NEW, "a"), Wanted(NEW, "b", only_new=True)], with_new("a"), ["added", "unchanged"]),
        (
            [Wanted(NEW, "a", only_new=True), Wanted(NEW, "b")],
            with_new("b"),
            [f"skipped: {NEW} has a later entry, and the last entry is used", "added"],
        ),
    ],
)
def test_what_is_for_new_principals_only(wanted: list[Wanted], text: str, actions: list[str]) -> None:
    assert merged(*wanted) == (text, actions)
