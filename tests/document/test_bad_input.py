"""Input that is made to hurt: refused with its reason, in bounded time and memory."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.document import Document, EditRefused, source
from tarmak_iam.errors import ParseError

pytestmark = pytest.mark.usefixtures("both_parsers")

MEGABYTE = 1024 * 1024
LARGEST = 10 * MEGABYTE
HANGS = 60
"""Seconds of the processor's time: far more than anything here takes, however busy the machine is."""


def outcome(work: Callable[[], object], megabytes: int, seconds: int = HANGS) -> str:
    """What the work ends in: `done`, or an error's name and text.

    It has a process of its own, which gets so much memory more than it starts with, and so much of the processor.
    """
    receiver, sender = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(sender, told(work, megabytes, seconds).encode())
        finally:
            os._exit(0)  # never back into the test run
    os.close(sender)
    with open(receiver, encoding="utf-8") as pipe:
        words = pipe.read()
    os.waitpid(child, 0)
    return words or "hung, or broke down"


def told(work: Callable[[], object], megabytes: int, seconds: int) -> str:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    limit_memory(megabytes)
    try:
        work()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def limit_memory(megabytes: int) -> None:
    """Where the system tells how much there is already (Linux does)."""
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        taken = int(sizes.read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (taken + megabytes * MEGABYTE,) * 2)


def parsed(data: bytes | str, megabytes: int = 128) -> str:
    return outcome(lambda: Document.parse(data, "f"), megabytes)


# --- size --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: b"a" * (50 * MEGABYTE), id="a line of 50 MB"),
        pytest.param(lambda: "a" * (50 * MEGABYTE), id="a line of 50 MB, as text"),
        pytest.param(lambda: b"[" * (50 * MEGABYTE), id="a line of 50 MB, all levels"),
        pytest.param(lambda: b'{"a": "' + b"a" * (50 * MEGABYTE), id="a line of 50 MB in strict JSON"),
        pytest.param(lambda: b"\xff" * (50 * MEGABYTE), id="50 MB that are not even text"),
        pytest.param(lambda: b"#" + b"a" * LARGEST, id="a byte too many"),
        pytest.param(lambda: "#" + "\N{LATIN SMALL LETTER E WITH ACUTE}" * (LARGEST // 2), id="a byte, not a letter"),
        pytest.param(lambda: b"{" + b" " * (LARGEST - 1) + b"}", id="a byte too many in strict JSON"),
    ],
)
def test_more_than_10_mb_are_refused_before_they_are_parsed(make: Callable[[], bytes | str]) -> None:
    words = parsed(make(), 64)
    assert words.startswith("ParseError: f: the file has ")
    assert words.endswith(" bytes, which is more than the limit of 10,485,760")


@pytest.mark.thorough
@pytest.mark.parametrize(("start", "end"), [(b"{", b"}"), (b"a: 1\n...\n#", b"")], ids=["JSON", "YAML"])
def test_10_mb_are_read(start: bytes, end: bytes) -> None:
    data = start + b" " * (LARGEST - len(start + end)) + end
    assert Document.parse(data).to_bytes() == data


# --- levels ------------------------------------------------------------------------------------------------------


def indented(levels: int) -> str:
    return "".join(" " * level + "a:\n" for level in range(levels))


NESTED: dict[str, Callable[[int], str]] = {
    "flow lists": lambda n: "[" * n + "]" * n,
    "flow mappings": lambda n: "{a: " * n + "}" * n,
    "flow lists on lines": lambda n: "[\n" * n + "]\n" * n,
    "flow lists with anchors": lambda n: "&a [" * n + "]" * n,
    "flow lists with tags": lambda n: "!!seq [" * n + "]" * n,
    "dashes": lambda n: "- " * n + "a\n",
    "indentation": indented,
    "JSON objects": lambda n: '{"a":' * n + "1" + "}" * n,
    "JSON lists": lambda n: '{"a":' + "[" * (n - 1) + "1" + "]" * (n - 1) + "}",
}


def levels_of(value: Any) -> int:
    levels = 0
    while isinstance(value, (dict, list)):
        levels += 1
        value = next(iter(value.values() if isinstance(value, dict) else value), None)
    return levels


@pytest.mark.parametrize("make", NESTED.values(), ids=NESTED)
def test_200_levels_are_read_and_one_more_is_not(make: Callable[[int], str]) -> None:
    document = Document.parse(make(200))
    assert levels_of(document.data) == 200
    assert document.to_bytes().decode() == make(200)
    with pytest.raises(ParseError, match="nested deeper than 200 levels, which is the limit"):
        Document.parse(make(201))


@pytest.mark.parametrize("innermost", ["{}", "[]"])
def test_the_last_level_of_json_may_be_empty(innermost: str) -> None:
    document = Document.parse('{"a":' * 199 + innermost + "}" * 199)
    assert levels_of(document.data) == 200
    with pytest.raises(ParseError, match="nested deeper than 200 levels"):
        Document.parse('{"a":' * 200 + innermost + "}" * 200)


OPEN = {
    "flow lists": "[" * 100_000,
    "flow mappings": "{a: " * 100_000,
    "braces only": "{" * 100_000,
    "both": "[{a: " * 50_000,
    "complex keys in flow": "{? " * 100_000,
    "question marks": "? " * 100_000,
    "dashes": "- " * 100_000,
    "dashes and question marks": "- ? " * 50_000,
    "JSON objects": '{"a":' * 100_000,
    "JSON lists": '{"a":' + "[" * 100_000,
    "behind a document": "a: 1\n---\n" + "[" * 100_000,
}
CLOSED = {f"{name}, closed": make(100_000) for name, make in NESTED.items() if name != "indentation"}
# 100,000 levels of indentation would be 5 GB; as many as 10 MB hold.
CLOSED["indentation"] = indented(4_400)


@pytest.mark.sample(8)
@pytest.mark.parametrize("text", (OPEN | CLOSED).values(), ids=OPEN | CLOSED)
def test_100_000_levels_are_refused(text: str) -> None:
    words = outcome(lambda: Document.parse(text, "f", index=text.count("---")), 64)
    assert words.startswith("ParseError: f:")
    assert "nested deeper than 200 levels, which is the limit" in words


@pytest.mark.parametrize("unit", ["a: ", "*a ", "]", "'", "%", "\t"])
def test_what_repeats_without_end_is_refused(unit: str) -> None:
    assert parsed(unit * 99_999 + "a: b: c", 64).startswith("ParseError: f:")


# --- aliases -----------------------------------------------------------------------------------------------------


def chain(link: str, count: int, first: str = "{}") -> str:
    """Anchored values, each made of the one before: `link` has `{}` for the name of that."""
    lines = [f"a0: &a0 {first}", *(f"a{n}: &a{n} {link.replace('@', f'*a{n - 1}')}" for n in range(1, count))]
    return "\n".join(lines) + "\n"


NINE = ", ".join(["@"] * 9)
TEN_THOUSAND = ", ".join(["*a"] * 10_000)
LAUGHS = {
    "lists of aliases": chain(f"[{NINE}]", 10, "[lol]"),
    "mappings of aliases": chain("{" + ", ".join(f"k{n}: @" for n in range(9)) + "}", 10),
    "merges": chain(f"{{<<: [{NINE}]}}", 12),
    "merges of a mapping with keys": chain(f"{{<<: [{NINE}]}}", 12, "{k: v}"),
    "a long list, often": f"a: &a [{'x, ' * 10_000}]\nb: [{TEN_THOUSAND}]\n",
    "a long merge, often": f"a: &a {{<<: [{'{}, ' * 10_000}]}}\nb: [{TEN_THOUSAND}]\n",
}


@pytest.mark.sample(2)
@pytest.mark.parametrize("text", LAUGHS.values(), ids=LAUGHS)
def test_a_billion_laughs_are_refused(text: str) -> None:
    assert "its aliases expand to more than a million values, which is the limit" in parsed(text)


@pytest.mark.sample(1)
def test_aliases_nest_as_deep_as_values() -> None:
    assert levels_of(Document.parse(chain("[@]", 199)).data["a198"]) == 199  # and the document around it
    for count in (200, 1500, 20_000):
        assert "its aliases nest deeper than 200 levels, which is the limit" in parsed(chain("[@]", count))


def test_merges_nest() -> None:
    assert Document.parse(chain("{<<: @}", 150, "{k: v}")).data["a149"] == {"k": "v"}


@pytest.mark.parametrize("count", [600, *(pytest.param(count, marks=pytest.mark.thorough) for count in (1300, 20_000))])
def test_merges_do_not_nest_without_end(count: int) -> None:
    assert parsed(chain("{<<: @}", count)).startswith("ParseError: f:")


def test_a_long_text_that_is_used_often_is_there_once() -> None:
    text = f"a: &a {'x' * MEGABYTE}\nb: [{TEN_THOUSAND}]\n"
    assert outcome(lambda: Document.parse(text).data, 128) == "done"


# --- edits -------------------------------------------------------------------------------------------------------


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.sample(2)
@pytest.mark.parametrize("text", ["a: 1\n", '{"a": 1}'])
def test_no_edit_makes_what_would_not_be_read(text: str) -> None:
    document = Document.parse(text)
    assert levels_of(document.set(("a",), deep(199)).data) == 200
    for value in (deep(200), deep(100_000)):
        with pytest.raises(EditRefused, match="200"):
            document.set(("a",), value)
    with pytest.raises(EditRefused):
        document.set(("b",) * 201, "x")


@pytest.mark.sample(1)
@pytest.mark.parametrize("text", ["a: 1\n", '{"a": 1}'])
@pytest.mark.parametrize("both_parsers", ["c", pytest.param("pure", marks=pytest.mark.thorough)], indirect=True)
def test_no_edit_makes_a_text_that_is_too_large_to_be_read(text: str) -> None:
    with pytest.raises(EditRefused):
        Document.parse(text).set(("a",), "x" * LARGEST)


@pytest.mark.parametrize("limit", [1_000, pytest.param(20_000, marks=pytest.mark.thorough)])
def test_aliases_have_a_limit(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    assert source.MAX_ALIASES == 20_000
    monkeypatch.setattr("tarmak_iam.document.yaml_reader.MAX_ALIASES", limit)
    assert parsed("a: &a 1\nl: [" + "*a, " * limit + "]\n") == "done"
    expected = f"ParseError: f:2:{limit * 4 + 5}: the document has more than {limit:,} aliases, which is the limit"
    assert parsed("a: &a 1\nl: [" + "*a, " * (limit + 1) + "]\n") == expected


@pytest.mark.parametrize("letter", ["y", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_an_edit_that_makes_a_text_too_large_is_refused(monkeypatch: pytest.MonkeyPatch, letter: str) -> None:
    for module in ("source", "blocks"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.MAX_BYTES", 100_000)
    text = "a: 1\nb: " + letter * ((100_000 - 100) // len(letter.encode())) + "\n"
    assert len(Document.parse(text).set(("a",), 1234567).to_bytes()) == len(text.encode()) + 6
    with pytest.raises(EditRefused, match="more than the limit of 100,000"):
        Document.parse(text).set(("a",), letter * 100)


def test_lists_and_mappings_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("yaml_reader", "blocks"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.MAX_COLLECTIONS", 10_000)
    blocks = "l:\n" + "- a: 1\n" * 9_998
    assert parsed(blocks) == "done"
    expected = "ParseError: f:10000:3: the document has more than 10,000 lists and mappings, which is the limit"
    assert parsed(f"{blocks}- a: 1\n") == expected


@pytest.mark.thorough
@pytest.mark.parametrize("both_parsers", ["c"], indirect=True)  # the other one takes half a minute
def test_so_many_lists_and_mappings_are_read() -> None:
    assert source.MAX_COLLECTIONS == 200_000
    assert parsed("l:\n" + "- a: 1\n" * 199_998, 512) == "done"


@pytest.mark.parametrize("limit", [5_000, pytest.param(50_000, marks=pytest.mark.thorough)])
def test_lists_and_mappings_in_brackets_have_a_limit(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    assert source.MAX_FLOW == 50_000
    for module in ("yaml_reader", "blocks"):
        monkeypatch.setattr(f"tarmak_iam.document.{module}.MAX_FLOW", limit)
    assert parsed("l: [" + "[], " * (limit - 1) + "]\n") == "done"
    what = f"the document has more than {limit:,} lists and mappings in brackets, which is the limit"
    assert parsed("l: [" + "[], " * limit + "]\n") == f"ParseError: f:1:{limit * 4 + 1}: {what}"
