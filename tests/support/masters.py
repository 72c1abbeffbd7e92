"""A master's files, as Tarmak's Puppet and its init unit leave them."""

from __future__ import annotations

from pathlib import Path

from tarmak_iam.pki import ServerNames
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG
from tests.support.webhook_pairs import LOCALHOST, files, lay

__all__ = ["API_UNIT", "FLAG_FILE", "INIT_UNIT", "STATE", "WEBHOOK", "lay_master"]

STATE = "var/aws-iam-authenticator"
WEBHOOK = "etc/kubernetes/aws-iam-authenticator/kubeconfig.yaml"
FLAG_FILE = f"/{WEBHOOK}"
API_UNIT = "etc/systemd/system/kube-apiserver.service"
INIT_UNIT = "etc/systemd/system/aws-iam-authenticator-init.service"

API_TEXT = f"""\
[Unit]
Description=Kubernetes API Server
After=aws-iam-authenticator-init.service network.target kube-apiserver-cert.service
Requires=aws-iam-authenticator-init.service kube-apiserver-cert.service

[Service]
Slice=podruntime.slice
User=kubernetes
Group=kubernetes
ExecStart=/opt/bin/apiserver \\
  --v=2 \\
  "--etcd-servers=https://localhost:2379" \\
  "--authentication-token-webhook-config-file={FLAG_FILE}" \\
  --profiling=false \\
  --logtostderr=true

Restart=on-failure

[Install]
WantedBy=multi-user.target
"""
INIT_TEXT = f"""\
[Unit]
Description=Initialise heptio authenticator (AWS IAM authenticator)
Documentation=https://github.com/kubernetes-sigs/aws-iam-authenticator
After=network.target
Before=kube-apiserver.service

[Service]
Type=oneshot
WorkingDirectory=/var/aws-iam-authenticator
ExecStartPre=/opt/aws_authenticator/aws-iam-authenticator \\
  init -i dev-cluster
ExecStartPre=/bin/mkdir -p /etc/kubernetes/aws-iam-authenticator
ExecStart=/bin/cp \\
  /var/aws-iam-authenticator/aws-iam-authenticator.kubeconfig \\
  {FLAG_FILE}

[Install]
WantedBy=multi-user.target
"""


def lay_master(
    root: Path, names: ServerNames = LOCALHOST, *, api: str = API_TEXT, init: str | None = INIT_TEXT
) -> Path:
    content = files(names)
    laid = {f"{STATE}/{name}": content[name] for name in (CERTIFICATE, KEY, KUBECONFIG)}
    laid |= {WEBHOOK: content[KUBECONFIG], API_UNIT: api.encode()}
    if init is not None:
        laid[INIT_UNIT] = init.encode()
    return lay(root, laid)
