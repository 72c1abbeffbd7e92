"""Random files in random dress, and a random command: comments of what stays are there, and the meaning is right."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import differences, tarmak_output
from tarmak_iam.document import Document
from tarmak_iam.hook.tarmak.backup import restore
from tests.support.fake_tarmak import (
    add,
    destroy_environment,
    dumped,
    new_cluster,
    new_environment,
    new_provider,
    rewrite_of,
    set_current,
)
from tests.support.thorough import examples

ENVIRONMENTS = ("dev", "prod", "test")
CLUSTERS = ("cluster", "hub", "blue")


@dataclass
class Writer:
    """Writes YAML as people do. Every comment ends with its owner: `# 7 of dev-hub`."""

    random: Random
    lines: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def chance(self) -> bool:
        return self.random.randrange(4) == 0

    def shuffled(self, items: Iterable[Any]) -> list[Any]:
        found = list(items)
        return self.random.sample(found, len(found))

    def comment(self, owner: str) -> str:
        return f"# {next(self.numbers)} of {owner}"

    def line(self, text: str, owner: str) -> None:
        blanks = " " * self.random.randint(1, 3)
        self.lines.append(f"{text}{blanks}{self.comment(owner)}" if self.chance() else text)

    def space(self, indent: int, owner: str) -> None:
        if self.chance():
            self.lines.append("")
        while self.chance():
            self.lines.append(" " * indent + self.comment(owner))

    def text(self, value: str) -> str:
        quote = self.random.choice(["", "'", '"'])
        return f"{quote}{value}{quote}"

    def entry(self, owner: str, indent: int, members: Iterable[tuple[str, Any]]) -> None:
        self.space(indent, owner)
        lead = " " * indent + "- "
        for key, value in self.shuffled(members):
            self.member(lead, key, value, owner)
            lead = " " * (indent + 2)
            if self.chance():
                self.space(indent + 2, owner)

    def member(self, lead: str, key: str, value: Any, owner: str) -> None:
        if not isinstance(value, dict):
            self.line(f"{lead}{key}: {value}", owner)
        elif self.chance() or not value:
            inner = ", ".join(f"{name}: {each}" for name, each in value.items() if not isinstance(each, dict))
            rest = [(name, each) for name, each in value.items() if isinstance(each, dict)]
            assert not rest or not inner
            self.line(f"{lead}{key}: {{{inner}}}" if not rest else f"{lead}{key}:", owner)
            for name, each in rest:
                self.member(" " * (len(lead) + 2), name, each, owner)
        else:
            self.line(f"{lead}{key}:", owner)
            for name, each in self.shuffled(value.items()):
                self.member(" " * (len(lead) + 2), name, each, owner)

    def section(self, key: str, entries: Iterable[tuple[str, list[tuple[str, Any]]]]) -> None:
        self.line(f"{key}:", "file")
        indent = self.random.choice([0, 2])
        for owner, members in entries:
            self.entry(owner, indent, members)


def file_of(random: Random) -> str:
    writer = Writer(random)
    chosen = random.sample(ENVIRONMENTS, random.randint(1, 3))
    pairs = list(itertools.product(chosen, CLUSTERS))
    pairs = random.sample(pairs, random.randint(1, min(4, len(pairs))))
    sections = ["head", "currentCluster", "clusters", "environments", "providers", "x-note"]
    for section in writer.shuffled(sections):
        writer.space(0, "file")
        if section == "head":
            writer.line(f"apiVersion: {writer.text('api.tarmak.io/v1alpha1')}", "file")
            writer.line(f"kind: {writer.text('Config')}", "file")
        elif section == "currentCluster":
            writer.line(f"currentCluster: {writer.text('-'.join(pairs[0]))}", "file")
        elif section == "x-note":
            writer.line("x-note: [for, us]", "file")
        elif section == "clusters":
            writer.section(section, ((f"{env}-{name}", cluster(writer, env, name)) for env, name in pairs))
        elif section == "environments":
            writer.section(section, ((env, environment(writer, env)) for env in chosen))
        else:
            writer.section(section, [("aws", [("metadata", {"name": "aws"}), ("amazon", {"profile": "p"})])])
    writer.space(0, "file")
    return "\n".join(writer.lines) + random.choice(["\n", ""])


def cluster(writer: Writer, environment: str, name: str) -> list[tuple[str, Any]]:
    members: list[tuple[str, Any]] = [
        ("environment", writer.text(environment)),
        ("metadata", {"name": writer.text(name)}),
        ("x-owner", "me"),
        ("loggingSinks", "[]"),
        ("kubernetes", {"dashboard": {"enabled": "false"}}),
    ]
    return members[:2] + [each for each in members[2:] if writer.chance()]


def environment(writer: Writer, name: str) -> list[tuple[str, Any]]:
    members: list[tuple[str, Any]] = [
        ("metadata", {"name": writer.text(name)}),
        ("provider", "aws"),
        ("contact", "''"),
        ("adminCIDRs", "[]"),
    ]
    return members[:2] + [each for each in members[2:] if writer.chance()]


def command_of(random: Random, data: Any) -> Any:
    name, env = random.choice(["set-current", "destroy", "add"]), random.choice(ENVIRONMENTS)
    if name == "set-current":
        return set_current(data, f"{env}-blue")
    if name == "destroy":
        return destroy_environment(data, env)
    entries = {
        "clusters": new_cluster(env, "red"),
        "environments": new_environment("new"),
        "providers": new_provider("more"),
    }
    for kind in random.sample(sorted(entries), random.randint(0, 3)):
        data = add(data, kind, entries[kind])
    return data


@settings(max_examples=examples(200))
@given(st.integers(0, 2**32))
def test_comments_of_what_stays_stay(seed: int) -> None:
    random = Random(seed)
    before = file_of(random).replace("\n", random.choice(["\n", "\r\n"])).encode()
    wanted = command_of(random, rewrite_of(before))
    found = restore(before, dumped(wanted))
    assert found.outcome == "restored", found.reason
    assert not list(differences(tarmak_output(TarmakConfig.parse(found.data).data), wanted))
    old, new = (Document.parse(each).comments for each in (before, found.data))
    gone = {comment.text for comment in old} - {comment.text for comment in new}
    assert gone <= set(found.removed_comments)
    removed = {change.before for change in found.changes if change.after is None}
    assert {comment.partition(" of ")[2] for comment in gone} <= removed
    if not found.changes:
        assert found.data == before
