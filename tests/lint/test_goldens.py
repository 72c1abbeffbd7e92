"""The rules against recordings of real daemons: what would not start is an error, what works is never useless."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Severity
from tarmak_iam.identity import Authenticator, Identity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Subjects, check
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.mapped import CONFIG
from tests.support import golden_json

NEVER_MATCHES = {
    *("IAM010", "IAM023", "IAM050", "IAM051", "IAM052", "IAM053", "IAM054", "IAM077", "IAM081", "IAM082"),
    *("IAM120", "IAM121"),
}
VERSIONS = ("v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9", "v0.7.18")

MAPPING = golden_json("authenticator", "mapping.json")
CASES = [
    {**case, "config": MAPPING["configs"][case["config"]]}
    for case in MAPPING["cases"]
    # By the configuration alone; the manifests name the backends, so what the file says of them ends no daemon of ours.
    if not case["args"] and not case["files"] and "backendMode" not in MAPPING["configs"][case["config"]]
]
STARTUP = [
    case
    for case in golden_json("authenticator", "startup.json")
    if not case["args"] and case["filename"] == "config.yaml" and "backendMode" not in case["config"]
]
# The manifests add a cluster id that is missing.
WITHOUT_ID = [case["id"] for case in STARTUP if "clusterid: t" not in case["config"].lower()]


def found(text: str, version: str) -> list[Located] | None:
    """None where the file cannot be read at all, which the command tells with an exit code of its own."""
    config = TarmakConfig.parse(CONFIG)
    try:
        mappings = Mappings.parse(text, "config.yaml")
    except TarmakIamError:
        return None
    made = Installation.of(config, config.clusters[0], mappings, None, {"daemonVersion": version})
    return check(Subjects(config, mappings, made))


def check_start(findings: list[Located] | None, started: bool, has_id: bool) -> None:
    """What would not start is an error with a place and a remedy, and nothing else is said not to start."""
    if findings is None:
        assert not started
    elif started:
        assert "IAM022" not in [each.finding.id for each in findings]
    elif has_id:
        errors = [each for each in findings if each.finding.severity is Severity.ERROR and each.finding.id != "IAM020"]
        assert [each for each in errors if each.finding.remedy and each.place.line]


@pytest.mark.sample(19)
@pytest.mark.parametrize("case", STARTUP, ids=lambda each: str(each["id"]))
def test_recorded_starts(case: dict[str, Any]) -> None:
    for version in VERSIONS:
        check_start(found(case["config"], version), bool(case["started"][version]), case["id"] not in WITHOUT_ID)


@pytest.mark.sample(40)
@pytest.mark.parametrize("case", CASES, ids=lambda each: str(each["id"]))
def test_recorded_logins(case: dict[str, Any]) -> None:
    """An entry that matches is not called useless."""
    caller = case["caller"]
    identity = Identity(caller["arn"], caller["account"], caller["userid"], caller["access_key_id"])
    # STS leaves out a role's path: nobody is a caller with one.
    is_possible = not caller["arn"].startswith("arn:aws:sts") or caller["arn"].count("/") <= 2
    for version in VERSIONS:
        findings = found(case["config"], version)
        check_start(findings, bool(case["expected"][version].get("started", True)), has_id=True)
        answer = Authenticator.load(case["config"], version=version).whois(identity)
        if is_possible and answer.authenticated and answer.route is not None and len(answer.route) > 2:
            for each in findings or []:
                is_below = each.finding.route.plain[: len(answer.route)] == answer.route.plain
                assert not (is_below and each.finding.id in NEVER_MATCHES), str(each)
