"""The pages in docs/rules are the cases of the rules: a bad example has that finding and no other, a good one none."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.section_keys import GROUP
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import SETTINGS_NAME, parse_settings
from tarmak_iam.lint import RULES, Rule, Subjects, all_rules, check
from tarmak_iam.lint.rule import page_of
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tests.example_plugin.tarmak_iam_example import COSTS
from tests.lint.files import fixable, fixed
from tests.lint.mapped import CONFIG  # the tarmak.yaml of a page that shows none
from tests.support import EXAMPLES, ROOT

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


def found(files: dict[str, str]) -> list[str]:
    config = TarmakConfig.parse(files.get("tarmak.yaml", CONFIG))
    mappings = Mappings.parse(files[MAPPINGS_NAME]) if MAPPINGS_NAME in files else None
    settings, text = parse_settings(files[SETTINGS_NAME]) if SETTINGS_NAME in files else (None, None)
    try:
        cluster = config.current_cluster
    except LookupError:
        return [each.finding.id for each in check(Subjects(config))]
    made = Installation.of(config, cluster, mappings, settings)
    return [each.finding.id for each in check(Subjects(config, mappings, made, text))]


@pytest.fixture
def sections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For pages about sections that a distribution brings: one that is installed."""
    if request.node.callspec.params["rule_id"] in OF_A_PLUGIN:
        point = SimpleNamespace(name="costs", value="x:y", dist=SimpleNamespace(name="example"), load=lambda: COSTS)
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == GROUP else [])


@pytest.mark.sample(40)
@pytest.mark.usefixtures("sections")
@pytest.mark.parametrize("rule_id", [each for each in RULE_IDS if each not in WITHOUT_EXAMPLE])
def test_the_examples_of_a_page(rule_id: str) -> None:
    page = Page.read(rule_id)
    others = {"IAM131"} if rule_id in OF_OLD_RELEASES else set()
    assert set(found(page.files("Bad"))) == {rule_id, *others}
    assert found(page.files("Good")) == []


FIXES = {
    "Safe: `check --fix` turns the bad example into the good one.": True,
    "Unsafe: `check --fix --unsafe-fixes` turns the bad example into the good one.": False,
}


@pytest.mark.sample(40)
@pytest.mark.usefixtures("sections")
@pytest.mark.parametrize("rule_id", [each for each in RULE_IDS if each not in WITHOUT_EXAMPLE])
def test_the_fix_of_a_page(rule_id: str) -> None:
    """The good example is what it makes of the bad one, and nothing is left to fix then."""
    page = Page.read(rule_id)
    bad, text = page.files("Bad"), " ".join(page.sections["Fix"].split())
    if text == "`check --fix` does not fix it.":
        assert fixable(bad) == ()
        return
    (is_safe,) = {is_safe for words, is_safe in FIXES.items() if text.startswith(words)}
    assert {each.is_safe for each in fixable(bad)} == {is_safe}
    assert fixed(bad, unsafe=not is_safe) == page.files("Good")
    assert fixed(page.files("Good"), unsafe=True) == page.files("Good")
    if not is_safe:
        assert fixed(bad) == bad


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


def test_every_link_leads_somewhere() -> None:
    for page in PAGES.iterdir():
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert Path(page.parent, target).exists(), f"{page.name}: {target}"


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


@pytest.mark.parametrize("example", ["single", "multi"])
def test_the_examples_of_the_project_have_no_finding(example: str) -> None:
    assert check(Subjects(TarmakConfig.load(EXAMPLES / example))) == []
