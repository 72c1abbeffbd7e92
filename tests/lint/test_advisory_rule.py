"""IAM131: a finding for each security flaw of the release that a cluster is open to."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint import Subjects, check
from tarmak_iam.lint.image_rules import image_findings
from tests.lint.mapped import CONFIG
from tests.support.installations import MAPPINGS, installation

REDIRECTS = (
    "authenticator v0.4.0 is affected by aws-iam-authenticator#341: it ignores malformed query parameters of a token "
    "instead of rejecting the token, and follows redirects of STS; use an image of v0.5.9 or later"
)
DUPLICATES = (
    "authenticator %s is affected by aws-iam-authenticator#469: a token can contain a query parameter twice, in "
    "different case, and it checks only one of them: a token whose signature does not include the cluster ID can be "
    "accepted, so that it can be used for other clusters too; use an image of v0.5.9 or later"
)
ACCESS_KEY = (
    "authenticator v0.5.8 is affected%s by CVE-2022-2385: callers can choose the value of {{AccessKeyID}}, and so log "
    "in with the username or group of another caller; use an image of v0.5.9 or later"
)
WITH_ACCESS_KEY = MAPPINGS.replace("username: admin", "username: 'admin:{{AccessKeyID}}'")
RESERVED = f"{MAPPINGS}  reservedPrefixConfig: [{{backendMode: CRD, usernamePrefixReserveList: [corp]}}]\n"


def texts(mappings: str | None = MAPPINGS, **settings: Any) -> list[str]:
    made = installation(mappings=mappings, **settings)
    return [finding.text for finding in image_findings(made) if finding.id == "IAM131"]


def test_the_release_of_tarmaks_documentation() -> None:
    assert texts(image="x:v0.4.0") == [REDIRECTS, DUPLICATES % "v0.4.0"]
    assert texts(None, image="x:v0.4.0") == [REDIRECTS, DUPLICATES % "v0.4.0"]


def test_what_the_mappings_decide() -> None:
    assert texts(image="x:v0.5.8") == [DUPLICATES % "v0.5.8"]
    assert texts(WITH_ACCESS_KEY, image="x:v0.5.8") == [DUPLICATES % "v0.5.8", ACCESS_KEY % ""]
    condition = ", if a mapping that is not in its configuration contains {{AccessKeyID}},"
    assert texts(image="x:v0.5.8", backends=["CRD"]) == [DUPLICATES % "v0.5.8", ACCESS_KEY % condition]


@pytest.mark.parametrize("version", ["v0.5.9", "v0.6.20", "v0.7.9", "v0.7.18"])
def test_releases_without_a_flaw_that_these_mappings_are_open_to(version: str) -> None:
    assert texts(WITH_ACCESS_KEY, image=f"x:{version}") == []


def test_the_release_that_fixes_all_of_them() -> None:
    (text,) = texts(RESERVED, image="x:v0.5.15", backends=["CRD"])
    assert text.endswith("can give usernames with these prefixes; use an image of v0.7.17 or later")
    assert texts(RESERVED, image="x:v0.7.17", backends=["CRD"]) == []


def test_the_image_counts_where_daemon_version_says_something_else() -> None:
    both = f"{DUPLICATES % 'v0.5.8'}, and set daemonVersion to its release"
    assert texts(image="x:v0.5.8", daemonVersion="v0.7.18") == [both]
    assert texts(image="x:v0.7.18", daemonVersion="v0.5.8") == []
    assert texts(image="x:latest", daemonVersion="v0.5.8") == [both]


def test_where_daemon_version_chooses_the_image_it_is_what_to_change() -> None:
    (text,) = texts(daemonVersion="v0.5.8")
    assert text.endswith("; set daemonVersion to v0.5.9 or later")
    assert texts(daemonVersion="v0.5.9") == []


def test_a_hub_runs_no_authenticator() -> None:
    parsed = TarmakConfig.parse(
        CONFIG.replace("clusters:\n", "clusters:\n- environment: dev\n  metadata: {name: hub}\n  type: hub\n")
    )
    hub = next(cluster for cluster in parsed.clusters if cluster.is_hub)
    assert image_findings(Installation.of(parsed, hub, None, None, {"image": "x:v0.4.0"})) == []


def test_the_place_is_the_setting_that_chose_the_image() -> None:
    parsed = TarmakConfig.parse(CONFIG)
    settings, document = parse_settings("exec: aws\nimage: x:v0.5.8\n")
    made = Installation.of(parsed, parsed.clusters[0], None, settings)
    (found,) = (each for each in check(Subjects(None, None, made, document)) if each.finding.id == "IAM131")
    assert str(found) == f"tarmak-iam.yaml:2:8: warning: {DUPLICATES % 'v0.5.8'} [IAM131]"
