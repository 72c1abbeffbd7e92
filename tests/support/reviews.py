"""Reviews of mappings texts, for tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tarmak_iam.aws.trust_files import TrustPolicies
from tarmak_iam.config import TarmakConfig
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, examine
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.report.git_history import Repository
from tarmak_iam.report.model import ClusterReview
from tarmak_iam.report.review import AccessReview, ReviewedCluster, put_together, review_cluster

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata: {name: cluster}
  kubernetes: {version: 1.12.9, apiServer: {amazon: {awsIAMAuthenticatorInit: true}}}
environments:
- metadata: {name: dev}
  location: eu-west-1
"""
NO_GIT = Repository(unknown="no git repository")
ACCOUNT = "111122223333"
ADMIN = f"arn:aws:iam::{ACCOUNT}:role/Admin"


def installation(mappings: str | None, config: str = CONFIG, **settings: Any) -> Installation:
    parsed = TarmakConfig.parse(config)
    people = None if mappings is None else Mappings.parse(mappings, "map.yaml")
    return Installation.of(parsed, parsed.clusters[0], people, None, settings)


def subjects(made: Installation, config: str = CONFIG, trust_policies: TrustPolicies | None = None) -> Subjects:
    return Subjects(TarmakConfig.parse(config), made.mappings, made, trust_policies=trust_policies)


def cluster_review(mappings: str | None, config: str = CONFIG, **settings: Any) -> ClusterReview:
    found = subjects(installation(mappings, config, **settings), config)
    return review_cluster(found, examine(found), NO_GIT)


def access_review(*mappings: str, trust_policies: TrustPolicies | None = None, **settings: Any) -> AccessReview:
    """Of as many clusters as there are texts, all of one name."""
    made = [installation(each, **settings) for each in mappings]
    found = [subjects(each, trust_policies=trust_policies) for each in made]
    report = examine(*found)
    reviewed = [
        ReviewedCluster(review_cluster(each, report, NO_GIT), one.loaded) for one, each in zip(made, found, strict=True)
    ]
    return put_together(Path("config/tarmak.yaml"), reviewed, report, NO_GIT)
