"""What Tarmak makes of a file when it rewrites it, put back into the text that a person wrote."""

from __future__ import annotations

import copy
import itertools
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarmak_iam.document import Document, EditRefused, Remove, Set
from tarmak_iam.document.plain_values import same
from tests.support import GOLDEN, tarmak_rewrites
from tests.support.thorough import examples

IDENTITIES = (("environment", "metadata.name"), ("environment", "name"), ("metadata.name",), ("name",))
# Only this one's comment is about a key that Tarmak drops, and goes with it.
LOSES_A_COMMENT = {"key-unknown"}
# An anchor that aliases use would have to go to its next use, or another value into only some of its uses.
REFUSED = {
    "anchor-merge-override": "they share the anchor &amazon",
    "anchor-scalar": "*iam (line 125) would lose its anchor",
}


REWRITES = tarmak_rewrites()


@pytest.mark.sample(12)
@pytest.mark.parametrize(
    ("both_parsers", "name"),
    [*(("c", name) for name in REWRITES), *(("pure", name) for name in [*REWRITES][::4])],  # the pure one is slow
    indirect=["both_parsers"],
)
@pytest.mark.usefixtures("both_parsers")
def test_a_rewritten_file_gets_its_comments_back(name: str) -> None:
    raw = (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()
    if name in REFUSED:
        with pytest.raises(EditRefused, match=re.escape(REFUSED[name])):
            lost_in_update(raw, REWRITES[name])
        return
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
    with pytest.raises(EditRefused, match="a value of type set cannot be written as YAML"):
        Document.parse("a: 1\n").update({"a": {1}})
    with pytest.raises(EditRefused, match="nan cannot be written as JSON"):
        Document.parse('{"a": 1}').update({"a": float("nan")})


def test_utf16_is_not_edited() -> None:
    document = Document.parse("\ufeffa: 1\n".encode("utf-16-le"))
    with pytest.raises(EditRefused, match="the file is encoded as UTF-16-LE; save it as UTF-8 first"):
        document.update({"a": 2})


def test_values_that_differ_where_an_anchor_is_shared_are_refused() -> None:
    """Each edit alone can be made, but the first gives b a key that the second does not see."""
    with pytest.raises(EditRefused) as caught:
        Document.parse("a: &x {k: 1}\nb:\n  <<: *x\n  l: 2\n", "f").update({"a": {"k": 1, "l": 2}, "b": {"k": 1}})
    assert str(caught.value) == (
        "f:1:1: the text cannot be edited to have these values: an anchor is shared by values that differ; "
        "replace its aliases with their values first"
    )


def test_a_batch_is_made_whole_or_not_at_all() -> None:
    document = Document.parse("a: 1\nb: [1]\n")
    with pytest.raises(EditRefused, match="c does not exist"):
        document.edit(Set(("a",), 2), Remove(("c",)))
    assert document.text == "a: 1\nb: [1]\n"


ODD_SCALARS = ["a", "'q'", '"d"', "0x1F", "on", "1_000", "!secret x", "!!str 5", "~", "1.5", "{}", "[]", "x y"]
FLOW = st.recursive(
    st.sampled_from(ODD_SCALARS),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"{{{members_of(items)}}}"),
    ),
    max_leaves=4,
)


def members_of(values: list[str]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in zip("klm", values, strict=False))


@st.composite
def blocks(draw: st.DrawFn, depth: int = 2) -> list[str]:
    """The lines of a list or mapping, with comments, tags and odd scalars."""
    lines: list[str] = []
    is_list = draw(st.booleans())
    for key in "abcd"[: draw(st.integers(1, 4))]:
        lines += draw(st.sampled_from([[], [], ["# above"], [""]]))
        lead, tail = "-" if is_list else f"{key}:", draw(st.sampled_from(["", "", "  # behind"]))
        if depth and draw(st.booleans()):
            lines += [lead + tail, *(line and f"  {line}" for line in draw(blocks(depth - 1)))]
        else:
            lines.append(f"{lead} {draw(FLOW)}{tail}")
    return lines


def leaves_of(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    members = list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ())
    for step, child in members:
        yield from leaves_of(child, (*path, step))
    if path and not members:
        yield path


@settings(max_examples=examples(200), deadline=None)
@given(blocks(), st.data())
def test_one_changed_leaf_is_what_set_makes_of_it(lines: list[str], data: st.DataObject) -> None:
    document = Document.parse("\n".join(lines) + data.draw(st.sampled_from(["", "\n"])), json=False)
    path = data.draw(st.sampled_from(list(leaves_of(document.data))))
    value = data.draw(st.sampled_from(["z", "q: r", "x", 7, 31, True, None, 1.5]))
    wanted = copy.deepcopy(document.data)
    parent = wanted
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    try:
        one = document.set(path, value)
    except EditRefused as refusal:  # a number below a tag such as !secret
        with pytest.raises(EditRefused, match=re.escape(refusal.what)):
            document.update(wanted)
        return
    other = document.update(wanted)
    if isinstance(path[-1], int) and len(document.comments) > len(other.comments):
        assert same(other.data, wanted)  # what a comment says of an item may be wrong for another one
    else:
        assert (other.text, other.removed_comments) == (one.text, one.removed_comments)


LISTS = {
    "block": ("l:\n", "- {value}  # {value}\n", "m: 1\n"),
    "block, comments above": ("l:\n", "# {value}\n- {value}\n", "m: 1\n"),
    "block, both": ("l:\n", "  # {value}\n  - {value}  # {value}\n", "# end\nm: 1\n"),
    "flow": ("l: [\n", "  {value},  # {value}\n", "]\nm: 1\n"),
    "flow, comments above": ("l: [\n", "  # {value}\n  {value},\n", "]\nm: 1\n"),
}
VALUES = st.lists(st.sampled_from(["aa", "bb", "cc", "dd", "ee", "ff"]), min_size=1, max_size=5, unique=True)


@pytest.mark.usefixtures("both_parsers")
@pytest.mark.parametrize("style", LISTS)
@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(old=VALUES, new=VALUES, larger=st.booleans())
def test_comments_of_scalars_stay_with_their_values(style: str, old: list[str], new: list[str], larger: bool) -> None:
    """Each comment is the value that it is about. `larger`: the edit is made in an excerpt if possible."""
    before, item, after = LISTS[style]
    filling = "".join(f"k{number}: v\n" for number in range(50)) if larger else ""
    document = Document.parse(filling + before + "".join(item.format(value=value) for value in old) + after)
    moves = [value for value in new if value in old] != [value for value in old if value in new]
    if moves and style.startswith("flow"):
        with pytest.raises(EditRefused, match="there are comments between"):
            document.set(("l",), new)
        return
    for edited in (document.set(("l",), new), document.update({**document.data, "l": new})):
        assert edited.data == {**document.data, "l": new}
        staying = [text for text in re.findall(r"# (..)$", edited.text, re.MULTILINE) if text != "end"]
        removed = [comment.text.removeprefix("# ") for comment in edited.removed_comments]
        assert set(staying) <= set(old) & set(new)
        assert Counter(staying + removed) == Counter(re.findall(r"# (..)$", document.text, re.MULTILINE))
        for text in staying:
            assert re.search(rf"{text},?  # {text}$|# {text}\n *(- )?{text}(,|$|  #)", edited.text, re.MULTILINE), text
