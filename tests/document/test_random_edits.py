"""Random edits of all kinds: none has a wrong meaning, loses a comment, or ends in anything but EditRefused.

The results are judged by edit_judge.py, which has no code of the engine. Every edit is made of a document that was just
parsed, and again as one of a chain, of a document that has been edited before: both must give the same bytes.
"""

from __future__ import annotations

import json
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import pytest

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.errors import ParseError
from tests.document.edit_judge import flaws, flaws_of_refusal, plain_of, same_plain, strayed_comments
from tests.document.edit_model import Call, Impossible, Node, Reading, TooLarge, applied, read, yaml
from tests.document.random_edits import Text, corpus_texts, generated_texts, json_texts, own_texts, random_call
from tests.document.test_edits import perform
from tests.support.thorough import MANY, profile

pytestmark = pytest.mark.usefixtures("both_parsers")

_LONGEST = 60_000


def flaws_of_edits(texts: Iterable[Text], chain: int) -> tuple[Counter[str], list[str]]:
    """What became of so many edits of each text, one after the other, and everything that is wrong with them."""
    counts, found = Counter[str](), list[str]()
    for text in texts:
        raw = text.raw
        try:
            reading, document = read(raw), Document.parse(raw, "file.yaml", text.index)
        except (yaml.YAMLError, UnicodeDecodeError, ParseError):
            counts["unreadable"] += 1  # for PyYAML or for go-yaml
            continue
        random = Random(text.name)
        short = Random(f"{text.name} windows").choice([0, 20, 120, 300])
        for number in range(chain):
            call = random_call(random, _root(reading, text.index))
            with windows_of(short):
                outcome, edited, problems = outcome_of(document, reading, call, text.index)
            counts[outcome] += 1
            found += [f"{text.name}, edit {number}: {json.dumps(call)}: {problem}" for problem in problems[:3]]
            if edited is None or problems or len(edited.to_bytes()) > _LONGEST:
                continue
            document, raw = edited, edited.to_bytes()
            reading = read(raw)
    return counts, found


@contextmanager
def windows_of(short: int) -> Iterator[None]:
    """Members of more than so many characters are not read as a whole. Every edit of a test is made in the whole text,
    too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tarmak_iam.document.windows._SHORT", short)
        yield


def _root(reading: Reading, index: int) -> Node:
    return reading.documents[index] if index < len(reading.documents) else Node("scalar", "")


def outcome_of(document: Document, reading: Reading, call: Call, index: int) -> tuple[str, Document | None, list[str]]:
    raw = document.to_bytes()
    fresh = attempt(lambda: perform(Document.parse(raw, "file.yaml", index), call))
    edited = attempt(lambda: perform(document, call))
    problems = [] if document.to_bytes() == raw else ["the receiver has changed"]
    if edited is document:  # which reports what was removed when it was made
        if not isinstance(fresh, Document) or fresh.to_bytes() != raw:
            problems.append(f"edited before: nothing to do, just parsed: {shown(fresh)!r}")
        return "nothing to do", None, problems
    # A text without a line break has those that the file had before.
    if b"\n" in raw and shown(fresh) != shown(edited):
        problems.append(f"edited before: {shown(edited)!r}, just parsed: {shown(fresh)!r}")
    if isinstance(edited, EditRefused):
        return "refused", None, problems + flaws_of_refusal(str(edited))
    if not isinstance(edited, Document):
        return "exception", None, [*problems, repr(edited)]
    try:
        problems += _flaws(document, edited, reading, call, index)
    except TooLarge:
        return "too large", None, problems
    return "made", edited, problems


def attempt(edit: Callable[[], Document]) -> Document | Exception:
    try:
        return edit()
    except Exception as error:  # what is wrong with it is said by the test
        return error


def shown(result: Document | Exception) -> Any:
    if isinstance(result, Exception):
        return f"{type(result).__name__}: {result}"
    removed = [comment.text for comment in result.removed_comments]
    return result.to_bytes(), removed, [str(route) for route in result.also_changed]


def _flaws(document: Document, edited: Document, reading: Reading, call: Call, index: int) -> list[str]:
    after = edited.to_bytes()
    removed = [comment.text for comment in edited.removed_comments]
    problems = flaws(reading, after, call, removed, [route.plain for route in edited.also_changed], index)
    problems += strayed_comments(document.to_bytes(), after, call)
    before = document.to_bytes()
    if before.count(b"\n") == before.count(b"\r\n") > 0 and after.count(b"\n") > after.count(b"\r\n"):
        problems.append("a line without CRLF")
    if before.startswith(BOM_UTF8) > after.startswith(BOM_UTF8):
        problems.append("no byte order mark")
    if not problems and b"!!binary" not in after and not same_plain(edited.data, plain_of(read(after), index)):
        problems.append(f"its data is {edited.data!r}")
    return problems


def check(texts: Iterable[Text], chain: int, *, at_least: int) -> None:
    counts, found = flaws_of_edits(texts, chain)
    assert not found, "\n".join([f"{len(found)} flaws, {dict(counts)}", *found[:10]])
    assert counts["made"] >= at_least, counts
    assert counts["refused"] < counts["made"] / 2, counts


@pytest.fixture
def fewer(request: pytest.FixtureRequest) -> int:
    """By how much the edits are fewer: the pure parser takes longer."""
    return 3 if request.node.callspec.params["both_parsers"] == "pure" else 1


def test_edits_of_own_files(fewer: int) -> None:
    check(own_texts()[:: 3 * fewer], 3, at_least=440 // fewer)


def test_edits_of_files_of_other_projects(fewer: int) -> None:
    texts = corpus_texts()
    if not texts:
        pytest.skip("there is no corpus/edits/kubernetes beside the project")
    check(texts[:: 4 * fewer], 4, at_least=60 // fewer)


def test_edits_of_generated_documents(fewer: int) -> None:
    documents = {MANY: 270, "repeatable": 160}.get(profile(), 120) // fewer
    check(generated_texts(range(documents)), 4, at_least=documents * 8 // 3)


def test_edits_of_json(fewer: int) -> None:
    documents = (120 if profile() in ("repeatable", MANY) else 40) // fewer
    check(json_texts(documents), 4, at_least=documents * 3)


@pytest.mark.thorough
@pytest.mark.parametrize("number", range(8 if profile() == MANY else 1))
def test_many_edits_of_generated_documents(number: int, fewer: int) -> None:
    """24,000 with the C parser, where many examples are asked for."""
    fewer = fewer if profile() == MANY else 4 * fewer
    check(generated_texts(range(1_000 + number * 500, 1_500 + number * 500)[::fewer]), 6, at_least=2_000 // fewer)


@pytest.mark.thorough
def test_many_edits_of_files(fewer: int) -> None:
    step = fewer if profile() == MANY else 4 * fewer
    check([*own_texts(), *corpus_texts()][::step], 6, at_least=2_400 // step)


@pytest.mark.parametrize(
    ("before", "call", "after", "removed", "problem"),
    [
        ("a: 1  # x\nb: 2\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2\nb: 2\n", [], "lost comment"),
        ("a: 1\n# x\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2\n# x\n", ["# x"], "reported as removed"),
        ("a: 1\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2  # x\n", [], "new comment"),
        ("a: 1\nb: 2\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2\nb: 3\n", [], "b: 3 in the place of 2"),
        ("a: 1\nb: 'x'\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2\nb: x\n", [], "b: 'x' is written otherwise"),
        ("a: 1\nb: 2\n", {"op": "remove", "path": ["a"]}, "{}\n", [], "key 'b' is missing"),
        ("a: 1\n", {"op": "set", "path": ["a"], "value": "on"}, "a: on\n", [], "a: True in the place of 'on'"),
        ("a: 1\n", {"op": "set", "path": ["a"], "value": "2:3"}, "a: 2:3\n", [], "'2:3' is 123 to PyYAML"),
        ("a: 1\n", {"op": "remove", "path": ["b"]}, "a: 1\n", [], "cannot be made, and was"),
        (
            "a: [1, 2]\n",
            {"op": "insert", "path": ["a", 0], "value": 3},
            "a: [1, 2, 3]\n",
            [],
            "a.0: 1 in the place of 3",
        ),
        ("a: 1\n---\nb: 2\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2\n---\nb: 3\n", [], "1.b"),
        ("a: 1\n---\nb: 2\n", {"op": "set", "path": ["a"], "value": 2}, "a: 2\nb: 2\n", [], "2 documents became 1"),
        ("a: 1\nb: 2\n", {"op": "set", "path": ["a"], "value": 2}, "b: 2\na: 2\n", [], "other order"),
        ("a: 1\n", {"op": "set", "path": ["a"], "value": 2}, "a: [2\n", [], "not valid YAML"),
        (
            "a: &x 1\nb: *x\n",
            {"op": "set", "path": ["b"], "value": 2},
            "a: &x 2\nb: *x\n",
            [],
            "a: 2 in the place of 1",
        ),
        ("a: !x 1\n", {"op": "set", "path": ["b"], "value": 2}, "a: '1'\nb: 2\n", [], "a: '1' is written otherwise"),
    ],
)
def test_the_judge_sees(before: str, call: Call, after: str, removed: list[str], problem: str) -> None:
    assert any(problem in flaw for flaw in flaws(read(before.encode()), after.encode(), call, removed, []))


def test_the_judge_sees_other_uses() -> None:
    before = read(b"a: &x {v: 1}\nb: *x\nc: {<<: *x}\n")
    call = {"op": "set", "path": ["b", "v"], "value": 2, "through_alias": True}
    after = b"a: &x {v: 2}\nb: *x\nc: {<<: *x}\n"
    assert flaws(before, after, call, [], [("a",), ("c", "v")]) == []
    assert flaws(before, after, call, [], [("a",)]) == ["changed, and is not in also_changed: c.v"]
    also = [("a",), ("c", "v"), ("d",)]
    assert flaws(before, after, call, [], also) == ["in also_changed, and did not change: d"]


def test_the_judge_sees_a_bad_message() -> None:
    assert flaws_of_refusal("f:1:1: a is a list, not a mapping") == []
    assert flaws_of_refusal("a is a list") == ["a refusal without file:line:col"]
    assert flaws_of_refusal("f:1:1: overlapping splices") == [
        "internal word in a message: splice",
        "internal word in a message: overlapping",
    ]


def test_what_is_impossible() -> None:
    root = read(b"a: [1]\nb: x\n").documents[0]
    for call in (
        {"op": "set", "path": ["a", 1], "value": 1},
        {"op": "set", "path": ["b", "c"], "value": 1},
        {"op": "rename", "path": ["a"], "key": "b"},
        {"op": "move", "path": ["a"], "to": ["a", 0]},
        {"op": "move", "path": ["a"], "to": ["b"]},
        {"op": "insert", "path": ["a", 2], "value": 1},
    ):
        with pytest.raises(Impossible):
            applied(root, [call])


def test_the_same_seed_gives_the_same_edits() -> None:
    text = next(generated_texts(range(7, 8)))
    root = read(text.raw).documents[0]
    assert [random_call(Random(1), root) for _ in range(3)] == [random_call(Random(1), root) for _ in range(3)]
