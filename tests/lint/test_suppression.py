"""Comments that set findings aside: where they count, and what is said of those that do nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import Place
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint import Rule, Scope, Subjects, examine
from tarmak_iam.lint.check import GROUP
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tests.lint.mapped import ADMIN, CONFIG, DEV, ROLES, places, report
from tests.support import Shell, bring_plugins

ACCOUNT = "  mapAccounts: ['444455556666']"
WHY = "the sandbox account"
USER = "arn:aws:iam::111122223333:user/Ann"


def outcome(text: str) -> tuple[list[str], list[str]]:
    found = report(text)
    return [each.finding.id for each in found.findings], [each.finding.id for each in found.suppressed]


@pytest.mark.parametrize(
    "lines",
    [
        [f"{ACCOUNT}  # tarmak-iam: ignore[IAM074] {WHY}"],
        [f"  # tarmak-iam: ignore[IAM074] {WHY}", ACCOUNT],
        [f"# tarmak-iam: ignore[IAM074] {WHY}", "  # one more line", "", ACCOUNT],
        ["  # before", f"  # tarmak-iam: ignore[IAM074] {WHY}", "  # behind", ACCOUNT],
        [f"  #tarmak-iam:ignore[IAM074]: {WHY}", ACCOUNT],
        [f"  # tarmak-iam: ignore[ iam074 , ] - {WHY}", ACCOUNT],
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_it_counts_for_its_line_and_the_one_below(lines: list[str], newline: str) -> None:
    text = ROLES + "\n".join(lines) + "\n"
    if "" in lines:
        assert outcome(text.replace("\n", newline)) == (["IAM095", "IAM074"], [])  # a blank line ends it
    else:
        assert outcome(text.replace("\n", newline)) == ([], ["IAM074"])


@pytest.mark.parametrize(
    "text",
    [
        f"x-note: '# tarmak-iam: ignore[IAM074] {WHY}'\n" + ROLES + ACCOUNT + "\n",
        f"x-note: |\n  # tarmak-iam: ignore[IAM074] {WHY}\n" + ROLES + ACCOUNT + "\n",
        f"x-note: a# tarmak-iam:ignore[IAM074] {WHY}\n" + ROLES + ACCOUNT + "\n",
        ROLES + f"{ACCOUNT[:-1]}, '# tarmak-iam: ignore[IAM074] x']\n",
    ],
)
def test_a_text_that_looks_like_a_comment_suppresses_nothing(text: str) -> None:
    found, suppressed = outcome(text)
    assert "IAM074" in found
    assert "IAM095" not in found
    assert suppressed == []


def test_several_rules_in_one_comment() -> None:
    entry = (
        "  - roleARN: arn:aws:iam::111122223333:role/Dev\n    {} username: '{{{{SessionName}}}}'\n    groups: [dev]\n"
    )
    both = entry.format("# tarmak-iam: ignore[IAM070, IAM073] the trust policy fixes it\n   ")
    assert outcome(ROLES + both) == (["IAM095"], ["IAM070"])
    assert places(ROLES + both) == ["5:5 IAM095"]


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("# tarmak-iam: ignore[IAM074]", (["IAM096"], ["IAM074"])),
        ("# tarmak-iam: ignore[IAM074] -", (["IAM096"], ["IAM074"])),
        ("# tarmak-iam: ignore[IAM074, IAM073]", (["IAM095", "IAM096"], ["IAM074"])),
        ("# tarmak-iam: ignore[IAM740] why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignore[] why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignore why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignore[IAM074 why", (["IAM097", "IAM074"], [])),
        ("# tarmak-iam: ignored", (["IAM074"], [])),
        ("# see tarmak-iam: ignore[IAM074]", (["IAM074"], [])),
        ("# tarmak-iam: ignore[IAM021] why", (["IAM074"], [])),
    ],
)
def test_comments_that_say_too_little(comment: str, expected: tuple[list[str], list[str]]) -> None:
    config = CONFIG + "- environment: dev\n  metadata:\n    name: other\n"
    found = report(ROLES + f"  {comment}\n{ACCOUNT}\n", config)
    ids = [each.finding.id for each in found.findings], [each.finding.id for each in found.suppressed]
    if "IAM021" in comment:
        expected = (["IAM095", "IAM074"], [])  # of the mappings there is one file for each cluster
    assert ids == expected


UNUSED = "so the comment suppresses nothing"
REASONLESS = "4:34 the comment gives no reason why the finding is suppressed; write the reason after the brackets: "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            f"{ROLES}# tarmak-iam: ignore[IAM074] why\n",
            f"4:1 IAM074 has no finding in line 5, {UNUSED}; remove the comment",
        ),
        (
            f"{ROLES}  # tarmak-iam: ignore[IAM074] why\n{ADMIN.replace('/Admin', '/Ops')}{ACCOUNT}\n",
            f"4:3 IAM074 has no finding in line 5, {UNUSED}; remove the comment, or move it right above line 6",
        ),
        (
            f"{ROLES}{ACCOUNT}  # tarmak-iam: ignore[IAM074, IAM073] why\n",
            f"4:34 IAM073 has no finding on this line, {UNUSED}; remove IAM073 from the brackets",
        ),
        (
            f"{ROLES}{ACCOUNT}  # tarmak-iam: ignore[IAM074, IAM073]\n",
            REASONLESS + "# tarmak-iam: ignore[IAM074, IAM073] because ...",
        ),
        (
            f"{ROLES}  # tarmak-iam: ignore[IAM074] why\n  mapUsers:\n  - userARN: {USER}\n    username: ann\n",
            f"4:3 IAM074 has no finding in lines 5 to 7, {UNUSED}; remove the comment",
        ),
        (
            f"# tarmak-iam: ignore[IAM074] why\n{ROLES}",
            f"1:1 IAM074 has no finding about the file as a whole, {UNUSED}; remove the comment",
        ),
        (
            f"{ROLES}{ACCOUNT}  # tarmak-iam: ignore[IAM7O4] why\n",
            f"4:34 unknown rule IAM7O4, {UNUSED}; did you mean IAM074?",
        ),
        (
            f"{ROLES}# tarmak-iam: ignore[IAM7O4] why\n",
            f"4:1 unknown rule IAM7O4, {UNUSED}; remove the comment",
        ),
        (
            f"{ROLES}{ACCOUNT}  # tarmak-iam: ignore[IAM074, X] why\n",
            f"4:34 unknown rule X, {UNUSED}; remove X from the brackets",
        ),
        (
            f"{ROLES}{ACCOUNT}  # tarmak-iam: ignore the sandbox\n",
            "4:34 the comment names no rule, so it suppresses nothing; write # tarmak-iam: ignore[IAM074] the sandbox",
        ),
        (
            f"{ROLES}# tarmak-iam: ignore\n",
            "4:1 the comment names no rule, so it suppresses nothing; remove the comment",
        ),
    ],
)
def test_the_words_of_each(text: str, message: str) -> None:
    found = [
        f"{each.place.line}:{each.place.column} {each.finding.text}"
        for each in report(text).findings
        if each.finding.id in ("IAM095", "IAM096", "IAM097")
    ]
    assert message in found


ENTRY = f"""\
  - roleARN: {DEV}
    username: '{{{{SessionName}}}}'
    groups:
    - dev
    - ' ops'
"""
FLOW = f"{{roleARN: '{DEV}', username: a, groups: [' ops']}}"
COMMENT = "# tarmak-iam: ignore[IAM078] it was agreed"
SECOND = ENTRY.replace("/Dev", "/Other")


@pytest.mark.sample(20)
@pytest.mark.parametrize(
    ("text", "suppressed"),
    [
        # above an entry: all of it, and nothing of the next one
        (f"{ROLES}  {COMMENT}\n{ENTRY}{SECOND}", [9]),
        (f"{ROLES}{ENTRY}  {COMMENT}\n{SECOND}", [14]),
        (f"{ROLES}{COMMENT}\n{ENTRY}{SECOND}", [9]),  # wherever it is indented to
        # above a key of it: that key
        (f"{ROLES}{ENTRY.replace('    groups', f'    {COMMENT}{chr(10)}    groups')}{SECOND}", [9]),
        (f"{ROLES}{ENTRY.replace('    username', f'    {COMMENT}{chr(10)}    username')}{SECOND}", []),
        # above an item of its groups
        (f"{ROLES}{ENTRY.replace('    - dev', f'    {COMMENT}{chr(10)}    - dev')}", []),
        (f"{ROLES}{ENTRY.replace('    - dev', f'    - dev{chr(10)}    {COMMENT}')}", [9]),
        # above the list
        (f"server:\n  {COMMENT}\n  mapRoles:\n{ADMIN}{ENTRY}{SECOND}", [9, 14]),
        # behind a key that opens a block
        (f"server:\n  mapRoles: {COMMENT}\n{ADMIN}{ENTRY}{SECOND}", [8, 13]),
        (f"{ROLES}{ENTRY.replace('groups:', f'groups: {COMMENT}')}{SECOND}", [8]),
        (f"server:\n  mapRoles: &all {COMMENT}\n{ADMIN}{ENTRY}{SECOND}", [8, 13]),
        (f"{ROLES}  - &it {COMMENT}\n    {ENTRY[4:]}{SECOND}", [9]),
        # behind a dash that opens an entry
        (f"{ROLES}{ENTRY.replace('  - role', f'  - {COMMENT}{chr(10)}    role')}{SECOND}", [9]),
        # behind something else: its line only
        (f"{ROLES}{ENTRY.replace('/Dev', f'/Dev  {COMMENT}')}{SECOND}", []),
        (f"{ROLES}{ENTRY[:-1]}  {COMMENT}\n{SECOND}", [8]),
        # between a key and its list: the first item
        (f"server:\n  mapRoles:\n  {COMMENT}\n{ENTRY}{SECOND}", [8]),
        # of a key that is there twice, each has its own
        (f"server:\n  {COMMENT}\n  mapRoles:\n{ADMIN}  mapRoles:\n{ENTRY}", []),
        (f"{ROLES}  {COMMENT}\n  mapRoles:\n{ENTRY}", [10]),
        # a flow collection that begins below the comment, or on its line
        (
            f"server:\n  mapRoles:\n    {COMMENT}\n    [\n      {FLOW},\n    ]\n",
            [5],
        ),
        (f"server:\n  mapRoles: [  {COMMENT}\n    {FLOW}]\n", [3]),
        (f"server:\n  mapRoles: [\n    {FLOW},  {COMMENT}\n  ]\n", [3]),
        (f"server:\n  mapRoles: [\n    {FLOW}\n    {COMMENT}\n  ]\n", []),
        # after the last thing, or before a blank line
        (f"{ROLES}{ENTRY}  {COMMENT}\n", []),
        (f"{ROLES}  {COMMENT}\n\n{ENTRY}", []),
        # several above one entry
        (f"{ROLES}  {COMMENT}\n  # tarmak-iam: ignore[IAM070] too\n{ENTRY}", [5 + 5]),
        # everything that the daemon reads: no entry of a list
        (f"x-note: a\n{COMMENT}\nserver:\n  mapRoles:\n{ENTRY}", []),
        (f"{COMMENT}\nserver:\n  mapRoles:\n{ENTRY}", []),
        (f"{COMMENT}\nSERVER:\n  mapRoles:\n{ENTRY}", []),
        (f"server: {COMMENT}\n  mapRoles:\n{ENTRY}", []),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_what_a_comment_is_about(text: str, suppressed: list[int], newline: str) -> None:
    found = report(text.replace("\n", newline))
    lines = [each.place.line for each in found.suppressed if each.finding.id == "IAM078"]
    assert lines == suppressed
    assert ("IAM095" in {each.finding.id for each in found.findings}) == (not suppressed)


@pytest.mark.parametrize(
    ("mappings", "expected"),
    [
        # without an admin
        ("{comment}\nserver:\n  mapRoles:\n{entry}", ["IAM084"]),
        ("# The mappings of dev.\n\n{comment}\n\n# Roles\nserver:\n  mapRoles:\n{entry}", ["IAM084"]),
        ("---\n{comment}\nserver:\n  mapRoles:\n{entry}", ["IAM084"]),
        ("{comment}\n---\nserver:\n  mapRoles:\n{entry}", ["IAM084"]),
        ("--- {comment}\nserver:\n  mapRoles:\n{entry}", ["IAM084"]),
        ("x-note: a\n{comment}\nserver:\n  mapRoles:\n{entry}", ["IAM084"]),
        ("server:\n  {comment}\n  mapRoles:\n{entry}", ["IAM084"]),
        ("server: {comment}\n  mapRoles:\n{entry}", ["IAM084"]),
        ("x-note: a\n{comment}\nx-other: b\nserver:\n  mapRoles:\n{entry}", []),
    ],
)
def test_a_finding_about_the_file(mappings: str, expected: list[str]) -> None:
    entry = f"  - {{roleARN: '{DEV}', username: dev, groups: [dev]}}\n"
    found = report(mappings.format(comment="# tarmak-iam: ignore[IAM084] a binding has one", entry=entry))
    assert [each.finding.id for each in found.suppressed] == expected
    assert [each.finding.id for each in found.findings] == ([] if expected else ["IAM095", "IAM084"])


def test_an_entry_has_what_its_aliases_stand_for() -> None:
    shared = f"x-groups: &groups [' ops']\nserver:\n  mapRoles:\n{ADMIN}"
    entry = f"  - {{{{roleARN: '{DEV}', username: {{}}, groups: *groups}}}}\n"
    one, other = entry.format("a"), entry.format("b").replace("/Dev", "/Other")
    found = report(f"{shared}  {COMMENT}\n{one}")
    assert ([each.finding.id for each in found.suppressed], found.findings) == (["IAM078"], ())
    found = report(f"{shared}  {COMMENT}\n{one}{other}")
    assert [each.finding.id for each in found.findings] == ["IAM078"]  # of the other one


def test_the_nearest_comment_says_why() -> None:
    text = f"server:\n  # tarmak-iam: ignore[IAM078] all\n  mapRoles:\n  # tarmak-iam: ignore[IAM078] this\n{ENTRY}"
    assert [each.reason for each in report(text).suppressed] == ["this"]
    assert "IAM095" not in {each.finding.id for each in report(text).findings}


ON = "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: true\n"
OTHER = "- environment: dev\n  metadata:\n    name: other\n"


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ("# tarmak-iam: ignore[IAM021] mapped next week\n" + CONFIG + ON, ([], ["IAM021"])),
        (CONFIG.replace("- env", "# tarmak-iam: ignore[IAM021] mapped next week\n- env") + ON, ([], ["IAM021"])),
        # of several clusters, the top of the file is about none
        ("# tarmak-iam: ignore[IAM021] mapped next week\n" + CONFIG + ON + OTHER, (["IAM021"], [])),
        (CONFIG.replace("- env", "# tarmak-iam: ignore[IAM021] next week\n- env", 1) + ON + OTHER, ([], ["IAM021"])),
        # what is wrong within the only cluster is not about the file
        ("# tarmak-iam: ignore[IAM030] why\n" + CONFIG + "  note: x\n", (["IAM095", "IAM030"], [])),
        ("# tarmak-iam: ignore[IAM030] why\n" + CONFIG + "note: x\n", ([], ["IAM030"])),
    ],
)
def test_the_top_of_tarmak_yaml(config: str, expected: tuple[list[str], list[str]]) -> None:
    found = report("", config) if "IAM021" in config else examine(Subjects(TarmakConfig.parse(config)))
    assert ([each.finding.id for each in found.findings], [each.finding.id for each in found.suppressed]) == expected


def test_in_tarmak_yaml() -> None:
    text = CONFIG + "  note: x  # tarmak-iam: ignore[IAM030] for the auditors\n"
    found = examine(Subjects(TarmakConfig.parse(text)))
    assert (found.findings, [each.finding.id for each in found.suppressed]) == ((), ["IAM030"])


def test_one_file_does_not_speak_for_another() -> None:
    config = CONFIG + "  # tarmak-iam: ignore[IAM074] why\n  location: eu-west-1\n"
    found = report(ROLES + ACCOUNT + "\n", config)
    assert [each.finding.id for each in found.findings] == ["IAM095", "IAM074"]


def test_a_comment_about_another_cluster_is_left_alone() -> None:
    """Rules about installations see the chosen cluster only."""
    on = "  kubernetes:\n    apiServer:\n      amazon:\n        # tarmak-iam: ignore[IAM021] mapped next week\n"
    on += "        awsIAMAuthenticatorInit: true\n"
    other = CONFIG + "- environment: dev\n  metadata:\n    name: other\n" + on
    assert report(ROLES, other).findings == ()
    assert [each.finding.id for each in report(ROLES, CONFIG + on).findings] == ["IAM095"]
    assert [each.finding.id for each in report("", CONFIG + on).suppressed] == ["IAM021"]


def test_a_finding_in_another_file_is_not_in_the_line_of_that_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def misplaced(own: Rule, _: Mappings) -> Iterator[Finding]:
        place = Place("other.yaml", 4, 3)
        yield Finding(own.id, own.severity, Subject.MAPPINGS, Route.of(("x", 0)), "it is not read", place=place)

    rule = Rule("ACME001", Severity.WARNING, Scope.MAPPINGS, "files that are not read", misplaced)
    bring_plugins(monkeypatch, GROUP, rule)
    found = report(f"{ROLES}  # tarmak-iam: ignore[ACME001] why\n  x-list: []\n")
    assert [each.finding.id for each in found.findings] == ["ACME001", "IAM095"]
    assert found.findings[1].finding.remedy == "remove the comment"  # there is no line of this file to move it to
    found = report(f"# tarmak-iam: ignore[ACME001] why\n{ROLES}")
    assert [each.finding.id for each in found.findings] == ["IAM095", "ACME001"]


def test_json_has_no_comments() -> None:
    text = (
        '{"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config", "note": "# tarmak-iam: ignore[IAM030] x", '
        '"clusters": []}'
    )
    found = examine(Subjects(TarmakConfig.parse(text)))
    assert ([each.finding.id for each in found.findings], found.suppressed) == (["IAM030"], ())


def test_the_command_counts_them(shell: Shell) -> None:
    home = shell.single / "dev-cluster"
    (home / "aws-iam-authenticator.yaml").write_text(ROLES + f"{ACCOUNT}  # tarmak-iam: ignore[IAM074] {WHY}\n")
    done = shell.dev("check")
    assert (done.out, done.err) == ("", "no findings, 1 suppressed by comments\n")


EVERYTHING = f"""\
x-common:
  groups: &shared [a]
clusterID: dev-cluster
server:
  scrubbedAccounts: []
  mapRoles:
{ADMIN}  - roleARN: {DEV}
    username: ' dev'
    groups:
    - ' one'
    -
      ' two'
  -
    roleARN: {DEV}2
    groups: [a, ' three']
    username: dev2
  mapUsers:
    - username: dev3
      userARN: {USER}
      groups:
        - x
        - ' four'
    - userARN: {USER}2
      groups: *shared
      username: ' five'
"""


def _region(lines: list[str], number: int) -> set[int]:
    """What begins in a line of block style, by indentation alone; numbers from 0."""
    if lines[number - 1].strip() == "-":  # whose item begins here
        return _region(lines, number - 1)
    first = lines[number]
    indent, is_item = len(first) - len(first.lstrip()), first.lstrip().startswith("-")
    region = {number}
    if first == "server:":
        return region
    for below in range(number + 1, len(lines)):
        deeper = len(lines[below]) - len(lines[below].lstrip())
        if deeper < indent or (deeper == indent and (is_item or not lines[below].lstrip().startswith("-"))):
            break
        region.add(below)
    return region


@pytest.mark.sample(1)
@pytest.mark.parametrize("is_own_line", [True, False])
def test_every_line_of_a_file(is_own_line: bool) -> None:
    lines = EVERYTHING.splitlines()
    found = [each for each in report(EVERYTHING).findings if each.finding.id == "IAM078"]
    assert [(each.place.line or 0) - 1 for each in found] == [8, 10, 12, 15, 22, 25]
    for number, line in enumerate(lines):
        opens = line.endswith((":", "-"))
        changed = [*lines[:number], COMMENT, *lines[number:]] if is_own_line else lines.copy()
        if not is_own_line:
            changed[number] += f"  {COMMENT}"
        region = _region(lines, number) if is_own_line or opens else {number}
        suppressed = report("\n".join(changed) + "\n").suppressed
        places = {(each.place.line or 0) - 1 for each in suppressed}
        expected = {(each.place.line or 0) - 1 for each in found} & region
        assert places == {place + (is_own_line and place >= number) for place in expected}, line
