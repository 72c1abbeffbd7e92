"""Findings about mappings, as short texts: `line:column ID`, with the message where a test wants it."""

from __future__ import annotations

from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.findings import Subject
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Report, Subjects, examine
from tarmak_iam.mappings.mappings_file import Mappings

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata:
    name: cluster
"""
ADMIN = "  - {roleARN: 'arn:aws:iam::111122223333:role/Admin', username: admin, groups: ['system:masters']}\n"
ROLES = "server:\n  mapRoles:\n" + ADMIN  # the next line is the fourth
DEV = "arn:aws:iam::111122223333:role/Dev"
SSO = {"daemonVersion": "v0.7.9", "featureGates": {"SSORoleMatch": True}}


def report(mappings: str, config: str = CONFIG, **settings: Any) -> Report:
    parsed = TarmakConfig.parse(config)
    people = Mappings.parse(mappings, "map.yaml")
    made = Installation.of(parsed, parsed.clusters[0], people, None, settings)
    return examine(Subjects(parsed, people, made))


def located(mappings: str, **settings: Any) -> list[Located]:
    return [each for each in report(mappings, **settings).findings if each.finding.subject is Subject.MAPPINGS]


def places(mappings: str, **settings: Any) -> list[str]:
    return [f"{each.place.line}:{each.place.column} {each.finding.id}" for each in located(mappings, **settings)]


def only(mappings: str, **settings: Any) -> str:
    """The one finding that there is, with its text."""
    (each,) = located(mappings, **settings)
    return f"{each.place.line}:{each.place.column} {each.finding.id} {each.finding.text}"
