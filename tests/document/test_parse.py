"""What a document means, where its parts are, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Mapping
from tarmak_iam.document.scalars import YAML_V3
from tarmak_iam.errors import EditRefused, ParseError, TarmakIamError
from tarmak_iam.routes import Key

pytestmark = pytest.mark.usefixtures("both_parsers")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# nothing\n", None),
        ("a: 1\na: 2\n", {"a": 2}),
        ("a: &x {b: 1}\nc: *x\n", {"a": {"b": 1}, "c": {"b": 1}}),
        ("k: &k {a: 1, b: 1}\nm:\n  a: 2\n  <<: *k\n", {"k": {"a": 1, "b": 1}, "m": {"a": 1, "b": 1}}),
        ("k: &k {a: 1}\nm:\n  <<: *k\n  a: 2\n", {"k": {"a": 1}, "m": {"a": 2}}),
        ("p: &p {a: 1}\nq: &q {a: 2}\nr: {<<: [*p, *q]}\n", {"p": {"a": 1}, "q": {"a": 2}, "r": {"a": 1}}),
        ("- &a 1\n- &a 2\n- *a\n", [1, 2, 2]),
        ("a:\tb\t# tab\n", {"a": "b"}),
        ("a: 'x:\ty'\n", {"a": "x:\ty"}),
        ("a:   # empty\nb:\n", {"a": None, "b": None}),
        ("a: x\rb: z\r", {"a": "x", "b": "z"}),
        ("1: a\n", {1: "a"}),
        ("a: b\x85c: d\n", {"a": "b", "c": "d"}),
        ('a: "b\u2028c"\n', {"a": "b\u2028c"}),
    ],
)
def test_meaning(text: str, data: Any) -> None:
    document = Document.parse(text)
    assert document.data == data
    assert document.to_bytes() == text.encode()


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a: [1\nb: 2\n", 2, 2, "invalid YAML"),
        ("a: *b\n", 1, 4, "unknown anchor 'b' referenced"),
        ("a: &b [*b]\n", 1, 8, "contains itself"),
        ("a:\n\tb: 1\n", 2, 1, "not tabs"),
        ("a: b: c\n", 1, 5, "invalid YAML"),
        ("a: {{SessionName}}\n", 1, 5, "invalid map key"),
        ("a: x\x01\n", 1, 5, "characters are not allowed"),
        ("<<: 1\n", 1, 5, "map merge requires"),
        ("a: !!int x\n", 1, 4, "cannot decode `x` as a !!int"),
        (b"a: \xfc\n", 1, 4, "0xfc is not valid UTF-8"),
    ],
)
def test_ill_formed_text_raises_with_its_place(text: str | bytes, line: int, column: int, words: str) -> None:
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f.yaml")
    assert words in str(caught.value)
    place = caught.value.place
    assert place is not None
    assert (place.filename, place.line) == ("f.yaml", line)
    assert place.column == column


def test_str_of_an_error_begins_with_its_place() -> None:
    with pytest.raises(TarmakIamError, match=r"^f\.yaml:1:4: unknown anchor"):
        Document.parse("a: *b\n", "f.yaml")


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_stays(mark: bytes) -> None:
    document = Document.parse(mark + b"a: 1\n")
    assert document.set(("a",), 2).to_bytes() == mark + b"a: 2\n"
    assert document.position(("a",)).column == 4


def test_utf16_comes_back_identical() -> None:
    data = "\ufeffa: é\n".encode("utf-16-le")
    document = Document.parse(data)
    assert document.data == {"a": "é"}
    assert document.to_bytes() == data


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("# c\n\ufeffa: 1\n", {"\ufeffa": 1}),
        ("---\n\ufeffa: 1\n", {"\ufeffa": 1}),
        ("\ufeff# c\n\ufeffa: 1\n", {"\ufeffa": 1}),
        ("a: 1\n\ufeffb: 2\n", {"a": 1, "\ufeffb": 2}),
        ("a:\n\ufeff  b: 1\n", {"a": None, "\ufeff  b": 1}),
        ("a: 1 # \ufeff\nb: '\ufeff'\n", {"a": 1, "b": "\ufeff"}),
    ],
)
def test_a_byte_order_mark_elsewhere_is_a_letter(text: str, data: object) -> None:
    """As yaml.v2 2.2.1 reads them."""
    assert Document.parse(text).data == data


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\n\ufeff# c\nb: 2\n", "f:3:1: invalid YAML: a key has no colon"),
        ("\ufeff\ufeffa: 1\nb: 2\n", "f:1:1: invalid YAML: a second byte order mark; remove one of the two"),
    ],
)
def test_a_byte_order_mark_that_ends_the_reading(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("%YAML 1.1\na: 1\n", "f:2:1: invalid YAML: expected --- or the end of the file"),
        ("a: [1, {b: 2}", "f:1:14: invalid YAML: a bracket or brace is not closed"),
        ("a: [\n", "f:2:1: invalid YAML: a bracket or brace is not closed"),
        ("a: [,]\n", "f:1:5: invalid YAML: expected a value"),
        ("- a\nb: c\n", "f:2:1: invalid YAML: expected the next dash of the list, or the end of the list"),
        ("a: b\n- c\n", "f:2:1: invalid YAML: expected the next key of the mapping, or the end of the mapping"),
        ("a: [1}\n", "f:1:6: invalid YAML: expected a comma or the closing bracket or brace"),
        ("a: {b: 1]\n", "f:1:9: invalid YAML: expected a comma or the closing bracket or brace"),
        ("a: 1\nb\n", "f:3:1: invalid YAML: a key has no colon"),
        ("a: 'b\n", "f:2:1: invalid YAML: a quote is not closed"),
        ("a: @b\n", "f:1:4: invalid YAML: no value can begin with this character"),
    ],
)
def test_what_is_not_yaml_is_said_in_words(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f")
    assert str(caught.value).partition(";")[0] == message


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("? a\n:\tb\n", "2:2"),
        ("? a\n: \tb\n", "2:3"),
        ("? a #c\n\n# d\n:\t- b\n", "4:2"),
        ("? |\n  a\n:\tb\n", "3:2"),
        ("? a\n: b\n? c\n:\t{d: e}\n", "4:2"),
        ("? a\n:\t# c\n  x: 1\n", "2:2"),
        ("? a\n:\t\n  x: 1\n", "2:2"),
        ("-\ta\n", "1:2"),
        ("?\ta\n", "1:2"),
        ("x:\n  ? a\n  :  \t\n", "3:6"),
        ("- ? a\n  :\t&x b\n", "2:4"),
    ],
)
def test_a_tab_behind_the_colon_of_an_explicit_key(text: str, place: str) -> None:
    """yaml.v2 2.2.1: `found character that cannot start any token`."""
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f")
    assert str(caught.value) == (
        f"f:{place}: invalid YAML: no value can begin with this character; use a space, not a tab"
    )


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("? a\n: b\t# c\n", {"a": "b"}),
        (" ? a\n:\t", {"a": None}),
        (" ? a\n:\t# c\n", {"a": None}),
        (" ? a\n:\t# c\n---\n", {"a": None}),
        ("'a' :\tb\n", {"a": "b"}),
        ("[a :\tb]\n", [{"a": "b"}]),
        ("{a: b, ?\tc : d}\n", {"a": "b", "c": "d"}),
        ("&a:\tb\n", {None: "b"}),
        ("%YAML 1.1\n\t\n---\n", None),
        ("{? a\n:\tb}\n", {"a": "b"}),
        ("a:\tb\n", {"a": "b"}),
        ("? a\n: b:\tc\n", {"a": {"b": "c"}}),
    ],
)
def test_tabs_that_go_yaml_accepts(text: str, data: object) -> None:
    assert Document.parse(text).data == data


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: &b[c]\n", "1:4"),
        ("&\u00e9 a\n", "1:1"),
        ("a: &b\nc: *b{\n", "2:4"),
        ("'q'\t*x>\n", "1:5"),
        (">\n*x|\n", "2:1"),
        ("- &\n", "1:3"),
    ],
)
def test_a_name_of_an_anchor_that_go_yaml_rejects(text: str, place: str) -> None:
    """yaml.v2 2.2.1 reads one token after the root, so it also rejects an alias there."""
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f")
    assert str(caught.value) == (
        f"f:{place}: invalid YAML: did not find expected alphabetic or numeric character; "
        "use only letters, digits, - and _ in anchor names"
    )


_NO_MERGE = "map merge requires map or sequence of maps as the value"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "x: &a {k: v}\nt: {<<: *a}\nz: &a 5\n",
            f"f:2:9: {_NO_MERGE}; line 3 defines &a again: rename one of the anchors",
        ),
        (
            "x: &a {k: v}\nt: {<<: [*a]}\nz: {y: &a {}, b: &a null}\n",
            f"f:2:10: {_NO_MERGE}; line 3 defines &a again: rename one of the anchors",
        ),
        ("x: &a text\nt: {<<: *a}\nz: &a {l: w}\n", f"f:2:9: {_NO_MERGE}"),
        ("x: &a text\nt: {<<: *a}\n", f"f:2:9: {_NO_MERGE}"),
        ("x: &a\nt: {<<: *a}\n", f"f:2:9: {_NO_MERGE}"),
        ("t: {<<: ~}\n", f"f:1:9: {_NO_MERGE}"),
        ("t: {<<: [{}, ~]}\n", f"f:1:14: {_NO_MERGE}"),
    ],
)
def test_the_last_anchor_of_a_name_decides_whether_it_may_be_merged(text: str, message: str) -> None:
    """yaml.v2 2.2.1, decode.go, merge."""
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f")
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("text", "merged"),
    [
        ("x: &a\nt: {<<: *a}\nz: &a {l: w}\n", {}),
        ("x: &a ~\nt: {q: 1, <<: *a, r: 2}\nz: &a {l: w}\n", {"r": 2}),
        ("x: &a\nt: {<<: [{m: o}, *a], p: q}\nz: &a {l: w}\n", {"m": "o", "p": "q"}),
        ("x: &a\nt: {<<: [*a, {m: o}], p: q}\nz: &a {l: w}\n", {"p": "q"}),
        ("x: &a {k: v}\nt: {<<: *a}\nz: &a {l: w}\n", {"k": "v"}),
        ("x: &a {k: v}\nt: {<<: *a}\n---\nz: &a [1]\n", {"k": "v"}),
        ("x: &a\nt: {1: q, <<: *a, true: r}\nz: &a {}\n", {True: "r"}),
        ("x: &a {}\nt: {1: q, <<: *a, true: r}\n", {1: "q", "true": "r"}),
    ],
)
def test_what_is_merged_is_what_the_alias_stands_for(text: str, merged: object) -> None:
    assert Document.parse(text).data["t"] == merged


def test_what_is_null_is_not_merged_by_later_releases() -> None:
    document = Document.parse("x: &a\nt: {<<: *a}\nz: &a {}\n", "f")
    with pytest.raises(ParseError, match=rf"^f:2:9: {_NO_MERGE}$"):
        document.read_as(YAML_V3)


def test_documents_of_a_stream() -> None:
    text = "# one\na: 1\n---\n# two\nb: 2\n...\n# three\n---\n[\n"
    assert Document.parse(text, index=0).data == {"a": 1}
    second = Document.parse(text, index=1)
    assert second.data == {"b": 2}
    assert second.set(("b",), 3).to_bytes().decode() == text.replace("b: 2", "b: 3")
    with pytest.raises(ParseError):
        Document.parse(text, index=2)
    with pytest.raises(ParseError, match=r"document 5 not found: the file has 1 document\(s\)"):
        Document.parse("a: 1\n", index=5)


def test_strict_json_is_read_as_such() -> None:
    document = Document.parse('{"a": {"b": 1}, "a": {"c": "\\ud800"}, "t": "x\\/y"}')
    assert document.is_json
    assert document.data == {"a": {"b": 1, "c": "\ufffd"}, "t": "x/y"}
    assert not Document.parse("{a: 1}").is_json


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"a" 1}', "1:6"),
        ('{"a": yes}', "1:7"),
        ('{"a": 1,}', "1:9"),
        ('{"a": 1} {', "1:10"),
        ("{'a': 1}", "1:2"),
        ('{"a": 01}', "1:8"),
    ],
)
def test_what_is_no_json(text: str, place: str) -> None:
    with pytest.raises(ParseError, match=f"^f:{place}: invalid JSON"):
        Document.parse(text, "f", json=True)


def test_positions_of_nodes_keys_and_what_is_missing() -> None:
    document = Document.parse("a:\n- b: 1\n  c:   # none\n- x\n", "f.yaml")
    assert str(document.position(("a", 0, "b"))) == "f.yaml:2:6"
    assert str(document.position(("a", 0, "b"), at_key=True)) == "f.yaml:2:3"
    assert str(document.position(("a", 0, "c"))) == "f.yaml:3:5"
    assert str(document.position(("a", 1))) == "f.yaml:4:3"
    assert str(document.position(("a", 0, "nothing", "there"))) == "f.yaml:2:3"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\n", None),
        ("---\na: 1\n...\n# the end\n---\n", None),
        ("a: 1\n--- # nothing\n...\n", None),
        ("a: 1\n---\nb: 2\n", "f:2:1"),
        ("a: 1\r---\rb: 2\r", "f:2:1"),
        ("a: |\n  ---\n---\n---\nb", "f:3:1"),
        ("--- # one\na: 1\n--- {b: 1}\n", "f:3:1"),
        ("a: 1\n...\n%YAML 1.1\n---\n---x: [\n", "f:4:1"),
        ("a: 1\n%YAML 1.1\n---\nb: 1\n", "f:3:1"),
    ],
)
def test_where_the_next_document_begins(text: str, place: str | None) -> None:
    document = Document.parse(text, "f")
    assert (document.next_document and str(document.next_document)) == place
    assert not document.ends_early


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("  a: 1\nb: 2\n", "f:2:1"),
        ("  a: 1\n# not yet\n\n b: 2\n", "f:4:2"),
        ("  a: 1\r\nb: 2\r\n", "f:2:1"),
        (" - a\n- b\n", "f:2:1"),
        ("'a'\nb: 2\n", "f:2:1"),
        ("{a: 1} b\n", "f:1:8"),
        ("{a: 1} # c\n}\n", "f:2:1"),
        ("--- {a: 1}\nb: 2\n", "f:2:1"),
        ("  a: 1\n---x: 2\n", "f:2:1"),
    ],
)
def test_what_follows_without_a_marker(text: str, place: str) -> None:
    """Measured with go-yaml: yaml.v2 and yaml.v3 give what is before, and no error."""
    document = Document.parse(text, "f", json=False)
    assert str(document.next_document) == place
    assert document.ends_early


def test_comments_with_hashes_that_are_none() -> None:
    text = "a: 'x # y'  # one\nb: x#y\nc: |  # two\n  # text\n# three\nd: [1, # four\n 2]\n"
    found = [(comment.text, comment.own_line) for comment in Document.parse(text).comments]
    assert found == [("# one", False), ("# two", False), ("# three", True), ("# four", False)]


def test_data_is_a_fresh_copy() -> None:
    document = Document.parse("a: {b: 1}\n")
    document.data["a"]["b"] = 2
    assert document.data == {"a": {"b": 1}}


def test_keys_that_are_one_key_to_python_only() -> None:
    document = Document.parse("yes: a\n1: b\n")
    assert document.data == {True: "a", "1": "b"}
    assert document.set(("1",), "c").set(("yes",), "b").to_bytes() == b"yes: b\n1: c\n"
    with pytest.raises(EditRefused):  # without the other one it would be the number again
        document.remove(("yes",))
    assert Document.parse("1: a\n1: b\n").data == {1: "b"}


@pytest.mark.parametrize("text", ["a: " + "1" * 5000 + "\n", '{"a": ' + "1" * 5000 + "}"])
def test_thousands_of_digits_are_no_integer(text: str) -> None:
    assert Document.parse(text).to_bytes().decode() == text


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(ParseError, match="invalid Unicode character escape"):
        Document.parse('a: "\\ud800"\n')


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ('a: "it\\\'s"\n', {"a": "it's"}),
        ("groups: [system:masters]\n", {"groups": ["system:masters"]}),
        ('a: "x\\\\/y"\n', {"a": "x\\/y"}),
        ('---\nk: ["a":b]\n', {"k": [{"a": "b"}]}),
        ("k: a\tb\n", {"k": "a\tb"}),
        ("k: |\n \n  a\n", {"k": "\na\n"}),
        ("%YAML\t01.1 # version\n---\na: 1\n", {"a": 1}),
        ("a: 1\n...\n%YAML 1.2\n---\nb: 1\n", {"a": 1}),
    ],
)
def test_what_go_yaml_takes(text: str, data: Any) -> None:
    assert Document.parse(text).data == data


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('a: "b\\/c"\n', "unknown escape character"),
        ("a: &dev.defaults 1\n", "use only letters"),
        (
            "# c\n%YAML 1.2\n---\na: 1\n",
            "^<bytes>:2:1: .*incompatible YAML document; write %YAML 1.1, or remove the line$",
        ),
        ("%YAML 1.3\n---\na: 1\n", "incompatible YAML document"),
        ("%YAML 1.0\n---\na: 1\n", "incompatible YAML document"),
        ("%YAML 2.0\n---\na: 1\n", "incompatible YAML document"),
        ('a: "\\U00110000"\n', "invalid YAML"),
        ("a: !!timestamp junk\n", "cannot decode"),
        ("---\nk: [a?b]\n", "invalid YAML"),
        ("%FOO x\n---\na: 1\n", "unknown directive"),
        ("k: |\n \tx\n", "found a tab character"),
    ],
)
def test_what_go_yaml_does_not_take(text: str, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        Document.parse(text)


def test_the_text_of_a_line() -> None:
    source = Document.parse("\ufeffa: 1\r\nb: 2\rc: 3\x85d: 4\u2028\n").source
    assert [source.line(number) for number in range(8)] == ["", "a: 1", "b: 2", "c: 3", "d: 4", "", "", ""]


@pytest.mark.parametrize(
    ("text", "below"),
    [
        ("a: |\n  x\n  \n", "  \n"),
        ("a: |\n  x\n   \n \n", " \n"),
        ("a: >-\n \n  x\n\n   \n \n", " \n"),
        ("a: |1\n  x\n  \n \n", " \n"),
        ("a: |\n  x\n   ", ""),
        ("a: |2\n  \tx\n    \n  \n", "  \n"),
        ("a: |-1\n  ", ""),
        ("a: >-1\n   \n\nb: v\n", "b: v\n"),
        ("a:\n  !t\n  |+\n  x\n\n", ""),
    ],
)
def test_where_a_block_scalar_ends(text: str, below: str) -> None:
    """A line of blanks is content if it is longer than the indentation."""
    node = Document.parse(text).node(("a",))
    assert node is not None
    assert text[node.span.end :] == below


@pytest.mark.parametrize(("text", "column"), [("[?]\n", 2), ("[a, ? ]\n", 5), ("- [? : b]\n", 4), ("[? , a]\n", 2)])
def test_a_pair_of_a_list_whose_key_is_missing(text: str, column: int) -> None:
    """yaml.v2 2.2.1 skips the next token then. In braces, or with an anchor, it reads a null key."""
    with pytest.raises(ParseError) as caught:
        Document.parse(text, "f")
    what = "invalid YAML: did not find expected ',' or ']'; write a key after the question mark"
    assert str(caught.value) == f"f:1:{column}: {what}"


def test_keys_of_pairs_that_go_yaml_reads() -> None:
    assert Document.parse("[{?}, {? : b}, ? &x : c, ? '' : d, ? e]\n").data == [
        {None: None},
        {None: "b"},
        {None: "c"},
        {"": "d"},
        {"e": None},
    ]


def test_one_of_many_equal_keys_is_looked_up() -> None:
    """The entries are visited once, not for each of the equal keys."""
    root = Document.parse("a: 1\n" * 2_000).root
    assert isinstance(root, Mapping)
    assert root.occurrence("a", 1_999) is root.entries[-1]
    index = root.occurrences
    assert index is not None
    assert root.occurrence("a", 1_000) is root.entries[1_000]
    assert root.occurrence("a", 2_000) is None
    assert root.occurrences is index


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a", "a path is a sequence of steps, as in ('a',), not a string"),
        (Key("a"), "a path is a sequence of steps, as in (Key(text='a', occurrence=-1),), not a key alone"),
        (("a", 1.5), "a step of a path must be a list index or a key, not 1.5"),
        (("a", True), "a step of a path must be a list index or a key, not True"),
    ],
)
def test_what_is_no_path(path: Any, message: str) -> None:
    document = Document.parse("a: 1\n")
    for call in (document.position, document.remove, lambda path: document.set(path, 2)):
        with pytest.raises(TypeError) as refused:
            call(path)
        assert str(refused.value) == message
