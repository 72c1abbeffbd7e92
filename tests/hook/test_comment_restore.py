"""What tarmak changed is put into the old text, and nothing else: on recordings, in words, and on random files."""

from __future__ import annotations

import copy
import difflib
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.tarmak_output import differences, tarmak_output
from tarmak_iam.document import Document
from tarmak_iam.hook.tarmak.backup import Difference, Restored, restore
from tests.support.fake_tarmak import (
    REWRITES,
    TIME,
    add,
    destroy_environment,
    dumped,
    new_cluster,
    new_environment,
    new_provider,
    rewrite_of,
    set_current,
    stamped,
    text_of,
)
from tests.support.tables import parametrized

Command = Callable[[Any], Any]

COMMANDS: dict[str, Command] = {
    "set-current": lambda data: set_current(data, "prod-hub"),
    "clusters init": lambda data: set_current(add(data, "clusters", new_cluster("new", "red")), "new-red"),
    "environments init": lambda data: add(
        add(data, "providers", new_provider("more")), "environments", new_environment("new", "more")
    ),
    "providers init": lambda data: add(data, "providers", new_provider("more")),
    "environments destroy dev": lambda data: destroy_environment(data, "dev"),
    "environments destroy prod": lambda data: destroy_environment(data, "prod"),
}


SMALL = (Path(__file__).parent / "cases" / "comment_restore_small.yaml").read_text()


def after(before: str | bytes, command: Command) -> bytes:
    return dumped(command(rewrite_of(before)))


def restored(before: str, command: Command) -> Restored:
    found = restore(before.encode(), after(before, command))
    assert found.outcome == "restored", found.reason
    return found


def check_meaning(found: Restored, wanted: Any) -> None:
    """Decoded by Tarmak's rules, with defaults, and written again, it is what tarmak wrote."""
    assert not list(differences(tarmak_output(TarmakConfig.parse(found.data).data), wanted))


@pytest.mark.sample(20)
@pytest.mark.parametrize("name", REWRITES)
def test_a_rewrite_without_a_change_gives_every_byte_back(name: str) -> None:
    before = text_of(name)
    found = restore(before, dumped(stamped(REWRITES[name])))
    assert (found.outcome, found.data, found.changes) == ("restored", before, ())


@pytest.mark.sample(25)
@pytest.mark.parametrize(
    ("name", "command"),
    [
        *zip(REWRITES, itertools.cycle(COMMANDS), strict=False),
        *itertools.product(["comments-everywhere", "multi-env", "json-plain", "anchor-merge", "text-crlf"], COMMANDS),
    ],
)
def test_what_a_command_changed_comes_into_the_old_text(name: str, command: str) -> None:
    before = text_of(name)
    wanted = COMMANDS[command](rewrite_of(before))
    found = restore(before, dumped(wanted))
    assert found.outcome == "restored", found.reason
    check_meaning(found, wanted)
    old, new = (Counter(each.text for each in Document.parse(text).comments) for text in (before, found.data))
    assert old - new == Counter(found.removed_comments)
    if "destroy" not in command:
        assert not found.removed_comments


def test_other_settings() -> None:
    found = restored(SMALL, lambda data: {**data, "contact": "ops@example.com", "project": "p"})
    assert found.data.decode() == f"{SMALL}contact: ops@example.com\nproject: p\n"
    assert [str(change) for change in found.changes] == ["contact: none -> ops@example.com", "project: none -> p"]
    back = restored(found.data.decode(), lambda data: {key: data[key] for key in data if key != "contact"})
    assert back.data.decode() == f"{SMALL}project: p\n"


@pytest.mark.parametrize(
    "clusters", ["", "clusters:\n", "clusters: null   # none yet\n", "clusters: []   # none yet\n"]
)
def test_the_first_entry(clusters: str) -> None:
    text = f"apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n{clusters}"
    found = restored(text, COMMANDS["clusters init"])
    check_meaning(found, COMMANDS["clusters init"](rewrite_of(text)))
    assert ("# none yet" in found.data.decode()) == ("# none yet" in text)


@pytest.mark.parametrize("command", COMMANDS)
def test_line_ends_and_byte_order_mark(command: str) -> None:
    unix = restored(SMALL, COMMANDS[command]).data
    windows = restored("\ufeff" + SMALL.replace("\n", "\r\n"), COMMANDS[command]).data
    assert windows == b"\xef\xbb\xbf" + unix.replace(b"\n", b"\r\n")


def test_further_documents_stay() -> None:
    for rest in ("---\nclusters: []   # another\n", "--- {broken\n"):
        found = restored(SMALL + rest, COMMANDS["clusters init"])
        assert found.data == restored(SMALL, COMMANDS["clusters init"]).data + rest.encode()


def test_of_two_with_one_name_the_right_one_goes() -> None:
    entry = "- environment: {}\n  metadata: {{name: a}}   # {}\n  location: {}\n"
    head = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\nclusters:\n"
    entries = [entry.format("e", number, f"l{number}") for number in range(3)]
    for gone in range(3):

        def command(data: Any, gone: int = gone) -> Any:
            return {**data, "clusters": [each for index, each in enumerate(data["clusters"]) if index != gone]}

        found = restored(head + "".join(entries), command)
        assert found.data.decode() == head + "".join(entries[:gone] + entries[gone + 1 :])
        assert found.removed_comments == (f"# {gone}",)


@parametrized(__file__, "texts after a command")
def test_the_text_after_a_command(before: str, command: str, diff: str, changes: list[str], removed: list[str]) -> None:
    text = {"small": SMALL, "json-plain": text_of("json-plain").decode()}.get(before, before)
    found = restored(text, COMMANDS[command])
    lines = difflib.unified_diff(text.splitlines(True), found.data.decode().splitlines(True), n=0)
    assert "".join([*lines][2:]) == diff
    assert [str(change) for change in found.changes] == changes
    assert list(found.removed_comments) == removed


@pytest.mark.parametrize("path", [("providers", 0, "metadata"), ("metadata",)])
def test_a_time_that_tarmak_only_filled_in_is_not_taken_over(path: tuple[str | int, ...]) -> None:
    time = (*path, "creationTimestamp")
    for value in (None, TIME):
        found = restore(SMALL.encode(), after(SMALL, changed(time, value)))
        assert (found.outcome, found.data) == ("restored", SMALL.encode())


def test_nothing_was_written() -> None:
    for text in (SMALL.encode(), b"", b"no config"):
        found = restore(text, text, finished=False)
        assert (found.outcome, found.data) == ("unchanged", text)


GONE: Any = object()


def changed(path: tuple[str | int, ...], value: Any) -> Command:
    def change(data: Any) -> Any:
        left = copy.deepcopy(data)
        parent = left
        for step in path[:-1]:
            parent = parent[step]
        if value is GONE:
            del parent[path[-1]]
        else:
            parent[path[-1]] = value
        return left

    return change


ANCHORED = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
clusters:
- &hub
  environment: prod
  metadata: {name: hub}
  kubernetes: &tested
    version: 1.12.9   # tested
- environment: dev   # mine
  metadata: {name: cluster}
  kubernetes: *tested
- <<: *hub
  metadata: {name: blue}   # blue
"""


@pytest.mark.parametrize(
    ("before", "command", "reason"),
    [
        (
            SMALL,
            changed(("clusters", 1, "kubernetes", "version"), "other"),
            "cluster prod-hub was changed at kubernetes.version, which no tarmak command does",
        ),
        (
            SMALL,
            changed(("environments", 0, "privateZone"), "other"),
            "environment dev was changed at privateZone, which no tarmak command does",
        ),
        (SMALL, changed(("clusters", 0, "metadata", "name"), ""), "a new cluster has no name"),
        (
            SMALL,
            lambda data: {**data, "clusters": data["clusters"][::-1]},
            "cluster dev-cluster was moved, which no tarmak command does",
        ),
        (SMALL, lambda data: add(data, "providers", new_provider("aws")), "provider aws is defined twice"),
        # By a tarmak that does not know the key.
        (
            text_of("single-init-on").decode(),
            changed(("clusters", 0, "kubernetes", "apiServer", "amazon"), GONE),
            "cluster dev-cluster was changed at kubernetes.apiServer.amazon, which no tarmak command does",
        ),
        # Without the anchor, the text that tarmak left is all that there is.
        (
            ANCHORED,
            lambda data: destroy_environment(data, "prod"),
            "the alias *tested (line 11) would lose its anchor (line 7)",
        ),
        ("\ufeff" + SMALL, COMMANDS["set-current"], "the file is encoded as UTF-16-LE (line 1)"),
    ],
)
def test_what_cannot_be_restored_stays(before: str, command: Command, reason: str) -> None:
    text = before.encode("utf-16-le" if before.startswith("\ufeff") else "utf-8")
    assert restore(text, after(text, lambda data: data)).data == text
    left = after(text, command)
    for finished in (True, False):
        found = restore(text, left, finished=finished)
        assert (found.outcome, found.data, found.reason) == ("not restored", left, reason)


def test_a_text_that_tarmak_could_not_read_is_nothing_to_come_back_to() -> None:
    found = restore(b"kind: Config\n", dumped(rewrite_of(SMALL)))
    assert (found.outcome, found.data) == ("not restored", dumped(rewrite_of(SMALL)))
    assert (
        found.reason
        == "tarmak cannot read the previous text: apiVersion is missing, so Tarmak rejects the whole file (line 1)"
    )


@pytest.mark.sample(2)
@pytest.mark.parametrize("command", COMMANDS)
def test_wherever_a_text_is_cut_off_it_is_told(command: str) -> None:
    """tarmak was killed: what is left is never taken for what it meant, unless that is all there."""
    before = SMALL.replace("providers:\n", "project: p\nproviders:\n").encode()
    wanted = COMMANDS[command](rewrite_of(before))
    whole = dumped(wanted)
    lines = list(itertools.accumulate(map(len, whole.splitlines(keepends=True)), initial=0))
    ends = {place for line in lines for place in (line - 1, line, line + 1, line + 9) if place < len(whole)}
    for end in sorted(ends):
        found = restore(before, whole[:end], finished=False)
        left = whole[:end].decode()[-80:]
        assert found.outcome == "broken" or (found.outcome == "restored" and not found.changes), left
        assert found.data == before
    check_meaning(restore(before, whole, finished=False), wanted)


PLAIN = dumped(stamped(tarmak_output(TarmakConfig.parse(SMALL).data)))
"""A file without comments, as tarmak writes it."""


@parametrized(__file__, "edits of a file without comments")
def test_what_somebody_edits_in_a_file_without_comments_stays_where_tarmak_is_interrupted(
    old: str, new: str, outcome: str, reason: str
) -> None:
    edited = PLAIN.decode().replace(old, new, 1)
    assert edited != PLAIN.decode()
    for text in (edited, edited.removesuffix("\n")) if outcome == "not restored" else (edited,):
        found = restore(PLAIN, text.encode(), finished=False)
        assert found.outcome == outcome
        assert Document.parse(found.data).data == Document.parse(text).data
        assert found.data == text.encode() or outcome == "restored"
        assert found.reason == reason


def test_an_edit_in_an_order_of_somebodys_own_is_no_piece() -> None:
    """Without its last provider it would be one, had tarmak written it."""
    before = "".join(line for line in SMALL.splitlines(keepends=True) if not line.startswith("#")).replace(
        "   #", "  #"
    )
    before = "\n".join(line.partition("  #")[0] for line in before.splitlines()) + "\n"
    found = restore(before.encode(), before.partition("providers:")[0].encode(), finished=False)
    assert (found.outcome, [str(change) for change in found.changes]) == ("restored", ["provider aws removed"])
    cut = restore(PLAIN, PLAIN.partition(b"providers:")[0], finished=False)
    assert (cut.outcome, cut.data, cut.reason) == ("broken", PLAIN, "its end is missing")


def test_a_piece_is_one_only_without_comments_and_where_tarmak_did_not_end_well() -> None:
    piece = PLAIN.partition(b"providers:")[0]
    whole = restore(PLAIN, piece)
    assert (whole.outcome, [str(change) for change in whole.changes]) == ("restored", ["provider aws removed"])
    edited = restore(PLAIN, piece + b"# by hand\n", finished=False)
    assert (edited.outcome, edited.data) == ("not restored", piece + b"# by hand\n")
    assert edited.reason == "the file has comments, which tarmak does not write"


def test_a_text_that_means_something_else_is_not_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever went wrong with the edits."""
    monkeypatch.setattr(Difference, "made", lambda self: (self.old.config.document, ()))
    changed = after(SMALL, COMMANDS["set-current"])
    found = restore(SMALL.encode(), changed)
    assert (found.outcome, found.data) == ("not restored", changed)
    assert found.reason == "the text with these changes would have another meaning"


@pytest.mark.parametrize("finished", [True, False])
def test_a_key_that_tarmak_does_not_know_and_somebody_adds_is_kept(finished: bool) -> None:
    """Beside one that was there, and that tarmak has dropped."""
    data = rewrite_of(SMALL)
    data["clusters"][1]["x-team"] = {"name": "ops"}
    data["clusters"][0]["kubernetes"]["typo"] = 1
    found = restore(SMALL.encode(), dumped(set_current({**data, "z-note": "ours"}, "prod-hub")), finished=finished)
    assert found.outcome == "restored", found.reason
    assert [str(change) for change in found.changes] == [
        "currentCluster: dev-cluster -> prod-hub",
        "kept clusters[0].kubernetes.typo, which another process added",
        "kept clusters[1].x-team, which another process added",
        "kept z-note, which another process added",
    ]
    expected = SMALL.replace("'dev-cluster'", "'prod-hub'").replace(
        "  x-owner: me\n", "  x-owner: me\n  kubernetes:\n    typo: 1\n"
    )
    expected = expected.replace("# never\n", "# never\n  x-team:\n    name: ops\n")
    assert found.data.decode() == f"{expected}z-note: ours\n"


def test_a_key_that_only_tarmak_dropped_is_no_change() -> None:
    data = rewrite_of(SMALL)
    data["clusters"][0]["x-owner"] = "me"
    assert restore(SMALL.encode(), dumped(data)).changes == ()
    data["clusters"][0]["x-owner"] = "you"
    assert restore(SMALL.encode(), dumped(data)).data.decode() == SMALL.replace("x-owner: me", "x-owner: you")


def test_what_is_restored_already_is_restored() -> None:
    """By another run, which had the same text."""
    for command in COMMANDS.values():
        once = restored(SMALL, command)
        again = restore(SMALL.encode(), once.data)
        assert (again.outcome, again.data, again.changes) == ("restored", once.data, once.changes)


@pytest.mark.parametrize("indent", ["", "  "])
@pytest.mark.parametrize("rest", ["", "\n", "\ncontact: ops\n"])
def test_a_comment_at_the_margin_stays_after_the_last_cluster(indent: str, rest: str) -> None:
    head = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-a\nclusters:\n"
    last = f"{indent}- environment: dev\n{indent}  metadata: {{name: a}}\n# a is the payments team's\n"
    found = restored(head + last + rest, lambda data: add(data, "clusters", new_cluster("dev", "b")))
    text = found.data.decode()
    assert text.startswith(f"{head}{last}{indent}- amazon:\n")
    assert text.endswith(rest)
    assert found.removed_comments == ()
