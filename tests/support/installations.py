"""Installations to make artifacts of."""

from __future__ import annotations

from typing import Any

from tarmak_iam.config import TarmakConfig
from tarmak_iam.installation.admin_kubeconfig import AdminKubeconfig
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.mappings_file import Mappings

CONFIG = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: dev-cluster
clusters:
- environment: dev
  metadata: {{name: cluster}}
  kubernetes: {{apiServer: {api_server}}}
environments:
- metadata: {{name: dev}}
  location: "{location}"
  provider: aws
providers:
- metadata: {{name: aws}}
  amazon: {{publicZone: k8s.example.com}}
"""

MAPPINGS = """\
# people
clusterID: dev-cluster   # the id
server:
  mapRoles:
  - roleARN: arn:aws:iam::111122223333:role/Admin   # admins
    username: admin
    groups: ["system:masters"]
"""
ON = "{amazon: {awsIAMAuthenticatorInit: true}}"
CA = "LS0tLS1CRUdJTg=="
ADMIN = AdminKubeconfig("https://127.0.0.1:40123", CA)


def installation(
    *,
    api_server: str = ON,
    location: str = "eu-west-1",
    mappings: str | None = MAPPINGS,
    admin: AdminKubeconfig | None = ADMIN,
    **overrides: Any,
) -> Installation:
    config = TarmakConfig.parse(CONFIG.format(api_server=api_server, location=location))
    parsed = None if mappings is None else Mappings.parse(mappings)
    return Installation.of(config, config.current_cluster, parsed, None, overrides, admin=admin)
