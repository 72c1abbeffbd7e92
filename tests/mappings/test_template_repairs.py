"""Templates without quotes: what is put in quotes, and which files stay."""

from __future__ import annotations

import pytest

from tarmak_iam.errors import ParseError
from tarmak_iam.mappings.mappings_file import Mappings, with_templates_quoted
from tests.support.tables import rows

HEAD = "server:\n  mapRoles:\n  - roleARN: arn:aws:iam::111122223333:role/Dev\n"


def quoted(text: str) -> str | None:
    found = with_templates_quoted((HEAD + text).encode(), "map.yaml")
    if found is None:
        return None
    assert found.before == HEAD + text
    assert found.after.text.startswith(HEAD)
    return found.after.text.removeprefix(HEAD)


@pytest.mark.parametrize(("before", "after"), rows(__file__, "test_what_is_put_in_quotes"))
def test_what_is_put_in_quotes(before: str, after: str) -> None:
    with pytest.raises(ParseError):
        Mappings.parse(HEAD + before)
    assert quoted(before) == after
    assert quoted(after) is None
    assert Mappings.parse(HEAD + after).entries


@pytest.mark.parametrize("text", rows(__file__, "test_what_stays"))
def test_what_stays(text: str) -> None:
    assert quoted(text) is None


def test_what_is_said_about_it() -> None:
    found = with_templates_quoted(f"{HEAD}    username: {{{{SessionName}}}}\n".encode(), "map.yaml")
    assert found is not None
    assert [f"{each.place}: {each.title}" for each in found.repairs] == [
        "map.yaml:4:15: put the template in quotes: {{SessionName}}"
    ]


def test_another_encoding_stays_unread() -> None:
    assert with_templates_quoted(b"\xff", "map.yaml") is None


def test_a_file_without_templates_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tarmak_iam.mappings.mappings_file.Document", None)
    assert with_templates_quoted(f"{HEAD}    username: u\n".encode(), "map.yaml") is None
