"""The rules against recordings of real daemons: what would not start is an error, what works is never useless."""

from __future__ import annotations

from functools import cache
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


@cache
def found(text: str, version: str) -> list[Located] | None:
    """None where the file cannot be read at all, which the command tells with an exit code of its own."""
    config = TarmakConfig.parse(CONFIG)
    try:
        mappings = Mappings.parse(text, "config.yaml")
    except TarmakIamError:
        return None
    made = Installation.of(config, config.clusters[0], mappings, None, {"daemonVersion": version})
    return check(Subjects(config, mappings, made))


def started(case: dict[str, Any], version: str) -> bool:
    if "started" in case:
        return bool(case["started"][version])
    return bool(case["expected"][version].get("started", True))


@pytest.mark.sample(120)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", [*CASES, *STARTUP], ids=lambda each: each["id"])
def test_what_would_not_start_is_an_error(case: dict[str, Any], version: str) -> None:
    findings = found(case["config"], version)
    if findings is None:
        assert not started(case, version)
    elif started(case, version):
        assert "IAM022" not in [each.finding.id for each in findings]
    elif case["id"] not in WITHOUT_ID:
        assert Severity.ERROR in [each.finding.severity for each in findings if each.finding.id != "IAM020"]


@pytest.mark.sample(120)
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES, ids=lambda each: each["id"])
def test_an_entry_that_matches_is_not_called_useless(case: dict[str, Any], version: str) -> None:
    caller = case["caller"]
    if caller["arn"].startswith("arn:aws:sts") and caller["arn"].count("/") > 2:
        return  # a role's path, which STS leaves out: nobody is such a caller
    identity = Identity(caller["arn"], caller["account"], caller["userid"], caller["access_key_id"])
    answer = Authenticator.load(case["config"], version=version).whois(identity)
    for each in found(case["config"], version) or []:
        if answer.authenticated and answer.route is not None and len(answer.route) > 2:
            is_below = each.finding.route.plain[: len(answer.route)] == answer.route.plain
            assert not (is_below and each.finding.id in NEVER_MATCHES), str(each)
