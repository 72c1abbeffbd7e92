"""What follows from another finding is not a second one: a misspelt key, and what recovery access is said to be."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import SelectionError
from tarmak_iam.findings import Finding, Severity
from tarmak_iam.findings import Subject as SubjectFile
from tarmak_iam.installation.admin_kubeconfig import NOT_EXAMINED
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, check
from tarmak_iam.lint.check import added_findings
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route
from tests.lint.mapped import CONFIG, ROLES, report
from tests.lint.test_operators import OPERATORS

HEAD = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"


def found(text: str) -> list[str]:
    findings = check(Subjects(TarmakConfig.parse(text)))
    return [f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}" for each in findings]


SET = "set environment and metadata.name of a cluster, and write <environment>-<name> here"
NONE = "the file has no clusters: add one"


@pytest.mark.parametrize(
    ("current", "rest", "remedy"),
    [
        ("dev-cluster", "clusters:\n- enviroment: dev\n  metadata: {name: cluster}\n", SET),
        (
            "dev-cluster",
            "clutsers:\n- environment: dev\n  metadata: {name: cluster}\n",
            f"{NONE}, or remove currentCluster",
        ),
        ("dev-cluster", "clusters:\n- environment: dev\n  name: cluster\n", SET),
        ("dev-cluster", "", f"{NONE}, or remove currentCluster"),
        ("", "", NONE),
        (
            "my-cluster",
            "clusters:\n- environment: dev\n  metadata: {name: my-cluster}\n",
            "rename 'my-cluster' without a dash, and write <environment>-<name> here",
        ),
        (
            "a-b-c-d",
            "clusters:\n- environment: a-b\n  metadata: {name: c-d}\n",
            "rename 'a-b' and 'c-d' without a dash, and write <environment>-<name> here",
        ),
    ],
)
def test_what_a_command_says(current: str, rest: str, remedy: str) -> None:
    text = HEAD + (f"currentCluster: {current}\n" if current else "") + rest
    with pytest.raises(SelectionError) as error:
        _ = TarmakConfig.parse(text).current_cluster
    assert error.value.remedy == remedy


GOOD = (OPERATORS / "admission-and-feature-gates" / "tarmak.yaml").read_text(encoding="utf-8")
KEYS = dict.fromkeys(re.findall(r"(?m)^[ -]*(?!apiVersion|kind)([a-z][a-zA-Z]+):(?=\s|$)", GOOD))
"""All but those without which nothing can be read."""


@pytest.mark.sample(16)
@pytest.mark.parametrize("key", KEYS)
def test_a_key_with_swapped_letters_is_the_only_finding(key: str) -> None:
    """The first two different letters have changed places."""
    at = next(at for at in range(len(key)) if key[at] != key[at + 1])
    wrong = key[:at] + key[at + 1] + key[at] + key[at + 2 :]
    text = re.sub(rf"(?m)^([ -]*){key}:(?=\s|$)", rf"\1{wrong}:", GOOD, count=1)
    assert [each.split()[1] for each in found(text)] == ["IAM031"]


WITHOUT_KEYS = (
    "clusterID: dev-cluster\nserver:\n  mapRoles: []\nmapRole: [{roleARN: 'arn:aws:iam::111122223333:role/A'}]\n"
)


def test_the_way_back_is_what_was_found_of_the_cluster() -> None:
    """Of mappings alone nothing was looked at."""
    (finding,) = (each.finding for each in check(Subjects(mappings=Mappings.parse(WITHOUT_KEYS))))
    assert finding.recovery == NOT_EXAMINED
    assert finding.hides_entries
    assert finding.message == f"{finding.what}; {NOT_EXAMINED}"
    assert "certificate" not in finding.what

    config = TarmakConfig.parse(CONFIG)
    made = replace(Installation.of(config, config.clusters[0], Mappings.parse(WITHOUT_KEYS)), home=Path("/nonexistent"))
    found = check(Subjects(config, made.mappings, made))
    (located,) = (each.finding for each in found if each.finding.what == finding.what)
    assert located.recovery == made.admin_access.text
    assert located.message.endswith("no recovery access: /nonexistent/kubeconfig does not exist")


def test_a_finding_that_takes_no_access_has_no_way_back() -> None:
    finding = Finding("X001", Severity.ERROR, SubjectFile.MAPPINGS, Route(), "what", "remedy")
    assert (finding.message, finding.text, finding.recovery) == ("what", "what; remedy", None)
    late = replace(finding, recovery="way back", detail="and more")
    assert (late.message, late.text) == ("what; way back; and more", "what; way back; and more; remedy")


def test_the_entry_that_stops_the_daemon_next_is_not_a_new_finding() -> None:
    """The consequence is that of the first of several entries."""
    first, next_one = (f"  - {{roleARN: {text}, username: x}}\n" for text in ("5", "nonsense"))
    before, after = (report(ROLES + text).findings for text in (first + next_one, next_one))
    assert ["does not start" in str(each) for each in before] == [True, False]
    assert ["does not start" in str(each) for each in after] == [True]
    assert list(added_findings(before, after)) == []
