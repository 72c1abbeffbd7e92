"""What holds for every document and every edit."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from tarmak_iam.document import Document, EditRefused
from tarmak_iam.document.plain_values import assigned, same
from tarmak_iam.document.render import Layout, block_lines, flow_text, is_plain_safe, scalar_text
from tarmak_iam.document.scalars import YAML_V3
from tarmak_iam.document.yaml_reader import has_c_parser
from tests.support.thorough import examples

TRICKY = [
    "yes",
    "y",
    "0123",
    "1_000",
    "12:30",
    "2019-06-01",
    "=",
    "<<",
    "~",
    "#x",
    "a: b",
    "- a",
    "",
    " ",
    "{{SessionName}}",
]
# Keys that are the same text however they are read, so that a path can name them.
KEYS = st.sampled_from(["alpha", "beta", "gamma-1", "delta.x", "Epsilon"])
TEXTS = st.one_of(st.sampled_from(TRICKY), st.text(st.characters(codec="utf-8"), max_size=12))
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, width=32),
    TEXTS,
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)
MAPPINGS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def layout_of(**aspects: Any) -> Layout:
    layout = Layout(literal=False)
    for aspect, value in aspects.items():
        setattr(layout, aspect, value)
    return layout


LAYOUTS = st.builds(
    layout_of,
    step=st.integers(1, 6),
    dash=st.integers(0, 4),
    item=st.integers(2, 5),
    quote=st.sampled_from(["single", "double"]),
)
PATHS = st.lists(KEYS, min_size=1, max_size=4).map(tuple)


@st.composite
def commented(draw: st.DrawFn, lines: list[str]) -> list[str]:
    """The lines of a block, with comments above them, behind them and deeper below them."""
    result = []
    for line in lines:
        margin = line[: len(line) - len(line.lstrip())]
        kind = draw(st.integers(0, 9))
        above = [f"{margin}# above"] if kind == 1 else [f"{margin}    # deeper"] if kind == 2 else []
        result += [*above, f"{line}   # behind" if kind == 3 else line, *([""] if kind == 4 else [])]
    return result


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    """A mapping as a person might keep it: any layout, comments and blank lines between all its lines."""
    data, layout = draw(MAPPINGS), draw(LAYOUTS)
    lines: list[str] = []
    for key, value in data.items():
        lines += draw(st.sampled_from([[], [""], ["# about the next one"], [f"# {key}: commented out"]]))
        if draw(st.booleans()) or not isinstance(value, (dict, list)):
            lines += draw(commented(block_lines({key: value}, layout)))
        else:
            lines.append(f"{key}: {flow_text(value, layout)}  # flow")
    lines += draw(st.sampled_from([[], ["# the end"], ["", "# the end"]]))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    mark = draw(st.sampled_from([b"", b"\xef\xbb\xbf"]))
    return mark + (newline.join(lines) + draw(st.sampled_from(["", newline]))).encode("utf-8")


@pytest.fixture(params=["c", "pure"], autouse=True, scope="module")
def parser(request: pytest.FixtureRequest) -> Any:
    if request.param == "c" and not has_c_parser():
        pytest.skip("ruamel.yaml's C parser is not installed")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "pure":
            patch.setattr("tarmak_iam.document.yaml_reader.has_c_parser", lambda: False)
        yield


@given(TEXTS)
def test_a_written_string_is_that_string_to_every_reader(text: str) -> None:
    for line in (
        f"key: {scalar_text(text)}\n",
        f"key: {scalar_text(text, layout_of(quote='single'))}\n",
        f"key: [{scalar_text(text, flow=True)}]\n",
    ):
        document = Document.parse(line)
        for value in (document.data["key"], document.read_as(YAML_V3)["key"]):
            assert (value[0] if isinstance(value, list) else value) == text
        if is_plain_safe(text):
            for version in ("1.1", "1.2"):
                yaml = YAML(typ="safe", pure=True)
                yaml.version = version
                loaded = yaml.load(StringIO(line))["key"]
                assert (loaded[0] if isinstance(loaded, list) else loaded) == text


@given(VALUES, LAYOUTS)
def test_a_written_value_comes_back(value: Any, layout: Layout) -> None:
    assert same(Document.parse("\n".join(block_lines({"k": value}, layout)) + "\n").data, {"k": value})
    assert same(Document.parse(f"k: {flow_text(value, layout)}\n").data, {"k": value})


@given(documents())
def test_unedited_bytes_are_the_same(raw: bytes) -> None:
    assert Document.parse(raw).to_bytes() == raw


# An edit that was made and turned out wrong is none of these: it would be a fault of ours.
REASONS = ("is a scalar, not", "is a list, not", "no index", "the file ends in a block scalar")


def check_refusal(document: Document, refusal: EditRefused) -> None:
    """It has a good reason, what to do, and a place in the text that people have."""
    assert any(reason in refusal.what for reason in REASONS), refusal
    assert refusal.remedy
    assert refusal.place is not None
    assert 1 <= (refusal.place.line or 0) <= document.text.count("\n") + 1


@settings(max_examples=examples(200))
@given(documents(), PATHS, VALUES)
def test_set_means_what_it_says_and_twice_is_once(raw: bytes, path: tuple[str, ...], value: Any) -> None:
    document = Document.parse(raw)
    try:
        edited = document.set(path, value)
    except EditRefused as refusal:
        check_refusal(document, refusal)
        return
    assert same(Document.parse(edited.to_bytes()).data, assigned(document.data, list(path), value))
    assert edited.set(path, value) is edited
    assert edited.to_bytes()[:3] == raw[:3] or not raw.startswith(b"\xef\xbb\xbf")
    if b"\r\n" in raw:
        assert edited.to_bytes().count(b"\n") == edited.to_bytes().count(b"\r\n")


@settings(max_examples=examples(200))
@given(documents(), PATHS, SCALARS)
def test_removing_what_set_made_gives_the_bytes_back(raw: bytes, path: tuple[str, ...], value: Any) -> None:
    document = Document.parse(raw)
    present: Any = document.data
    for step in path:
        if not isinstance(present, dict) or not present:
            return  # not a mapping to begin with, so not made by set
        if step not in present:
            break
        present = present[step]
    else:
        return  # it is there already
    try:
        edited = document.set(path, value)
    except EditRefused:
        return
    assert edited.remove(path, prune=True).to_bytes() == raw


@settings(max_examples=examples(200))
@given(documents(), MAPPINGS)
def test_update_reaches_any_meaning_and_loses_no_comment(raw: bytes, data: dict[str, Any]) -> None:
    document = Document.parse(raw)
    wanted = {**document.data, **data} if len(data) % 2 else data
    try:
        edited = document.update(wanted)
    except EditRefused as refusal:
        check_refusal(document, refusal)
        return
    assert same(Document.parse(edited.to_bytes()).data, wanted)
    assert edited.update(wanted) is edited
    left = Counter(comment.text for comment in document.comments)
    assert left == Counter(comment.text for comment in [*edited.comments, *edited.removed_comments])


@settings(max_examples=examples(100))
@given(documents(), st.data(), VALUES)
def test_an_inserted_item_can_be_taken_out_again(raw: bytes, data: st.DataObject, value: Any) -> None:
    document = Document.parse(raw)
    items = [path for path in paths_of(document.data) if isinstance(path[-1], int)]
    if not items:
        return
    path = data.draw(st.sampled_from(items))
    assert document.insert(path, value).remove(path).to_bytes() == raw


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> Any:
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in items:
        yield from paths_of(child, (*path, step))
