"""Carries out what the remedies about keys, entries and lists of a mappings file say, word for word, on its text."""

from __future__ import annotations

import re
from collections.abc import Callable

from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Entry
from tarmak_iam.document.plain_values import value_at
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


def _dashes(text: _Text, match: re.Match[str]) -> None:
    """Right before the key, where only blanks are."""
    for name, number in re.findall(r"'(\w+)' in line (\d+)", match[0]):
        before, key, rest = text.lines[int(number) - 1].partition(name)
        assert not before.strip()
        text.lines[int(number) - 1] = f"{before[:-2]}- {key}{rest}"


def _blank(text: _Text, match: re.Match[str]) -> None:
    line = text.lines[int(match["line"]) - 1]
    text.lines[int(match["line"]) - 1] = line.replace("-", " ", 1)


def _move_keys(text: _Text, match: re.Match[str]) -> None:
    """To the mapping that is named."""
    own, document = text.route.parent.plain, text.document
    names, to = re.findall(r"'(\w+)'", match["names"]), match["to"] or match["out"]
    home: tuple[str | int, ...] = () if to == "the top level" else (to,)
    if to == "sso":
        home = own[:-1] if match["out"] else (*own, "sso")
    if match["line"]:
        items = [(*name, index) for name in _LISTS for index in range(len(value_at(document.data, name) or ()))]
        home = next(each for each in items if document.position(each).line == int(match["line"]))
    for name in names:
        document = document.move((*own, name), (*home, name))
    text.lines = document.text.split("\n")


_LISTS = (("server", "mapRoles"), ("server", "mapUsers"))


def _new_entry(text: _Text, match: re.Match[str]) -> None:
    own, document = text.route.parent.plain, text.document
    names = re.findall(r"'(\w+)'", match["names"])
    entry = {name: value_at(document.data, (*own, name)) for name in names}
    for name in names:
        document = document.remove((*own, name))
    text.lines = document.append(("server", match["list"]), entry).text.split("\n")


def _up_one_level(text: _Text, _: re.Match[str]) -> None:
    own, document = text.route.plain, text.document
    for name in value_at(document.data, own):
        document = document.move((*own, name), (*own[:-1], name))
    text.lines = document.remove(own).text.split("\n")


def _names_to_groups(text: _Text, match: re.Match[str]) -> None:
    *own, first = text.route.plain
    assert isinstance(first, int)
    names = re.findall(r"'(\w+)'", match["names"])
    document = text.document.set((*own, first - 1, "groups"), names)
    for _ in names:
        document = document.remove((*own, first))
    text.lines = document.text.split("\n")


def _as_list(text: _Text, match: re.Match[str]) -> None:
    own = text.route.parent.plain
    items = value_at(text.document.data, own).items()
    entries = [{**({match["kind"]: key} if key.startswith("arn:") else {}), **entry} for key, entry in items]
    text.lines = text.document.set(own, entries).text.split("\n")


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


def _flow(text: _Text, match: re.Match[str]) -> None:
    column = text.document.source.line_start(text.entry.key.start)
    comma = text.text.rindex(",", column, text.entry.key.start)
    text.lines = (text.text[:comma] + match["what"] + text.text[comma + 1 :]).split("\n")


_WAYS: tuple[tuple[str, Callable[[_Text, re.Match[str]], None]], ...] = (
    (r"write a dash before '.*", _dashes),
    (r"replace the dash before '\w+' in line (?P<line>\d+) with a space", _blank),
    (
        (
            r"move (?P<names>'.*?') (?:to (?P<to>server|sso|the top level|the entry in line (?P<line>\d+))"
            r"|out of (?P<out>sso), into its entry)"
        ),
        _move_keys,
    ),
    (r"move (?P<names>'.*?') to groups in line \d+", _names_to_groups),
    (r"make (?P<names>'.*?') an entry of (?P<list>\w+), with a dash before the first key", _new_entry),
    (r"move the keys below '\w+' up one level, and remove '\w+'", _up_one_level),
    (r"write a list of mappings, each with (?P<kind>\w+), username and groups", _as_list),
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
    (r"write a list: (?P<what>.*)", _value),
    (r"put it in quotes: (?P<what>.*)", _value),
    (r"write '(?P<what>\}, \{)' instead of the comma before '\w+'", _flow),
    (r"remove (?:this one|it\b.*|the server's .*)|\w+ is already set: remove this key", _remove),
    (r"remove line (?P<line>\d+) \('---'\): .*", _remove_line),
    (r"remove the (?P<header>[|>][-+0-9]*) after the key, .*", _unquoted),
    (r"move the entry to (?P<name>\w+)", _other_list),
)


def applied(text: str, located: Located) -> str:
    """The file as somebody has it who did what the finding's remedy says."""
    remedy = located.finding.remedy
    while rename := re.search(r", and rename '(\w+)' to (\w+)$", remedy):
        remedy = remedy[: rename.start()].replace(f"'{rename[1]}'", f"'{rename[2]}'")
        text = text.replace(f"{rename[1]}:", f"{rename[2]}:")
    for pattern, way in _WAYS:
        match = re.fullmatch(pattern, remedy)
        if match is not None:
            made = _Text(text, located)
            way(made, match)
            return made.whole()
    raise AssertionError(f"nobody can do this word for word: {remedy}")
