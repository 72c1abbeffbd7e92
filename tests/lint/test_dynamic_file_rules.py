"""Rules about a dynamic file."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Document
from tarmak_iam.lint import Subjects, check
from tests.lint.test_rule_docs import PAGES

INTO_THE_FIRST = "the authenticator merges both lists: an entry without username or groups gets those of another entry"
MOVE = "move its entries to the end of the list in line 1, and remove this key"


def found(text: str) -> list[str]:
    return [str(each) for each in check(Subjects(dynamic_file=Document.parse(text, "d.json", json=True)))]


@pytest.mark.parametrize("key", ["mapRoles", "MAPROLES", "mapRole\u017f"])
def test_a_list_that_is_there_twice(key: str) -> None:
    assert found(f'{{"mapRoles": [], "mapUsers": [],\n "{key}": []}}') == [
        f"d.json:2:2: error: duplicate key '{key}', already in line 1: {INTO_THE_FIRST}; {MOVE} [IAM129]"
    ]


def test_other_keys() -> None:
    entry = '{"sso": {"accountID": "1", "AccountId": "2"}, "groups": [],\n "GROUPS": [], "other": 1, "other": 2}'
    last = "the authenticator uses the last value; keep this one or the one in line 1, and remove the other [IAM129]"
    assert found(f'{{"mapRoles": [{entry}], "mapaccounts": [], "mapAccounts": [], "x": {{"sso": 1, "sso": 2}}}}') == [
        f"d.json:1:42: error: duplicate key 'AccountId', already in line 1: {last}",
        f"d.json:2:2: error: duplicate key 'GROUPS', already in line 1: {last}",
        f"d.json:2:61: error: duplicate key 'mapAccounts', already in line 2: {last.replace('line 1', 'line 2')}",
    ]


def test_no_duplicates() -> None:
    assert found('{"mapRoles": [{"groups": []}, {"groups": []}], "mapUsers": [{"groups": []}]}') == []
    assert found("null") == []


def test_the_examples_of_its_page() -> None:
    _, bad, _, good, _ = (PAGES / "IAM129.md").read_text(encoding="utf-8").replace("```json\n", "```\n").split("```\n")
    assert [each[:24] for each in found(bad)] == ["d.json:5:3: error: dupli"]
    assert found(good) == []
