"""Comments that suppress findings: of each line of a file, of several clusters, and of other files."""

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
from tests.lint.mapped import ADMIN, DEV, ROLES, report
from tests.support import bring_plugins

USER = "arn:aws:iam::111122223333:user/Ann"
COMMENT = "# tarmak-iam: ignore[IAM078] it was agreed"


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
