"""What the remedy of a finding says is done to the letter: the finding goes, nothing comes, nobody loses access."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace

import pytest

from tarmak_iam.config.section_keys import GROUP
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tests.example_plugin.tarmak_iam_example import COSTS
from tests.lint.files import CONFIG_NAME, Files
from tests.lint.remedies import findings, grants, ignored, inspected, repaired, ways
from tests.lint.test_rule_docs import OF_A_PLUGIN, OF_OLD_RELEASES, RULE_IDS, WITHOUT_EXAMPLE, Page

ACCOUNT = "arn:aws:iam::111122223333"
DEV = f"arn {ACCOUNT}:role/dev"
Changes = Mapping[str, tuple[str, frozenset[str]] | None]


RENAMED = {"publicELBAccessLogs:"}
"""Keys of tarmak.yaml in bad and good examples that a remedy renames."""


def groups(*names: str) -> frozenset[str]:
    return frozenset(names)


OTHERWISE: Mapping[tuple[str, int], Changes] = {
    # The page's good example takes one of the ways that the remedy offers; these are the others.
    ("IAM022", 0): {DEV: ("dev", groups("dev", "ops"))},
    ("IAM079", 0): {DEV: ("dev", groups("dev"))},  # who is in the second document cannot log in as it is
    ("IAM023", 1): {DEV: None},
    ("IAM108", 0): {f"arn {ACCOUNT}:role/developers": ("admin", groups("system:masters"))},
    ("IAM120", 1): {
        f"arn {ACCOUNT}:role/awsreservedsso_dev_0123456789abcdef": None,
        "sso 111122223333/dev": ("dev", groups("dev")),
    },
    ("IAM121", 1): {DEV: None},
    ("IAM125", 1): {DEV: ("dev", groups("dev", "cluster-admin"))},
    ("IAM080", 1): {DEV: ("dev", groups("dev"))},
    ("IAM081", 1): {DEV: ("corp:dev", groups("dev"))},
    ("IAM067", 1): {f"arn {ACCOUNT}:role/host": ("system:node:{{EC2PrivateDNSName}}", groups("system:nodes"))},
    ("IAM071", 0): {f"arn {ACCOUNT}:role/node": ("system:node:{{EC2PrivateDNSName}}", groups("system:nodes"))},
    ("IAM083", 0): {
        "sso 111122223333/dev_extra": ("dev", groups("dev")),
        "sso 111122223333/extra_dev": None,  # the new name of the permission set of the other way
    },
}

LOST: Mapping[tuple[str, int], frozenset[str]] = {
    # Who has access in the bad example and none in the good one, because the sentence says so.
    ("IAM056", 0): groups(f"arn {ACCOUNT}:root"),  # "map a role"
    ("IAM074", 0): groups("account 444455556666"),  # "remove the account"
    ("IAM083", 1): groups("sso 111122223333/dev_extra"),  # "rename": the same people, with another name
}

FAILING: Mapping[tuple[str, str], Mapping[int, str]] = {}
"""What comes of it, by words of the remedy and the way that is taken: the ids of findings, or that somebody has other
rights than meant, or that settings are lost."""


@pytest.fixture
def sections(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """For pages about sections that a distribution brings: one that is installed."""
    if request.node.callspec.params["rule_id"] in OF_A_PLUGIN:
        point = SimpleNamespace(name="costs", value="x:y", dist=SimpleNamespace(name="example"), load=lambda: COSTS)
        monkeypatch.setattr("importlib.metadata.entry_points", lambda group: [point] if group == GROUP else [])


def _failing(rule_id: str, remedy: str) -> Mapping[int, str]:
    return next((wrong for (own, words), wrong in FAILING.items() if own == rule_id and words in remedy), {})


def _lines(files: Files) -> set[str]:
    """What somebody wrote in tarmak.yaml, wherever in it."""
    return {line.strip(" -") for line in files.get(CONFIG_NAME, "").splitlines()}


def _outcome(page: Page, rule_id: str, way: int) -> str:
    """What is wrong after it; empty for nothing."""
    bad, good = page.files("Bad"), page.files("Good")
    after = repaired(bad, rule_id, way)
    others = {"IAM131"} if rule_id in OF_OLD_RELEASES and way > 0 else set()  # the release stays
    left = sorted({each.finding.id for each in findings(after)} - others)
    if left:
        return " ".join(left)
    if way == 0 and (_lines(bad) & _lines(good)) - _lines(after) - RENAMED:
        return "settings"
    wanted = {**grants(good), **OTHERWISE.get((rule_id, way), {})}
    as_meant = grants(after) == {name: given for name, given in wanted.items() if given is not None}
    lost = grants(bad).keys() - grants(after).keys()
    return "" if as_meant and lost == LOST.get((rule_id, way), groups()) else "grants"


@pytest.mark.sample(16)
@pytest.mark.usefixtures("sections")
@pytest.mark.parametrize("rule_id", [each for each in RULE_IDS if each not in WITHOUT_EXAMPLE])
def test_a_remedy_works_to_the_letter(rule_id: str) -> None:
    page = Page.read(rule_id)
    bad = page.files("Bad")
    remedy = next(each.finding.remedy for each in findings(bad) if each.finding.id == rule_id)
    count = len(ways(bad, findings(bad)[0]))
    assert count
    outcomes = {way: _outcome(page, rule_id, way) for way in range(count)}
    assert {way: wrong for way, wrong in outcomes.items() if wrong} == _failing(rule_id, remedy)


COMMENTS = ("IAM095", "IAM096", "IAM097")


@pytest.mark.sample(16)
@pytest.mark.usefixtures("sections")
@pytest.mark.parametrize("rule_id", [each for each in RULE_IDS if each not in (*WITHOUT_EXAMPLE, *COMMENTS)])
def test_each_finding_is_ignored_by_a_comment_above_its_line(rule_id: str) -> None:
    files: Files = Page.read(rule_id).files("Bad")
    others = {"IAM131"} if rule_id in OF_OLD_RELEASES else set()
    count = sum(each.finding.id not in others for each in findings(files))
    while found := findings(files):  # one comment may be about several
        if found[0].finding.id != rule_id:
            break
        files = ignored(files, found[0])
    report = inspected(files)
    assert len(report.suppressed) == count
    # That the daemon does not start, or that nobody is an admin then, is reported all the same.
    assert {each.finding.id for each in report.findings} <= {"IAM022", "IAM084", *others} - {rule_id}


ADMIN = "  - {roleARN: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}"
"""Its username could have a finding IAM073, its entry none."""


@pytest.mark.sample(6)
@pytest.mark.parametrize(
    "comment", ["[IAM073] why", "[IAM073]", "[IAM7O4] why", "[IAM074, IAM073]", "[IAM9]", "", "[] x"]
)
@pytest.mark.parametrize(
    "text",
    [
        "server:\n  mapRoles:\n{admin}\n  mapAccounts: ['444455556666']  # tarmak-iam: ignore{comment}\n",
        "server:\n  mapRoles:\n{admin}\n  # tarmak-iam: ignore{comment}\n  mapAccounts: ['444455556666']\n",
        "# tarmak-iam: ignore{comment}\nserver:\n  mapRoles:\n{admin}\n  mapAccounts: ['444455556666']\n",
        "server:\n  mapRoles:\n  # tarmak-iam: ignore{comment}\n{admin}\n  mapAccounts: ['444455556666']\n",
        "server:\n  mapRoles:\n{admin}\n  mapAccounts: ['444455556666']\n# tarmak-iam: ignore{comment}\n",
    ],
)
def test_the_remedies_about_comments_end(text: str, comment: str) -> None:
    """Whatever is done first, what the comment suppresses stays so, and no comment is left to complain about."""
    before: Files = {MAPPINGS_NAME: text.format(admin=ADMIN, comment=comment)}
    suppressed = {each.finding.id for each in inspected(before).suppressed}
    for way in (0, 1):
        files = before
        for _ in range(4):
            for rule_id in COMMENTS:
                files = repaired(files, rule_id, way)
        after = inspected(files)
        assert {each.finding.id for each in after.findings} <= {"IAM074"}
        assert {each.finding.id for each in after.suppressed} >= suppressed
        assert grants(files) == grants(before)
