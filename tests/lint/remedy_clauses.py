"""What a person does who reads one clause of a remedy: `write X`, `did you mean X?`, `remove it`, a command."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tempfile
from collections.abc import Callable
from pathlib import Path

from tarmak_iam.cli.main import main
from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tarmak_iam.routes import Route
from tests.lint.files import CONFIG_NAME, Files
from tests.lint.mapped import CONFIG
from tests.lint.remedy_place import NotLiteral, Place, lines_of, without_comment

__all__ = ["carried_out", "ignored_above", "offers"]

ROLE, USERNAME, GROUP = "arn:aws:iam::111122223333:role/Admin", "admin", "system:masters"
"""Whom a person maps where a command has ARN, NAME and GROUP."""


def _values(words: str) -> list[str]:
    """`5 or 60`, `etcd or kubernetes`, `A, B or C`."""
    return re.split(r", or |, | or ", words)


def _any_of(place: Place, words: str) -> list[Files]:
    return [place.with_value(each) for each in _values(words)]


def _comment(place: Place) -> str:
    """The comment that the finding is about."""
    line, column = place.located.place.line, place.located.place.column
    assert line is not None
    assert column is not None
    return lines_of(place)[line - 1].rstrip("\r\n")[column - 1 :]


def _other_comment(place: Place, words: str) -> list[Files]:
    return [place.with_text(place.files[place.name].replace(_comment(place), words))]


def _without_id(place: Place, name: str) -> list[Files]:
    comment = _comment(place)
    ids = comment[comment.index("[") + 1 : comment.index("]")].split(",")
    left = ", ".join(each.strip() for each in ids if each.strip() != name)
    return _other_comment(place, re.sub(r"\[.*?\]", f"[{left}]", comment))


def _moved_comment(place: Place, line: str) -> list[Files]:
    number, lines = int(line), lines_of(place)
    indentation = re.match(r"[ ]*", lines[number - 1])
    lines.insert(number - 1, f"{indentation.group() if indentation else ''}{_comment(place)}\n")
    own = place.located.place.line or 1
    return [place.with_text(without_comment("".join(lines), own if own < number else own + 1))]


def _suggested(place: Place, words: str) -> list[Files]:
    comment = re.match("unknown rule ([^,]+)", place.located.finding.message)
    if comment is not None:
        return _other_comment(place, _comment(place).replace(comment[1], words))
    template = re.search(r"\{\{.*?\}\}", place.located.finding.message)
    if template is not None:
        return [place.with_value(_source(place).replace(template.group(), words))]
    if not place.at_key:
        return [place.with_value(words)]
    last = str(place.route.plain[-1])
    return [place.moved_to(words) if "." in words and words != last else place.with_key(words)]


def _suggested_ones(place: Place, words: str) -> list[Files]:
    return [made for each in _values(words) for made in _suggested(place, each)]


def _with_comment(place: Place, comment: str) -> list[Files]:
    return [_above_line(place, comment)]


def _moved_to_server(place: Place, name: str) -> list[Files]:
    return [place.with_document(place.document.move(place.route, ("server", name)))]


def _moved_to_groups(place: Place, names: str) -> list[Files]:
    """Names that are items of the list of entries become the groups of the entry above them."""
    *entries, first = place.route.plain
    items = re.findall(r"'([^']+)'", names)
    document = place.document.set((*entries, int(first) - 1, "groups"), items)
    for _ in items:
        document = document.remove((*entries, first))
    return [place.with_document(document)]


def _with_dash(place: Place, name: str, number: str) -> list[Files]:
    lines = lines_of(place)
    before, key, rest = lines[int(number) - 1].partition(name)
    lines[int(number) - 1] = f"{before[:-2]}- {key}{rest}"
    return [place.with_text("".join(lines))]


def _without_dash(place: Place, number: str) -> list[Files]:
    lines = lines_of(place)
    lines[int(number) - 1] = lines[int(number) - 1].replace("-", " ", 1)
    return [place.with_text("".join(lines))]


def _without_entry(place: Place) -> list[Files]:
    """The whole item of a list that the finding is in."""
    steps = place.route.plain
    depth = next(number for number, step in enumerate(steps, 1) if isinstance(step, int))
    return [place.without(Route.of(steps[:depth]))]


def _quoted_text(place: Place, words: str) -> list[Files]:
    return [place.with_value(words)]


def _listed(place: Place, words: str) -> list[Files]:
    """One item, or the value, as the list that the words show."""
    items = Document.parse(words).data
    document, step = place.document, place.route.plain[-1]
    if not isinstance(step, int):
        return [place.with_value(words)]
    *parents, index = place.route.plain
    document = document.remove(place.route)
    for number, item in enumerate(items):
        document = document.insert((*parents, int(index) + number), item)
    return [place.with_document(document)]


def _pair(place: Place, key: str, value: str) -> list[Files]:
    """`clusterID: dev-cluster`, at the place itself or beside it."""
    if place.route.plain and place.route.plain[-1] == key:
        return [place.with_value(value)]
    steps = tuple(key.split("."))
    whole = Document.parse(f"v: {value}").data["v"]
    base = next(
        (
            place.route.plain[:count]
            for count in range(len(place.route), -1, -1)
            if place.document.node((*place.route.plain[:count], steps[0])) is not None
        ),
        place.route.plain,
    )
    return [place.with_document(place.document.set((*base, *steps), whole))]


def _scalar(place: Place) -> str:
    node = place.document.node(place.route)
    assert isinstance(node, Scalar)
    return node.text


def _source(place: Place) -> str:
    """The value as it is written."""
    document = place.document
    node = document.node(place.route)
    assert node is not None
    return document.text[node.start : node.end]


def _added(place: Place, words: str) -> list[Files]:
    """An item at the end of the list that the finding is about, which is not there yet where there is none."""
    return [place.with_document(place.document.append(place.route, Document.parse(f"v: {words}").data["v"]))]


def _commented_out(place: Place) -> list[Files]:
    """The lines of the key, which have nothing else on them."""
    document = place.document
    entry = document.entry(place.route)
    assert entry is not None
    first, last = (document.source.position(each)[0] for each in (entry.key.start, max(entry.key.end, entry.value.end)))
    lines = document.text.splitlines(keepends=True)
    for number in range(first - 1, last):
        lines[number] = re.sub(r"^(\s*)", r"\1# ", lines[number])
    return [place.with_text("".join(lines))]


def _as_blocks(place: Place) -> list[Files]:
    """Without the sign of a literal text."""
    document = place.document
    node = document.node(place.route)
    assert node is not None
    return [place.spliced(node.start, node.start + 1, "")]


def ignored_above(place: Place) -> Files:
    return _above_line(place, f"# tarmak-iam: ignore[{place.located.finding.id}] it was looked into")


def _above_line(place: Place, comment: str) -> Files:
    """The comment in a line of its own, indented as the line of the finding is."""
    lines, number = lines_of(place), (place.located.place.line or 1) - 1
    indentation = len(lines[number]) - len(lines[number].lstrip(" "))
    lines.insert(number, f"{' ' * indentation}{comment}\n")
    return place.with_text("".join(lines))


def _run(place: Place, command: str) -> list[Files]:
    """A command of ours on the files, as a person types it who fills in ARN and NAME."""
    placeholders = {"ARN": ROLE, "NAME": USERNAME, "GROUP": GROUP}
    words = [placeholders.get(word, word) for word in shlex.split(command)]
    if not re.match(r"tarmak-iam (?:map|settings)\b", command):
        raise NotLiteral(f"{command} changes no file of the cluster")
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        config = TarmakConfig.parse(place.files.get(CONFIG_NAME, CONFIG), CONFIG_NAME)
        cluster = home / config.current_cluster.cluster_name
        cluster.mkdir()
        home.joinpath(CONFIG_NAME).write_text(config.document.text, encoding="utf-8")
        for each in (MAPPINGS_NAME, SETTINGS_NAME):
            if each in place.files:
                cluster.joinpath(each).write_text(place.files[each], encoding="utf-8")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main(["-c", name, *words[1:]])
        if code:
            raise NotLiteral(f"{shlex.join(words)} fails: {printed.getvalue()}")
        made = {each: cluster / each for each in (MAPPINGS_NAME, SETTINGS_NAME)}
        changed = {each: path.read_text(encoding="utf-8") for each, path in made.items() if path.exists()}
        if CONFIG_NAME in place.files:
            changed[CONFIG_NAME] = home.joinpath(CONFIG_NAME).read_text(encoding="utf-8")
        return [changed]


_NAME = r"[\w.-]+"
_Act = Callable[..., list[Files]]

_CLAUSES: tuple[tuple[str, _Act], ...] = (
    (r"did you mean ((?:\S+, )*\S+ or \S+|\S+)\?", _suggested_ones),
    (r"suppress this with a comment: (# tarmak-iam: .+)", _with_comment),
    (r"move '(\w+)' to server", _moved_to_server),
    (r"move ('[^']+'(?:, '[^']+')*) to groups in line \d+", _moved_to_groups),
    (r"write a dash before '(\w+)' in line (\d+)", _with_dash),
    (r"replace the dash before '\w+' in line (\d+) with a space", _without_dash),
    (r"remove the entry(?:: .*)?", _without_entry),
    (r"remove the comment", lambda place: [place.without()]),
    (r"remove (\S+) from the brackets", _without_id),
    (r"move it right above line (\d+)", _moved_comment),
    (r"write (?:the reason after the brackets: )?(# tarmak-iam: .+)", _other_comment),
    (r"(?:.*: )?(tarmak-iam (?:map|settings) .+)", _run),
    (r"write a list: (\[.*\])", _listed),
    (r"write each group as a separate item: (\[.*\])", _listed),
    (r'(?:add a fixed prefix: )?write (?:.* )?("[^"]*")', _quoted_text),
    (r'put all twelve digits in quotes: probably ("\d+")', _quoted_text),
    (r"map (\S+) instead(?: .*)?", _quoted_text),
    (r"map the role itself: (\S+)", _quoted_text),
    (rf"(?:write|set) ({_NAME}): (\S+)", _pair),
    (rf"add (?:it, as in )?({_NAME}): (.+)", _pair),
    (r"add (\{.*\})", _added),
    (r"list at least one address, as in (\S+)", _added),
    (r"write .*(?:as in|such as) ([^\s,]+)", _quoted_text),
    (r"write ([^\s,\"]+)", _quoted_text),
    (r"write ((?:[\w.-]+, )*[\w.-]+ or [\w.-]+)", _any_of),
    (r"rename them to (\S+)", lambda place, words: [place.with_key(words)]),
    (r"remove the leading zero", lambda place: [place.with_value(_scalar(place).lstrip("0"))]),
    (r'put it in quotes: ("[^"]*")', _quoted_text),
    (r"put it in quotes", lambda place: [place.with_value(f'"{_scalar(place)}"')]),
    (r"make it a comment(?:: .*)?", _commented_out),
    (r"remove the \| after the key, so that the entries are a list", _as_blocks),
    (r"remove (?:it|the key|this item)(?:: .*)?", lambda place: [place.without()]),
    (rf"(?:remove|unset) (?:the )?({_NAME})(?:: .*)?", lambda place, words: [place.without(place.named(words))]),
    (r".* and then (?:ignore this|suppress this finding)", lambda place: [ignored_above(place)]),
)

_VERBS = (
    "remove|leave|take|choose|write|add|set|rename|give|put|name|make|map|use|keep|begin|let|pin|move|copy|bind|push|"
    "suppress|unset"
)
_OR = re.compile(rf",? or (?=(?:{_VERBS})\b)|(?<=\?) (?:if|If) [^,?]+, ")


def offers(remedy: str) -> list[str]:
    """What the sentence offers, one clause each."""
    return _OR.split(remedy)


def carried_out(place: Place, clause: str) -> list[Files]:
    """Raises NotLiteral for a clause that nobody can follow."""
    for pattern, act in _CLAUSES:
        match = re.fullmatch(pattern, clause)
        if match is not None:
            return act(place, *match.groups())
    raise NotLiteral(f"{place.located.finding.id}: {clause!r} is not something that a person can do word for word")
