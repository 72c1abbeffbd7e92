"""The engine that fixes findings: what is made at once, what is verified, and what is dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Append, Document, EditRefused, Insert, Remove, Set
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint import Rule, Scope, Subjects
from tarmak_iam.lint.fix import Fix, TextEdit, can_be_made_at_once, text_changes, with_fixes
from tarmak_iam.lint.fixing import FixOutcome, fix_findings, fixable_findings
from tarmak_iam.lint.rule import CONFIG, MAPPINGS
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tests.lint.files import CONFIG_NAME, Files, changed_in, fixable, fixed, outcome, subjects_of
from tests.support import bring_plugins

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
DEV = HEAD + "- environment: dev\n  metadata:\n    name: cluster\n"
ROLE = "arn:aws:iam::111122223333:role"
ADMIN = f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}/Admin', username: admin, groups: ['system:masters']}}\n"


def config(rest: str) -> Files:
    return {CONFIG_NAME: DEV + rest}


def test_several_fixes_of_a_file() -> None:
    before = config(
        "  kubernetes:\n"
        "    version: v1.12.9  # all of it\n"
        "    apiServer:  # first\n"
        "      public: true\n"
        "\n"
        "    apiServer:\n"
        "      allowCIDRs: [10.0.0.0/8]\n"
        "  instancePools:\n"
        "  - minCount: 010\n"
        "---\n"
        "contact: ann\n"
    )
    after = fixed(before)[CONFIG_NAME]
    assert after == DEV + (
        "  kubernetes:\n"
        "    version: v1.12.9  # all of it\n"
        "    # apiServer:  # first\n"
        "    #   public: true\n"
        "\n"
        "    apiServer:\n"
        "      allowCIDRs: [10.0.0.0/8]\n"
        "  instancePools:\n"
        "  - minCount: 8\n"
        "# ---\n"
        "# contact: ann\n"
    )
    assert fixed(before, unsafe=True)[CONFIG_NAME] == after.replace("v1.12.9", "1.12.9")
    assert fixed({CONFIG_NAME: after})[CONFIG_NAME] == after


def test_what_is_said_about_it() -> None:
    before = config("  kubernetes: {version: v1.12.9}\n  instancePools: [{minCount: 010}]\n")
    assert [(each.is_safe, each.line_of("can be fixed")) for each in fixable(before)] == [
        (False, "tarmak.yaml:8:25: can be fixed: write 1.12.9 [IAM040]"),
        (True, "tarmak.yaml:9:30: can be fixed: write 8, as Tarmak reads 010 [IAM035]"),
    ]
    made = outcome(before)
    assert [each.line_of("fixed") for each in made.fixed] == [
        "tarmak.yaml:9:30: fixed: write 8, as Tarmak reads 010 [IAM035]"
    ]
    assert [each.located.finding.id for each in made.fixable] == ["IAM040"]
    assert [(one.filename, two.text.count(" 8}")) for one, two in changed_in(made)] == [(CONFIG_NAME, 1)]


def _rule(fix: Fix | None, what: str = "x", *, when: str = "bad", then: str = "") -> Rule:
    """Finds a project named `when`, and another thing in one named `then`."""

    def check(rule: Rule, part: object) -> Iterator[Finding]:
        project = part.data.get("project")  # type: ignore[attr-defined]  # a TarmakConfig
        if project == when or (then and project == then):
            yield rule.finding(Subject.CONFIG, ("project",), what if project == when else "it is worse")

    return CONFIG.error("TEST001", "test-rule", "a test", fix=lambda _finding, _subjects: fix)(check)


def _made(monkeypatch: pytest.MonkeyPatch, rule: Rule, text: str = "project: bad\n", *, unsafe: bool) -> FixOutcome:
    bring_plugins(monkeypatch, "tarmak_iam.rules", rule)
    return outcome({CONFIG_NAME: DEV + text}, unsafe=unsafe)


@pytest.mark.parametrize(
    ("fix", "then", "why"),
    [
        (Fix("do nothing", (Set(("contact",), "ann"),)), "", "check would then report: x [TEST001]"),
        (
            Fix("make it worse", (Set(("project",), "worse"),)),
            "worse",
            "check would then report: it is worse",
        ),
        (Fix("remove a thing", (Remove(("nothing",)),)), "", "nothing does not exist; there is nothing to remove"),
        (Fix("write a list", (Set(("project",), [1]),)), "", "project must be a string"),
        (Fix("damage it", text_edits=(TextEdit(0, 0, "{"),)), "", "the text could not be read afterwards"),
        (Fix("edit", text_edits=(TextEdit(len(DEV), len(DEV) + 8, "contact:"),)), "", "the values of the file would"),
    ],
)
def test_a_fix_that_fails_is_dropped_and_named(monkeypatch: pytest.MonkeyPatch, fix: Fix, then: str, why: str) -> None:
    fix = Fix(fix.title, fix.edits, False, fix.text_edits)
    made = _made(monkeypatch, _rule(fix, then=then), unsafe=True)
    (dropped,) = made.dropped
    assert (changed_in(made), made.fixed, made.fixable) == ((), (), ())
    assert dropped.line.startswith(f"tarmak.yaml:8:10: not fixed: {fix.title} [TEST001]: ")
    assert why in dropped.line


@pytest.mark.parametrize(("severity", "is_made"), [(Severity.ERROR, False), (Severity.WARNING, True)])
def test_a_fix_that_brings_another_error_is_not_made(
    monkeypatch: pytest.MonkeyPatch, severity: Severity, is_made: bool
) -> None:
    def check(rule: Rule, part: TarmakConfig) -> Iterator[Finding]:
        if part.data.get("contact"):
            yield rule.finding(Subject.CONFIG, ("contact",), "nobody may be reached")

    other = Rule("TEST003", severity, Scope.CONFIG, "a test", check, name="test-contact")
    fix = Fix("fix it", (Set(("project",), "good"), Set(("contact",), "ann")), is_safe=False)
    bring_plugins(monkeypatch, "tarmak_iam.rules", _rule(fix), other)
    made = outcome(config("project: bad\n"), unsafe=True)
    assert bool(changed_in(made)) is is_made
    assert [each.why for each in made.dropped] == (
        [] if is_made else ["check would then report: nobody may be reached [TEST003]"]
    )
    assert [each.finding.id for each in made.report.findings] == (["TEST003"] if is_made else ["TEST001"])


def test_one_fix_that_fails_among_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are made, whichever it is of how many."""

    def check(rule: Rule, part: TarmakConfig) -> Iterator[Finding]:
        for name, value in part.document.shared_data["environments"][0].items():
            if value == "bad":
                yield rule.finding(Subject.CONFIG, ("environments", 0, name), f"{name} is bad")

    def fix(finding: Finding, _subjects: Subjects) -> Fix:
        failing = Remove(("nothing",))
        return Fix("fix it", (failing if finding.route.plain[-1] == "x-7" else Set(finding.route, "good"),))

    bring_plugins(monkeypatch, "tarmak_iam.rules", CONFIG.error("TEST001", "test-rule", "a test", fix=fix)(check))
    names = [f"x-{number}" for number in range(45)]
    lines = [f"{'- ' if name == 'x-0' else '  '}{name}: bad\n" for name in names]
    made = outcome({CONFIG_NAME: f"{DEV}environments:\n{''.join(lines)}"})
    assert len(made.fixed) == 44
    assert [each.found.located.finding.route.plain[-1] for each in made.dropped] == ["x-7"]
    ((_, after),) = changed_in(made)
    assert after.text == f"{DEV}environments:\n{''.join(lines).replace('bad', 'good').replace('x-7: good', 'x-7: bad')}"


def test_fixes_that_work_only_together() -> None:
    """Each key of an entry alone would bring the findings of the others in other words."""
    entry = "  - rolearn_: arn:aws:iam::111122223333:role/Dev\n    user-name: dev\n    Group: [dev]\n"
    again = "  - roleARN: arn:aws:iam::111122223333:role/Dev\n    username: dev\n    groups: [dev]\n"
    assert fixed({MAPPINGS_NAME: ADMIN + entry}, unsafe=True) == {MAPPINGS_NAME: ADMIN + again}


def test_a_fix_that_only_says_that_it_is_safe_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = _rule(Fix("write good", (Set(("project",), "good"),)))
    safe = _made(monkeypatch, rule, unsafe=False)
    assert changed_in(safe) == ()
    assert [(each.is_safe, each.why_unsafe) for each in safe.fixable] == [(False, "/project: bad -> good")]
    subjects = subjects_of(config("project: bad\n"))
    assert [each.why_unsafe for each in fixable_findings(safe.report, subjects)] == ["/project: bad -> good"]
    (pair,) = changed_in(_made(monkeypatch, rule, unsafe=True))
    assert pair[1].text == DEV + "project: good\n"


GOOD = Fix("write good", (Set(("project",), "good"),), is_safe=False)


@pytest.mark.parametrize(("fix", "word"), [(GOOD, "good"), (lambda: GOOD, "good"), (lambda: None, "bad")])
def test_a_finding_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, fix: Fix | Callable[[], Fix | None], word: str
) -> None:
    def check(rule: Rule, part: TarmakConfig) -> Iterator[Finding]:
        if part.data.get("project") == "bad":
            yield rule.finding(Subject.CONFIG, ("project",), "bad", fix=fix)

    bring_plugins(monkeypatch, "tarmak_iam.rules", CONFIG.error("TEST001", "test-rule", "a test")(check))
    assert fixed(config("project: bad\n"), unsafe=True)[CONFIG_NAME] == f"{DEV}project: {word}\n"


def test_the_fix_of_a_finding_that_fails_names_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing() -> Fix:
        raise KeyError("project")

    def check(rule: Rule, _: TarmakConfig) -> Iterator[Finding]:
        yield rule.finding(Subject.CONFIG, ("project",), "bad", fix=failing)

    bring_plugins(monkeypatch, "tarmak_iam.rules", CONFIG.error("TEST001", "test-rule", "a test")(check))
    with pytest.raises(ConfigError, match="the fix of the rule TEST001"):
        fixable(config("project: bad\n"))


def test_suppressed_findings_stay() -> None:
    files = config("  instancePools:\n  - minCount: 010  # tarmak-iam: ignore[IAM035] octal on purpose\n")
    assert fixed(files, unsafe=True) == files


def _mappings_rule(fix: Fix) -> Rule:
    def check(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
        if "x-bad" in mappings.document.shared_data:
            yield rule.finding(Subject.MAPPINGS, ("x-bad",), "bad")

    return MAPPINGS.error("TEST002", "test-mappings", "a test", fix=lambda _finding, _subjects: fix)(check)


@pytest.mark.parametrize("with_config", [True, False])
@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Set(("server", "mapRoles", 1, "username"), "other"), "arn:aws:iam::111122223333:role/Dev: becomes other"),
        (Set(("server", "mapAccounts"), ["444455556666"]), "every other principal of account 444455556666: can log in"),
        (Set(("server", "partition"), "aws-cn"), "server.partition: aws -> aws-cn"),
        (Set(("server", "scrubbedAccounts"), ["111122223333"]), 'server.scrubbedAccounts: [] -> ["111122223333"]'),
        (Set(("clusterID",), "dev-other"), "clusterID: dev-cluster -> dev-other"),
    ],
)
def test_access_is_compared(monkeypatch: pytest.MonkeyPatch, with_config: bool, edit: Set, why: str) -> None:
    bring_plugins(monkeypatch, "tarmak_iam.rules", _mappings_rule(Fix("fix it", (Remove(("x-bad",)), edit))))
    dev = "  - {roleARN: 'arn:aws:iam::111122223333:role/Dev', username: dev, groups: [dev]}\n"
    text = f"clusterID: dev-cluster\n{ADMIN}{dev}x-bad: true\n"
    subjects = subjects_of({MAPPINGS_NAME: text}) if with_config else Subjects(mappings=Mappings.parse(text))
    made = fix_findings(subjects)
    (found,) = made.fixable
    assert found.why_unsafe.removeprefix(f"in a cluster that reads {MAPPINGS_NAME}: ").startswith(why)
    assert changed_in(made) == ()


def _document(text: str) -> Document:
    return Document.parse(text)


def test_the_paths_are_those_of_the_file_as_it_is() -> None:
    document = _document("a: [1, 2, 3, 4]\nb: 1\n")
    fixes = [
        Fix("", (Remove(("a", 0)),)),
        Fix("", (Set(("b",), 2),)),
        Fix("", (Remove(("a", 2)),)),
        Fix("", (Set(("a", 3), 5),)),
    ]
    assert all(can_be_made_at_once(("a.yaml", fix) for fix in fixes))
    assert with_fixes(document, fixes).text == "a: [2, 5]\nb: 2\n"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (Fix("", (Set(("a", "b"), 1),)), Fix("", (Remove(("a",)),))),
        (Fix("", (Set(("a",), 1),)), Fix("", (Set(("a",), 2),))),
        (Fix("", (Append(("a",), 1),)), Fix("", (Remove(("a", 0)),))),
        (Fix("", (Insert(("a", 3), 1),)), Fix("", (Remove(("a", 0)),))),
        (Fix("", (Set(("a",), 1),)), Fix("", text_edits=(TextEdit(0, 1, ""),))),
        (Fix("", text_edits=(TextEdit(0, 2, ""),)), Fix("", text_edits=(TextEdit(1, 3, ""),))),
        (Fix("", text_edits=(TextEdit(2, 2, "# "),)), Fix("", text_edits=(TextEdit(2, 2, "- "),))),
    ],
)
def test_fixes_that_wait_for_each_other(one: Fix, two: Fix) -> None:
    for pair in ((one, two), (two, one)):
        assert list(can_be_made_at_once(("a.yaml", fix) for fix in pair)) == [True, False]
        assert list(can_be_made_at_once(zip(("a.yaml", "b.yaml"), pair, strict=True))) == [True, True]


def test_what_a_fix_changes_in_the_text() -> None:
    document = _document("a: 1\nb: 2\nc: 3\n")
    assert text_changes(document, Fix("", (Set(("a",), 5), Remove(("c",))))) == (
        TextEdit(3, 4, "5"),
        TextEdit(10, 15, ""),
    )
    assert text_changes(document, Fix("", (Remove(("x",)),))) is None
    commented = Fix("", text_edits=(TextEdit(5, 14, "# ---\n# b: 2\n"),))
    assert text_changes(_document("a: 1\n---\nb: 2\n"), commented) == (TextEdit(5, 5, "# "), TextEdit(9, 9, "# "))
    with pytest.raises(EditRefused):
        with_fixes(document, [Fix("", (Remove(("x",)),))])


def entry(name: str, groups: str, *, arn_comment: str = "", above: str = "") -> str:
    arn = f"{ROLE}/{name}{arn_comment}"
    username = name.rpartition("/")[2].lower()
    return f"{above}  - roleARN: {arn}\n    username: {username}\n    groups: [{groups}]\n"


def test_places_are_those_in_the_file_before_all_fixes() -> None:
    """The entry in line 4 goes in the first round, so that all lines below it have other numbers in the later ones."""
    ops = entry("Ops", "ops")
    rest = entry("team/Web", "web") + entry("Qa", "qa") + "    username: qa\n"
    made = outcome(
        {MAPPINGS_NAME: ADMIN + entry("Dev", "dev", arn_comment="  # old") + entry("Dev", "dev") + ops + rest},
        unsafe=True,
    )
    removed = "(removed with it: the comment # old)"
    assert [each.line_of("fixed").removeprefix(f"{MAPPINGS_NAME}:") for each in made.fixed] == [
        f"7:14: fixed: remove the entry in line 4: the one in line 7 takes effect {removed} [IAM011]",
        f"13:14: fixed: write {ROLE}/Web, which matches every role of that name in the account [IAM050]",
        "19:5: fixed: remove this 'username': it is already in line 17 [IAM059]",
    ]
    (pair,) = changed_in(made)
    assert pair[1].text == ADMIN + entry("Dev", "dev") + ops + entry("Web", "web") + entry("Qa", "qa")


def test_each_comment_is_named_by_the_fix_that_removes_it() -> None:
    dev, ops = (
        entry("Dev", "dev", above="  # dev was added for the deployments\n"),
        entry("Ops", "ops", arn_comment="  # why ops"),
    )
    made = outcome({MAPPINGS_NAME: f"{ADMIN}{dev}{ops}" + entry("Ops", "ops") + entry("Dev", "dev")})
    assert {each.fix.title: each.removed_comments for each in made.fixed} == {
        "remove the entry in line 5: the one in line 14 takes effect": ("# dev was added for the deployments",),
        "remove the entry in line 8: the one in line 11 takes effect": ("# why ops",),
    }


def test_places_of_fixes_that_were_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the file as it is afterwards, where the finding still is, and in the file before."""
    found = _mappings_rule(Fix("fix it", (Remove(("nothing",)),), is_safe=False))
    bring_plugins(monkeypatch, "tarmak_iam.rules", found)
    text = ADMIN + entry("Dev", "dev") + entry("Dev", "dev") + "x-bad: true\n"
    (dropped,) = outcome({MAPPINGS_NAME: text}, unsafe=True).dropped
    why = "not fixed: fix it [TEST002]: nothing does not exist; there is nothing to remove"
    assert dropped.line == f"{MAPPINGS_NAME}:7:8: {why}"
    assert dropped.line_before == f"{MAPPINGS_NAME}:10:8: {why}"


def test_a_fix_that_fails_is_not_named_if_its_finding_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    fixes = iter([Fix("fail", (Remove(("nothing",)),), is_safe=False), Fix("fix it", (Remove(("x-bad",)),), False)])

    def check(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
        if "x-bad" in mappings.document.shared_data:
            yield rule.finding(Subject.MAPPINGS, ("x-bad",), "bad")

    rules = [
        MAPPINGS.error(f"TEST00{number}", f"test-{number}", "a test", fix=lambda *_, own=fix: own)(check)
        for number, fix in enumerate(fixes)
    ]
    bring_plugins(monkeypatch, "tarmak_iam.rules", *rules)
    made = outcome({MAPPINGS_NAME: f"{ADMIN}x-bad: true\n"}, unsafe=True)
    assert ([each.fix.title for each in made.fixed], made.dropped) == (["fix it"], ())


def _chain(worse: Fix | None) -> list[Rule]:
    """A project `bad`, whose fix leads to another error, which may have a fix itself."""

    def check(rule: Rule, part: TarmakConfig) -> Iterator[Finding]:
        if part.data.get("project") == "worse":
            yield rule.finding(Subject.CONFIG, ("project",), "it is worse")

    fix = Fix("make it worse", (Set(("project",), "worse"),), is_safe=False)
    other = Rule("TEST003", Severity.ERROR, Scope.CONFIG, "a test", check, name="test-worse", fix=lambda *_: worse)
    return [_rule(fix), other]


def test_the_fix_of_an_error_that_a_fix_leads_to(monkeypatch: pytest.MonkeyPatch) -> None:
    good = Fix("write good", (Set(("project",), "good"),), is_safe=False)
    bring_plugins(monkeypatch, "tarmak_iam.rules", *_chain(good))
    made = outcome({CONFIG_NAME: f"{DEV}project: bad\n"}, unsafe=True)
    assert [each.line_of("fixed") for each in made.fixed] == [
        "tarmak.yaml:8:10: fixed: make it worse [TEST001]",
        "tarmak.yaml:8:10: fixed: write good [TEST003]",
    ]
    assert [new.text for _, new in changed_in(made)] == [f"{DEV}project: good\n"]


@pytest.mark.parametrize(
    "worse",
    [None, Fix("write bad", (Set(("project",), "bad"),), is_safe=False), Fix("fail", (Remove(("x",)),), is_safe=False)],
)
def test_an_error_that_a_fix_leads_to_and_that_stays(monkeypatch: pytest.MonkeyPatch, worse: Fix | None) -> None:
    bring_plugins(monkeypatch, "tarmak_iam.rules", *_chain(worse))
    made = outcome({CONFIG_NAME: f"{DEV}project: bad\n"}, unsafe=True)
    assert (made.fixed, changed_in(made)) == ((), ())
    assert [each.why for each in made.dropped] == ["check would then report: it is worse [TEST003]"]


def test_a_safe_fix_leads_to_no_unsafe_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here of comments: what is safe is not made if only an unsafe fix removes the error that it leads to."""

    def rule(number: int, word: str, fix: Fix) -> Rule:
        def check(rule: Rule, part: TarmakConfig) -> Iterator[Finding]:
            if f"# {word}" in part.document.text:
                yield rule.finding(Subject.CONFIG, ("project",), f"it is {word}")

        return Rule(
            f"TEST00{number}", Severity.ERROR, Scope.CONFIG, "a test", check, name=f"test-{word}", fix=lambda *_: fix
        )

    start = len(f"{DEV}project: x  # ")
    worse = Fix("write worse", text_edits=(TextEdit(start, start + 3, "worse"),))
    good = Fix("write good", text_edits=(TextEdit(start, start + 5, "good"),), is_safe=False)
    bring_plugins(monkeypatch, "tarmak_iam.rules", rule(1, "bad", worse), rule(2, "worse", good))
    text = f"{DEV}project: x  # bad\n"
    assert changed_in(outcome({CONFIG_NAME: text})) == ()
    assert [new.text for _, new in changed_in(outcome({CONFIG_NAME: text}, unsafe=True))] == [
        f"{DEV}project: x  # good\n"
    ]
