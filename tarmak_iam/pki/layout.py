"""What the files are called, where they belong on a master, and how long the pair lasts: the authenticator's defaults
and Tarmak's units."""

from __future__ import annotations

from tarmak_iam.identity.server_settings import DEFAULT_PORT, DEFAULT_STATE_DIR

__all__ = [
    "CERTIFICATE",
    "DAYS",
    "DEFAULT_PORT",
    "EXPIRES_WITHIN",
    "INIT_UNIT",
    "KEY",
    "KUBECONFIG",
    "STATE_DIR",
    "UNIT",
    "UNIT_DIR",
    "WEBHOOK_PATH",
]

CERTIFICATE = "cert.pem"
KEY = "key.pem"
KUBECONFIG = "aws-iam-authenticator.kubeconfig"

STATE_DIR = DEFAULT_STATE_DIR
WEBHOOK_PATH = "/authenticate"

DAYS = 36500
"""How long a certificate is valid, in every release: a hundred years."""

EXPIRES_WITHIN = 30
"""Days before the end of a certificate's validity that doctor speaks of it."""

UNIT_DIR = "/etc/systemd/system"
UNIT = "kube-apiserver.service"
INIT_UNIT = "aws-iam-authenticator-init.service"
