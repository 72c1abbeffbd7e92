"""Carries out what the remedies about keys, entries and lists of a mappings file say, word for word, on its text."""

from __future__ import annotations

import re
from collections.abc import Callable

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry
from tarmak_iam.document.splices import code_end
from tarmak_iam.findings import At
from tarmak_iam.lint import Located
from tarmak_iam.routes import Route

__all__ = ["applied"]


class _Text:
    """The lines of a mappings file; numbers count from 1, as messages do."""

    def __init__(self, text: str, located: Located) -> None:
        self.text = text
        self.located = located
        self.document = Document.parse(text, json=False)
        self.lines = text.split("\n")

    @property
    def route(self) -> Route:
        return self.located.finding.route

    @property
    def entry(self) -> Entry:
        entry = self.document.entry(self.route)
        assert entry is not None
        return entry

    def whole(self) -> str:
        return "\n".join(self.lines)

    def block(self, entry: Entry) -> range:
        """The lines of a key and its value."""
        last = max(code_end(self.document.source, entry.value) - 1, entry.key.start)
        first, end = (self.document.source.position(each)[0] for each in (entry.key.start, last))
        return range(first - 1, max(first, end))

    def entry_in(self, line: int, name: str) -> Entry:
        """The key of that name in a line."""
        return next(
            each for each in _entries(self.document) if each.text == name and self.block(each).start == line - 1
        )


def _entries(document: Document) -> list[Entry]:
    from tarmak_iam.document.nodes import Mapping, walk

    assert document.root is not None
    return [entry for node in walk(document.root) if isinstance(node, Mapping) for entry in node.entries]


def _begin(text: _Text, match: re.Match[str]) -> None:
    """The line's own begin up to its first colon, with the dash that it may have, is replaced."""
    for number, begins in re.findall(r"line (\d+) with '([^']*)'", match[0]):
        line = text.lines[int(number) - 1]
        text.lines[int(number) - 1] = begins + line[line.index(":") + 1 :]
    rest = re.search(r"indent lines? (\d+)(?: to (\d+))? by (\d+) spaces", match[0])
    if rest:
        _shift(text, rest[1], rest[2], int(rest[3]))


def _shift(text: _Text, first: str, last: str | None, spaces: int) -> None:
    for number in range(int(first) - 1, int(last or first)):
        line = text.lines[number]
        text.lines[number] = " " * spaces + line if spaces > 0 else line[-spaces:]
        assert spaces > 0 or not line[:-spaces].strip()


def _indent(text: _Text, match: re.Match[str]) -> None:
    _shift(text, match["first"], match["last"], int(match["spaces"]) * (-1 if match["less"] else 1))
    if match["above"]:
        text.lines.insert(int(match["above"]) - 1, "server:")
    if match["emptied"]:
        text.lines[int(match["emptied"]) - 1] = "server:"
    if match["gone"]:
        del text.lines[int(match["gone"]) - 1]


def _rename(text: _Text, match: re.Match[str]) -> None:
    key = text.entry.key
    text.lines = (text.text[: key.start] + match["name"] + text.text[key.end :]).split("\n")


def _move(text: _Text, match: re.Match[str]) -> None:
    """Items keep their own layout; their dashes come under those that are there."""
    own, target = text.block(text.entry), text.block(text.entry_in(int(match["line"]), match["name"]))
    items, there = text.lines[own.start + 1 : own.stop], text.lines[target.start + 1 : target.stop]
    shift = len(there[0]) - len(there[0].lstrip()) - (len(items[0]) - len(items[0].lstrip()))
    moved = [" " * shift + item if shift > 0 else item[-shift:] for item in items]
    kept = [line for number, line in enumerate(text.lines) if number not in own]
    end = target.stop if target.stop <= own.start else target.stop - len(own)
    text.lines = [*kept[:end], *moved, *kept[end:]]


def _write_there(text: _Text, match: re.Match[str]) -> None:
    line = int(match["line"]) - 1
    text.lines[line] = re.sub(r"(?i)groups:.*", match["what"].replace("\\", r"\\"), text.lines[line])
    own = text.block(text.entry)
    text.lines = [each for number, each in enumerate(text.lines) if number not in own]


def _write_line(text: _Text, match: re.Match[str]) -> None:
    for number, what in re.findall(r"line (\d+) to '([^']*)'", match[0]):
        text.lines[int(number) - 1] = what


def _write_sso(text: _Text, match: re.Match[str]) -> None:
    names = re.findall(r"'(\w+)'", match["names"])
    start = text.block(text.entry).start
    first = text.lines[start]
    text.lines[start] = first[: first.index(names[0])] + match["what"]
    del text.lines[start + 1 : start + len(names)]


def _remove(text: _Text, _: re.Match[str]) -> None:
    if text.located.finding.at is At.NEXT_DOCUMENT:
        del text.lines[(text.located.place.line or 1) - 1 :]
        return
    route, entry = text.route, text.document.entry(text.route)
    if entry is None or text.located.finding.id == "IAM011":
        text.lines = text.document.remove(route.parent if entry else route).text.split("\n")
        return
    own = text.block(entry)
    text.lines = [each for number, each in enumerate(text.lines) if number not in own]


def _remove_line(text: _Text, match: re.Match[str]) -> None:
    del text.lines[int(match["line"]) - 1]


def _unquoted(text: _Text, match: re.Match[str]) -> None:
    line = (text.located.place.line or 1) - 1
    text.lines[line] = text.lines[line].replace(match["header"], "").rstrip()


def _value(text: _Text, match: re.Match[str]) -> None:
    node = text.document.node(text.route)
    assert node is not None
    new = match["what"] + ("\n" if text.text[node.end - 1] == "\n" else "")
    text.lines = (text.text[: node.start] + new + text.text[node.end :]).split("\n")


def _other_list(text: _Text, match: re.Match[str]) -> None:
    item = text.route.parent
    value = text.document.data
    for step in item.plain:
        value = value[step]
    text.lines = text.document.remove(item).append(("server", match["name"]), value).text.split("\n")


def _move_line(text: _Text, match: re.Match[str]) -> None:
    line = text.lines.pop(int(match["line"]) - 1)
    text.lines.insert(int(match["above"]) - 1, line.lstrip())


def _flow(text: _Text, match: re.Match[str]) -> None:
    column = text.document.source.line_start(text.entry.key.start)
    comma = text.text.rindex(",", column, text.entry.key.start)
    text.lines = (text.text[:comma] + match["what"] + text.text[comma + 1 :]).split("\n")


_LINES = r"lines? (?P<first>\d+)(?: to (?P<last>\d+))?"
_WAYS: tuple[tuple[str, Callable[[_Text, re.Match[str]], None]], ...] = (
    (r"begin line \d+ with .*", _begin),
    (
        (
            rf"(?:add the line 'server:' above line (?P<above>\d+), and |remove line (?P<gone>\d+) \(.*?\), and "
            rf"|move .* out of sso: |change line (?P<emptied>\d+) to 'server:', and )?"
            rf"indent {_LINES} by (?P<spaces>\d+) spaces(?P<less> less)?(?:: probably .*)?"
        ),
        _indent,
    ),
    (r"did you mean (?P<name>\S+)\?", _rename),
    (r"prefix its name with x-: (?P<name>\S+)", _rename),
    (
        (
            r"move (?:its entries|its content|the items below it) to the end of '?(?P<name>\w+)'? "
            r"in line (?P<line>\d+), and remove .*"
        ),
        _move,
    ),
    (r"write (?P<what>groups: .*) in line (?P<line>\d+), and remove .*", _write_there),
    (r"change line \d+ to '.*'", _write_line),
    (r"replace (?P<names>'.*') with (?P<what>sso: .*)", _write_sso),
    (r"write a list: (?P<what>.*)", _value),
    (r"put it in quotes: (?P<what>.*)", _value),
    (r"write '(?P<what>\}, \{)' instead of the comma before '\w+'", _flow),
    (r"remove (?:this one|it\b.*|the server's .*)|\w+ is already set: remove this key", _remove),
    (r"remove line (?P<line>\d+) \('---'\): .*", _remove_line),
    (r"remove the (?P<header>[|>][-+0-9]*) after the key, .*", _unquoted),
    (r"move the entry to (?P<name>\w+)", _other_list),
    (r"move line (?P<line>\d+) above line (?P<above>\d+), without the spaces before '\w+'", _move_line),
)


def applied(text: str, located: Located) -> str:
    """The file as somebody has it who did what the finding's remedy says."""
    remedy = located.finding.remedy
    while rename := re.search(r", and rename '(\w+)' to (\w+)$", remedy):
        remedy = remedy[: rename.start()]
        text = text.replace(f"{rename[1]}:", f"{rename[2]}:")
    for pattern, way in _WAYS:
        match = re.fullmatch(pattern, remedy)
        if match is not None:
            made = _Text(text, located)
            way(made, match)
            return made.whole()
    raise AssertionError(f"nobody can do this word for word: {remedy}")
