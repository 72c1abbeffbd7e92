"""The pages in docs/rules are the cases of the rules: a bad example has that finding and no other, a good one none."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from tarmak_iam.config.section_keys import GROUP
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.lint import RULES, Located, Rule, all_rules, examine
from tarmak_iam.lint.rule import page_of
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tests.example_plugin.tarmak_iam_example import COSTS
from tests.lint.files import CONFIG_NAME, Files, fixable, fixed, subjects_of
from tests.lint.mapped import CONFIG  # the tarmak.yaml of a page that shows none
from tests.support import ROOT, Shell, bring_plugins

PAGES = ROOT / "docs" / "rules"
RULE_IDS = sorted(rule.id for rule in all_rules() if rule.id.startswith("IAM"))
SECTIONS = ["Bad", "Good", "Remedy", "Fix"]

OF_A_PLUGIN = ("IAM045", "IAM046")
OF_OLD_RELEASES = ("IAM080", "IAM102", "IAM107")
"""Which only releases have that have security flaws too."""
WITHOUT_EXAMPLE = ("IAM085", "IAM098", "IAM110", "IAM111", "IAM112", "IAM113", "IAM129", "IAM133")
"""A file of more than a megabyte, which tests/lint/test_limits.py makes, directories, which
tests/lint/test_installation_rules.py makes, and certificates, which tests/lint/test_kubeconfig_rules.py makes.
A dynamic file is none of a cluster's files; tests/lint/test_dynamic_file_rules.py has some. Trust policies neither;
tests/lint/test_trust_rules.py has some."""
WITH_EXAMPLES = [each for each in RULE_IDS if each not in WITHOUT_EXAMPLE]
OF_COMMENTS = ("IAM095", "IAM096", "IAM097")

_BLOCK = re.compile(r"^```yaml (?P<name>\S+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    title: str
    severity: str
    sections: dict[str, str]

    @classmethod
    def read(cls, rule_id: str) -> Page:
        head, *parts = re.split(r"^## ", (PAGES / f"{rule_id}.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
        title, _, severity, _, why = head.split("\n", 4)
        assert why.strip()
        sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
        return cls(title, severity, sections)

    def files(self, section: str) -> dict[str, str]:
        return {match["name"]: match["text"] for match in _BLOCK.finditer(self.sections[section])}


def findings(files: Files) -> list[Located]:
    return list(examine(subjects_of(files)).findings)


def grants(files: Files) -> set[str]:
    """Who has access, as the authenticator of the settings decides it; nobody where it would not start."""
    installation = subjects_of(files).installation
    if installation is None or installation.mappings is None:
        return set()
    return {f"{each.kind} {each.principal}".lower() for each in installation.loaded.grants}


@pytest.fixture
def sections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For pages about sections that a distribution brings: one that is installed."""
    if request.node.callspec.params["rule_id"] in OF_A_PLUGIN:
        bring_plugins(monkeypatch, GROUP, COSTS)


FIXES = {
    "Safe: `check --fix` turns the bad example into the good one.": True,
    "Unsafe: `check --fix --unsafe-fixes` turns the bad example into the good one.": False,
}
LOST: Mapping[str, set[str]] = {
    "IAM056": {"arn arn:aws:iam::111122223333:root"},
    "IAM074": {"account 444455556666"},
    "IAM083": {"sso 111122223333/dev_extra"},
}
"""Who has access in the bad example and none in the good one, because the remedy says so: map a role, remove the
account, and rename the permission set."""


@pytest.mark.sample(40)
@pytest.mark.usefixtures("sections")
@pytest.mark.parametrize("rule_id", WITH_EXAMPLES)
def test_the_examples_of_a_page(rule_id: str) -> None:
    """The good example is what the fix makes of the bad one, nothing is left to fix then, and nobody loses access."""
    page = Page.read(rule_id)
    bad, good, fix = page.files("Bad"), page.files("Good"), " ".join(page.sections["Fix"].split())
    others = {"IAM131"} if rule_id in OF_OLD_RELEASES else set()
    assert {each.finding.id for each in findings(bad)} == {rule_id, *others}
    assert findings(good) == []
    assert grants(bad) - grants(good) == LOST.get(rule_id, set())
    if fix == "`check --fix` does not fix it.":
        assert fixable(bad) == ()
        return
    (is_safe,) = {is_safe for words, is_safe in FIXES.items() if fix.startswith(words)}
    assert {each.is_safe for each in fixable(bad)} == {is_safe}
    assert fixed(bad, unsafe=not is_safe) == good
    assert fixed(good, unsafe=True) == good
    if not is_safe:
        assert fixed(bad) == bad


@pytest.mark.sample(16)
@pytest.mark.usefixtures("sections")
@pytest.mark.parametrize("rule_id", [each for each in WITH_EXAMPLES if each not in OF_COMMENTS])
def test_each_finding_is_suppressed_by_a_comment_above_its_line(rule_id: str) -> None:
    files: Files = {CONFIG_NAME: CONFIG, **Page.read(rule_id).files("Bad")}
    others = {"IAM131"} if rule_id in OF_OLD_RELEASES else set()
    count = sum(each.finding.id not in others for each in findings(files))
    while (first := findings(files)[:1]) and first[0].finding.id == rule_id:  # one comment may be about several
        name, number = str(first[0].finding.subject), (first[0].place.line or 1) - 1
        lines = files[name].splitlines(keepends=True)
        indentation = " " * (len(lines[number]) - len(lines[number].lstrip(" ")))
        lines.insert(number, f"{indentation}# tarmak-iam: ignore[{rule_id}] it was looked into\n")
        files = {**files, name: "".join(lines)}
    report = examine(subjects_of(files))
    assert len(report.suppressed) == count
    # That the daemon does not start, or that nobody is an admin then, is reported all the same.
    assert {each.finding.id for each in report.findings} <= {"IAM022", "IAM084", *others} - {rule_id}


PLACEHOLDERS = {"ARN": "arn:aws:iam::111122223333:role/Admin", "NAME": "admin", "GROUP": "system:masters"}


@pytest.mark.parametrize(
    "rule_id", [f"IAM{number}" for number in ("021", "082", "084", "089", "090", 101, 102, 105, 106, 108, 132)]
)
def test_each_command_of_a_remedy_is_enough(rule_id: str, shell: Shell) -> None:
    files = {CONFIG_NAME: CONFIG, **Page.read(rule_id).files("Bad")}
    others = {"IAM131"} if rule_id in OF_OLD_RELEASES else set()
    (remedy,) = {each.finding.remedy for each in findings(files) if each.finding.id == rule_id}
    commands = re.findall(r"tarmak-iam ((?:map|settings) (?:[^,(]|,(?! ))+)", remedy)
    assert commands
    home = shell.single
    paths = {CONFIG_NAME: home / CONFIG_NAME} | {
        name: home / "dev-cluster" / name for name in (MAPPINGS_NAME, SETTINGS_NAME)
    }
    for command in commands:
        for name, path in paths.items():
            path.unlink(missing_ok=True)
            if name in files:
                path.write_text(files[name], encoding="utf-8")
        shell.run("-c", home, *[PLACEHOLDERS.get(word, word) for word in shlex.split(command)])
        after = {name: path.read_text(encoding="utf-8") for name, path in paths.items() if path.exists()}
        assert {each.finding.id for each in findings(after)} - others == set(), command
        assert grants(files) <= grants(after), command


COMMENTED = """\
server:
  mapRoles:
  - {roleARN: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}
  # tarmak-iam: ignore[IDS]
  mapAccounts: ['444455556666']
"""
"""The username could have a finding IAM073, the entry none."""


@pytest.mark.parametrize(
    ("comment", "suppressed", "found"),
    [
        ("[IAM073] why", "", "IAM074"),
        ("[IAM073]", "", "IAM074"),
        ("[IAM7O4] why", "IAM074", ""),
        ("[IAM074, IAM073]", "IAM074", "IAM096"),
        ("[IAM9]", "", "IAM074"),
        ("", "", "IAM074"),
        ("[] x", "", "IAM074"),
    ],
)
def test_fixes_of_comments(comment: str, suppressed: str, found: str) -> None:
    files: Files = {MAPPINGS_NAME: COMMENTED.replace("[IDS]", comment)}
    report = examine(subjects_of(fixed(files, unsafe=True)))
    assert "".join(each.finding.id for each in report.suppressed) == suppressed
    assert "".join(each.finding.id for each in report.findings) == found


@pytest.mark.parametrize("rule", [each for each in all_rules() if each.id in RULE_IDS], ids=lambda each: each.id)
def test_a_page_says_what_its_rule_says(rule: Rule) -> None:
    page = Page.read(rule.id)
    assert page.title == f"# {rule.id} {rule.name}: {rule.summary}"
    assert page.severity == f"Severity: {rule.severity}"
    assert list(page.sections) == SECTIONS
    assert all(page.sections.values())


def test_there_is_a_page_for_every_rule_and_no_other() -> None:
    assert sorted(path.name for path in PAGES.iterdir()) == [*(f"{each}.md" for each in RULE_IDS), "README.md"]
    assert {rule.id for rule in RULES} <= set(RULE_IDS)


def test_the_table_of_contents() -> None:
    rules = sorted((each for each in all_rules() if each.id in RULE_IDS), key=lambda each: each.id)
    rows = [f"| [{each.id}]({each.id}.md) | {each.name} | {each.severity} | {each.summary} |" for each in rules]
    table = ["| rule | name | severity | what it checks for |", "|---|---|---|---|", *rows]
    shown = (PAGES / "README.md").read_text(encoding="utf-8").splitlines()
    assert [line for line in shown if line.startswith("|")] == table


def test_the_program_has_the_pages() -> None:
    page = (PAGES / "IAM074.md").read_text(encoding="utf-8")
    assert page.endswith(f"Severity: warning\n\n{page_of('IAM074')}")
    assert page_of("IAM074").startswith("Checks for accounts in `mapAccounts`.")
    assert page_of("TEAM001") == ""


def test_ids_and_names_are_unique() -> None:
    ids, names = [rule.id for rule in all_rules()], [rule.name for rule in all_rules()]
    assert (len(set(ids)), len(set(names))) == (len(ids), len(names))
    assert [each for each in names if not re.fullmatch("[a-z0-9]+(-[a-z0-9]+)+", each)] == []


def test_what_implies_a_finding_is_a_rule() -> None:
    causes = [name for rule in RULES for by in rule.implied_by for name in by.causes]
    assert len(causes) > 30
    assert set(causes) <= {rule.name for rule in all_rules()}
