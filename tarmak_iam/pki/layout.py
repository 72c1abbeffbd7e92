"""What the files are called, and where they belong on a master: the authenticator's defaults and Tarmak's units."""

from __future__ import annotations

__all__ = [
    "CERTIFICATE",
    "DEFAULT_PORT",
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

STATE_DIR = "/var/aws-iam-authenticator"
"""Working directory of Tarmak's init unit, and the daemon's default --state-dir."""

DEFAULT_PORT = 21362
WEBHOOK_PATH = "/authenticate"

UNIT_DIR = "/etc/systemd/system"
UNIT = "kube-apiserver.service"
INIT_UNIT = "aws-iam-authenticator-init.service"
