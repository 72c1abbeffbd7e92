"""Files and what `check` finds in them: tests/lint/cases/RULE.txt has the cases of a rule, other files of a subject.

tests/support/case_texts.py explains the format. A case has the files of a cluster, and these sections:

    @found                LINE:COLUMN ID MESSAGE; REMEDY for each finding, without it there is none
    @suppressed           LINE:COLUMN ID REASON for each finding that a comment suppresses
    @fixed                the last file after `check --fix`, as the rest of NAME where the case has it so
    @fixed unsafely       and after `check --fix --unsafe-fixes`, where that makes another text
    @nothing is fixed

Findings are in the last file where no name is before the line. What is found in the settings of a case about another
file is not compared. A tarmak.yaml that a case does not show is `CONFIG`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

from tarmak_iam.findings import Subject
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.releases import DaemonVersion, known_releases
from tarmak_iam.installation.settings import SETTINGS_NAME
from tarmak_iam.lint import Located, examine
from tarmak_iam.lint.fixing import fix_findings
from tarmak_iam.lint.messages import EXITS
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tests.lint.files import CONFIG_NAME, Files, changed_in, subjects_of
from tests.support.case_texts import Section, read_cases

RELEASE = {SETTINGS_NAME: "daemonVersion: v0.7.18\n"}
"""Of cases without settings, so that a newer default does not change what they say."""


class Case(NamedTuple):
    """`begin` is how the last of the files begins; `sections` are the others by their names."""

    name: str
    files: Files
    begin: str
    sections: dict[str, str]

    @property
    def main(self) -> str:
        return [*self.files][-1]


def _case(name: str, sections: list[Section]) -> Case:
    files = {each.marker: each for each in sections if "." in each.marker}
    expected = {each.marker: each.text for each in sections if each.marker not in files}
    assert expected.get("found") != "" != expected.get("suppressed"), f"{name}: a section without findings"
    assert not expected.keys() >= {"fixed", "nothing is fixed"}, f"{name}: something is fixed"
    *_, main = files.values()
    return Case(name, {name: each.text for name, each in files.items()}, main.begin, expected)


MARKERS = "|".join(
    [CONFIG_NAME, MAPPINGS_NAME, SETTINGS_NAME, "found", "suppressed", "fixed", "fixed unsafely", "nothing is fixed"]
)
CASES = [_case(*case) for case in read_cases(Path(__file__).with_name("cases"), MARKERS)]


def shown(located: Iterable[Located], main: str, *, with_reason: bool = False) -> str:
    lines = []
    for each in located:
        if each.finding.subject is not Subject.SETTINGS or main == SETTINGS_NAME:
            place = f"{each.place.line}:{each.place.column}"
            place = place if each.place.filename == main else f"{each.place.filename}:{place}"
            lines.append(
                f"{place} {each.finding.id} {each.reason if with_reason else each.finding.text}".rstrip() + "\n"
            )
    return "".join(lines)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case) -> None:
    subjects, sections = subjects_of({**RELEASE, **case.files}), case.sections
    report = examine(subjects)
    assert shown(report.findings, case.main) == sections.get("found", "")
    assert shown(report.suppressed, case.main, with_reason=True) == sections.get("suppressed", "")
    if sections.keys() - {"found", "suppressed"}:
        texts = []
        for is_unsafe in (False, True):
            outcome = fix_findings(subjects, unsafe=is_unsafe)
            changed = {old.filename: new.text for old, new in changed_in(outcome)}
            texts.append({**case.files, **changed}[case.main].removeprefix(case.begin))
        safely = sections.get("fixed", case.files[case.main].removeprefix(case.begin))
        assert texts == [safely, sections.get("fixed unsafely", safely)]


def _first_of_each_rule() -> list[Case]:
    """The first case of each rule that finds something in mappings."""
    first: dict[str, Case] = {}
    for case in CASES:
        if MAPPINGS_NAME in case.files and "suppressed" not in case.sections:
            for rule_id in re.findall(r"(?m)^\S+ (IAM\d+)", case.sections.get("found", "")):
                first.setdefault(rule_id, case)
    return [*{case.name: case for case in first.values()}.values()]


@pytest.mark.sample(40)
@pytest.mark.parametrize("case", _first_of_each_rule(), ids=lambda case: case.name)
def test_line_ends_of_windows(case: Case) -> None:
    files = {**RELEASE, **case.files, MAPPINGS_NAME: case.files[MAPPINGS_NAME].replace("\n", "\r\n")}
    assert shown(examine(subjects_of(files)).findings, case.main) == case.sections.get("found", "")


@pytest.mark.parametrize(
    "case", [each for each in CASES if EXITS in each.sections.get("found", "")], ids=lambda case: case.name
)
def test_the_releases_that_do_not_start(case: Case) -> None:
    """As the message says: v0.5.0 and later."""
    text = f"clusterID: dev-cluster\n{case.files[MAPPINGS_NAME]}"
    for version in known_releases():
        if version >= DaemonVersion(0, 5, 0):
            assert Authenticator.load(text, version=str(version)).config is None, version
