"""Carries out what the remedy of a finding says, to the letter: one result for each thing that the sentence offers.

What the words decide by themselves (`remove it`, `write X`, `did you mean X?`, a command) is done here, on the place of
the finding. Where the sentence leaves a choice to the person, tests/lint/remedy_choices.py says what a person does.
"""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tarmak_iam.cli.main import main
from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.findings import At
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.mappings import MAPPINGS_NAME, Mappings
from tarmak_iam.installation import Installation
from tarmak_iam.lint import Located, Report, Subjects, examine
from tarmak_iam.routes import Route
from tarmak_iam.settings import SETTINGS_NAME, parse_settings
from tests.lint.mapped import CONFIG
from tests.lint.remedy_choices import CHOICES, Files

__all__ = [
    "CONFIG_NAME",
    "Files",
    "NotLiteral",
    "applied",
    "findings",
    "grants",
    "ignored",
    "inspected",
    "offers",
    "repaired",
    "ways",
]

CONFIG_NAME = "tarmak.yaml"
ROLE, USERNAME, GROUP = "arn:aws:iam::111122223333:role/Admin", "admin", "system:masters"
"""Whom a person maps where a command has ARN, NAME and GROUP."""

Grants = Mapping[str, tuple[str, frozenset[str]]]


class NotLiteral(AssertionError):
    """A remedy that nobody can follow word for word."""


def subjects_of(files: Files) -> Subjects:
    """What `check` looks at, for the cluster of currentCluster."""
    config = TarmakConfig.parse(files.get(CONFIG_NAME, CONFIG), CONFIG_NAME)
    mappings = Mappings.parse(files[MAPPINGS_NAME], MAPPINGS_NAME) if MAPPINGS_NAME in files else None
    settings, text = None, None
    if SETTINGS_NAME in files:
        settings, text = parse_settings(files[SETTINGS_NAME], SETTINGS_NAME)
    try:
        cluster = config.current_cluster
    except LookupError:
        return Subjects(config)
    return Subjects(config, mappings, Installation.of(config, cluster, mappings, settings), text)


def inspected(files: Files) -> Report:
    return examine(subjects_of(files))


def findings(files: Files) -> list[Located]:
    return list(inspected(files).findings)


def grants(files: Files) -> Grants:
    """Principal to username and groups, as the daemon of the settings has them; nothing where it would not start."""
    installation = subjects_of(files).installation
    if installation is None or installation.mappings is None:
        return {}
    return granted(installation.loaded)


def granted(loaded: Authenticator) -> Grants:
    return {
        f"{each.kind} {each.principal}".lower(): (each.username, frozenset(each.groups or ())) for each in loaded.grants
    }


@dataclass(frozen=True)
class _Place:
    """Where a finding is, and how it is changed."""

    files: Files
    located: Located

    @property
    def name(self) -> str:
        return str(self.located.finding.subject)

    @property
    def route(self) -> Route:
        return self.located.finding.route

    @property
    def at_key(self) -> bool:
        return self.located.finding.at is At.KEY

    @property
    def document(self) -> Document:
        return Document.parse(self.files[self.name], self.name)

    def with_text(self, text: str, name: str = "") -> Files:
        return {**self.files, name or self.name: text}

    def with_document(self, document: Document) -> Files:
        return self.with_text(document.text)

    def spliced(self, start: int, end: int, new: str) -> Files:
        text = self.document.text
        return self.with_text(text[:start] + new + text[end:])

    def with_value(self, new: str) -> Files:
        """The value's own text replaced; behind a key without one it is added."""
        document = self.document
        node = document.node(self.route)
        if node is None:
            raise NotLiteral(f"there is nothing at {self.route} to write {new} for")
        if isinstance(node, Scalar) and node.start == node.end:
            entry = document.entry(self.route)
            assert entry is not None
            return self.spliced(entry.key.end + 1, entry.key.end + 1, f" {new}")
        return self.spliced(node.start, node.end, new)

    def with_key(self, new: str) -> Files:
        entry = self.document.entry(self.route)
        assert entry is not None, f"{self.route} has no key"
        return self.spliced(entry.key.start, entry.key.end, new)

    def moved_to(self, target: str) -> Files:
        """The key with its value below another, from the root or from the one that it is in now."""
        document, path = self.document, self.route.plain
        node = document.node(self.route)
        assert node is not None
        value = Document.parse(document.text).data
        for step in path:
            value = value[step]
        steps = target.split(".")
        base = path[:-1] if str(path[0]) != steps[0] and document.node((steps[0],)) is None and len(path) > 1 else ()
        return self.with_document(document.remove(self.route).set((*base, *steps), value))

    def without(self, route: Route | None = None) -> Files:
        """The entry, the item or the next document gone."""
        finding = self.located.finding
        if route is None and finding.at is At.NEXT_DOCUMENT:
            lines = self.files[self.name].splitlines(keepends=True)
            return self.with_text("".join(lines[: (self.located.place.line or 1) - 1]))
        if route is None and finding.place is not None:
            return self.with_text(without_comment(self.files[self.name], finding.place.line or 1))
        return self.with_document(self.document.remove(self.route if route is None else route))

    def named(self, words: str) -> Route:
        """The key that the words name: from the root, or one beside or within what the finding is about."""
        steps = tuple(words.split("."))
        bases = [self.route.plain[:count] for count in range(len(self.route), -1, -1)]
        candidates = [(*base, *steps) for base in bases]
        found = next((each for each in candidates if self.document.node(each) is not None), None)
        if found is None:
            raise NotLiteral(f"the remedy names {words}, which is nowhere near {self.route}")
        return Route.of(found)


def without_comment(text: str, line: int) -> str:
    """The comment of a line gone, with its line where nothing else is on it."""
    lines = text.splitlines(keepends=True)
    lines[line - 1] = re.sub(r"[ \t]*#[^\n]*", "", lines[line - 1])
    if not lines[line - 1].strip():
        del lines[line - 1]
    return "".join(lines)


def _values(words: str) -> list[str]:
    """`5 or 60`, `etcd or kubernetes`, `A, B or C`."""
    return re.split(r", or |, | or ", words)


def _any_of(place: _Place, words: str) -> list[Files]:
    return [place.with_value(each) for each in _values(words)]


def _comment(place: _Place) -> str:
    """The comment that the finding is about."""
    line, column = place.located.place.line, place.located.place.column
    assert line is not None
    assert column is not None
    return place.files[place.name].splitlines()[line - 1][column - 1 :]


def _other_comment(place: _Place, words: str) -> list[Files]:
    return [place.with_text(place.files[place.name].replace(_comment(place), words))]


def _without_id(place: _Place, name: str) -> list[Files]:
    comment = _comment(place)
    ids = comment[comment.index("[") + 1 : comment.index("]")].split(",")
    left = ", ".join(each.strip() for each in ids if each.strip() != name)
    return _other_comment(place, re.sub(r"\[.*?\]", f"[{left}]", comment))


def _moved_comment(place: _Place, line: str) -> list[Files]:
    number = int(line)
    lines = place.files[place.name].splitlines(keepends=True)
    indentation = re.match(r"[ ]*", lines[number - 1])
    lines.insert(number - 1, f"{indentation.group() if indentation else ''}{_comment(place)}\n")
    own = place.located.place.line or 1
    return [place.with_text(without_comment("".join(lines), own if own < number else own + 1))]


def _suggested(place: _Place, words: str) -> list[Files]:
    comment = re.match("there is no rule ([^,]+)", place.located.finding.message)
    if comment is not None:
        return _other_comment(place, _comment(place).replace(comment[1], words))
    template = re.search(r"\{\{.*?\}\}", place.located.finding.message)
    if template is not None:
        return [place.with_value(_source(place).replace(template.group(), words))]
    if not place.at_key:
        return [place.with_value(words)]
    last = str(place.route.plain[-1])
    return [place.moved_to(words) if "." in words and words != last else place.with_key(words)]


def _quoted_text(place: _Place, words: str) -> list[Files]:
    return [place.with_value(words)]


def _listed(place: _Place, words: str) -> list[Files]:
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


def _pair(place: _Place, key: str, value: str) -> list[Files]:
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


def _scalar(place: _Place) -> str:
    node = place.document.node(place.route)
    assert isinstance(node, Scalar)
    return node.text


def _source(place: _Place) -> str:
    """The value as it is written."""
    document = place.document
    node = document.node(place.route)
    assert node is not None
    return document.text[node.start : node.end]


def _added(place: _Place, words: str) -> list[Files]:
    """An item at the end of the list that the finding is about, which is not there yet where there is none."""
    return [place.with_document(place.document.append(place.route, Document.parse(f"v: {words}").data["v"]))]


def _commented_out(place: _Place) -> list[Files]:
    """The lines of the key, which have nothing else on them."""
    document = place.document
    entry = document.entry(place.route)
    assert entry is not None
    first, last = (document.source.position(each)[0] for each in (entry.key.start, max(entry.key.end, entry.value.end)))
    lines = document.text.splitlines(keepends=True)
    for number in range(first - 1, last):
        lines[number] = re.sub(r"^(\s*)", r"\1# ", lines[number])
    return [place.with_text("".join(lines))]


def _as_blocks(place: _Place) -> list[Files]:
    """Without the sign of a literal text."""
    document = place.document
    node = document.node(place.route)
    assert node is not None
    return [place.spliced(node.start, node.start + 1, "")]


def ignored(files: Files, located: Located, why: str = "it was looked into") -> Files:
    """A comment right above the line of the finding."""
    place = _Place({CONFIG_NAME: CONFIG, **files}, located)
    lines = place.files[place.name].splitlines(keepends=True)
    number = (located.place.line or 1) - 1
    indentation = re.match(r"[ ]*", lines[number])
    lines.insert(
        number, f"{indentation.group() if indentation else ''}# tarmak-iam: ignore[{located.finding.id}] {why}\n"
    )
    return place.with_text("".join(lines))


def _run(place: _Place, command: str) -> list[Files]:
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
    (r"did you mean (\S+)\?", _suggested),
    (r"remove the comment", lambda place: [place.without()]),
    (r"remove (\S+) from the brackets", _without_id),
    (r"move it right above line (\d+)", _moved_comment),
    (r"write (?:the reason after the brackets: )?(# tarmak-iam: .+)", _other_comment),
    (r"(?:.*: )?(tarmak-iam (?:map|settings) .+)", _run),
    (r"write a list: (\[.*\])", _listed),
    (r"write each as an item of its own: (\[.*\])", _listed),
    (r'write (?:.* )?("[^"]*")', _quoted_text),
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
    (r"name them (\S+)", lambda place, words: [place.with_key(words)]),
    (r"leave the zero out", lambda place: [place.with_value(_scalar(place).lstrip("0"))]),
    (r"put it in quotes", lambda place: [place.with_value(f'"{_scalar(place)}"')]),
    (r"make it a comment(?:: .*)?", _commented_out),
    (r"remove the \| behind the key, so that the entries are a list", _as_blocks),
    (r"remove (?:it|the key|this item)(?:: .*)?", lambda place: [place.without()]),
    (rf"(?:remove|unset) (?:the )?({_NAME})(?:: .*)?", lambda place, words: [place.without(place.named(words))]),
    (r".*, and then ignore this", lambda place: [ignored(place.files, place.located)]),
)

_VERBS = "remove|leave|take|choose|write|add|set|rename|give|put|name|make|map|use|keep|begin|let|pin|move|copy"
_OR = re.compile(rf",? or (?=(?:{_VERBS})\b)")


def offers(remedy: str) -> list[str]:
    """What the sentence offers, one clause each."""
    return _OR.split(remedy)


def ways(files: Files, located: Located) -> list[Files]:
    """The files after each thing that the remedy offers. Raises NotLiteral for a sentence that nobody can follow."""
    finding = located.finding
    for choice in CHOICES.get(finding.id, ()):
        if choice.says in finding.remedy:
            return [each({CONFIG_NAME: CONFIG, **files}) for each in choice.does]
    place = _Place({CONFIG_NAME: CONFIG, **files}, located)
    return [made for clause in offers(finding.remedy) for made in _carried_out(place, clause)]


def _carried_out(place: _Place, clause: str) -> Iterator[Files]:
    for pattern, act in _CLAUSES:
        match = re.fullmatch(pattern, clause)
        if match is not None:
            yield from act(place, *match.groups())
            return
    raise NotLiteral(f"{place.located.finding.id}: {clause!r} is not something that a person can do word for word")


def applied(files: Files, located: Located) -> Files:
    """The files after the first thing that the remedy offers."""
    return ways(files, located)[0]


def repaired(files: Files, rule_id: str, way: int = 0, most: int = 20) -> Files:
    """The files after the same thing was done for each finding of the rule, the first one first, while it changes
    something."""
    for _ in range(most):
        found = next((each for each in findings(files) if each.finding.id == rule_id), None)
        if found is None:
            return files
        possible = ways(files, found)
        before, files = files, possible[min(way, len(possible) - 1)]
        if {CONFIG_NAME: CONFIG, **before} == files:
            break
    return files
