"""What Tarmak makes of a file when it rewrites it, put back into the text that a person wrote."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from tarmak_iam.document import Document, EditRefused, Remove, Set
from tarmak_iam.document.plain_values import same
from tests.support import GOLDEN, tarmak_rewrites

IDENTITIES = (("environment", "metadata.name"), ("environment", "name"), ("metadata.name",), ("name",))
# Only this one's comment is about a key that Tarmak drops, and goes with it.
LOSES_A_COMMENT = {"key-unknown"}


REWRITES = tarmak_rewrites()


@pytest.mark.usefixtures("both_parsers")
@pytest.mark.parametrize("name", REWRITES)
def test_a_rewritten_file_gets_its_comments_back(name: str) -> None:
    raw = (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()
    assert lost_in_update(raw, REWRITES[name]) == ({"# no such option"} if name in LOSES_A_COMMENT else set())


def lost_in_update(raw: bytes, wanted: Any) -> set[str]:
    """The comments that went: the update says which, and means what is wanted."""
    before = Document.parse(raw)
    after = before.update(wanted, identities=IDENTITIES)
    assert same(Document.parse(after.to_bytes()).data, wanted)
    lost = Counter(c.text for c in before.comments) - Counter(c.text for c in after.comments)
    assert lost <= Counter(comment.text for comment in after.removed_comments)
    return set(lost)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("ending", [True, False])
def test_items_move_with_their_lines(newline: str, ending: bool) -> None:
    for order in itertools.permutations(range(4)):
        items = [f"- name: n{number}   # {number}" for number in range(4)]
        end = newline if ending else ""
        document = Document.parse(newline.join(["list:", *items]) + end)
        wanted = {"list": [{"name": f"n{number}"} for number in order]}
        moved = document.update(wanted, identities=[("name",)])
        assert moved.text == newline.join(["list:", *(items[number] for number in order)]) + end
        assert moved.removed_comments == ()


def test_what_yaml_has_no_form_for_is_refused() -> None:
    with pytest.raises(EditRefused, match="a set cannot be written as YAML"):
        Document.parse("a: 1\n").update({"a": {1}})
    with pytest.raises(EditRefused, match="nan cannot be written as JSON"):
        Document.parse('{"a": 1}').update({"a": float("nan")})


def test_utf16_is_not_edited() -> None:
    document = Document.parse("\ufeffa: 1\n".encode("utf-16-le"))
    with pytest.raises(EditRefused, match="the file is encoded as UTF-16-LE; save it as UTF-8 first"):
        document.update({"a": 2})


def test_a_batch_is_made_whole_or_not_at_all() -> None:
    document = Document.parse("a: 1\nb: [1]\n")
    with pytest.raises(EditRefused, match="c does not exist"):
        document.edit(Set(("a",), 2), Remove(("c",)))
    assert document.text == "a: 1\nb: [1]\n"
