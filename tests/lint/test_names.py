"""Names that rules skip because there is nothing to say about them, and entries that are found by their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.aws.copied_text import cleaned, placeholder, placeholder_hints, traces
from tarmak_iam.identity.templates import PRIVATE_DNS, braced, bracketed
from tarmak_iam.lint.entries import entries_of, is_ordinary
from tarmak_iam.mappings.groups import joined_groups
from tarmak_iam.mappings.mappings_file import Mappings

PARTS = [
    *("{{SessionName}}", "{{SessionNameRaw}}", "{{EC2PrivateDNSName}}", "{{AccountID}}", "{{Other}}", "SessionName"),
    *("system:masters", "dev", "TODO", "your-name", "MY_USER_NAME", "x", "Z", "0", "_"),
    *"{}[]()<>$%*,;:.@/+=- \t\n'\"\u200b\u0435",
]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=6).map("".join)


@pytest.mark.parametrize(
    "text",
    [
        "dev",
        "a",
        "system:node:{{EC2PrivateDNSName}}",
        "{{SessionName}}",
        "{{AccountID}}{{SessionName}}",
        "a@b.c/d+e=f-g",
    ],
)
def test_ordinary_names(text: str) -> None:
    assert is_ordinary(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", " dev", "dev\n", "dev.", ":dev", "-dev", "dev,ops", "dev ops", "dev*", "d\u0435v", "'dev'", "[dev]"),
        *("{{Other}}", "{{sessionName}}", "{SessionName}", "{{{SessionName}}", "{{SessionName}}}", "${{SessionName}}"),
        *("{{ SessionName }}", "$SessionName", "<SessionName>", "%SessionName%"),
    ],
)
def test_other_names(text: str) -> None:
    assert not is_ordinary(text)


@given(TEXTS)
def test_no_rule_has_anything_to_say_about_an_ordinary_name(text: str) -> None:
    if is_ordinary(text):
        assert traces(text) == ()
        assert cleaned(text) == text
        assert joined_groups(text) is None
        assert all(each.name for each in (*braced(text), *bracketed(text)))
        assert not {" ", "\n", "*"} & set(text)


@given(TEXTS)
def test_every_placeholder_has_a_hint(text: str) -> None:
    assert not placeholder(text) or placeholder_hints(text)


FILE = """\
server:
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/A", username: a, groups: [dev, "dev,ops"]}
  - {roleARN: "arn:aws:iam::111122223333:role/B", username: "b:{{SessionName}}", groups: [dev]}
  - {roleARN: "arn:aws:iam::111122223333:role/C", username: c, groups: ["dev,ops", "c-{{SessionNameRaw}}"]}
  - {roleARN: "arn:aws:iam::111122223333:role/D", username: "system:node:{{EC2PrivateDNSName}}", groups: []}
  mapUsers:
  - {userARN: "arn:aws:iam::111122223333:user/E", username: "{{SessionName}}", groups: [dev]}
"""


def test_entries_by_their_names() -> None:
    names = entries_of(Mappings.parse(FILE))
    odd = [(entry.name[-1], [text for _, text, _ in found]) for entry, found in names.odd_names]
    assert odd == [("A", ["dev,ops"]), ("C", ["dev,ops"])]
    assert [entry.name[-1] for entry in names.with_session_name] == ["B", "C", "E"]
    assert [entry.name[-1] for entry in names.with_part((PRIVATE_DNS,))] == ["D"]
