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

_UNITS = Path(__file__).parent / "master"
API_TEXT = (_UNITS / "kube-apiserver.service").read_text(encoding="utf-8")
INIT_TEXT = (_UNITS / "aws-iam-authenticator-init.service").read_text(encoding="utf-8")


def lay_master(
    root: Path, names: ServerNames = LOCALHOST, *, api: str = API_TEXT, init: str | None = INIT_TEXT
) -> Path:
    content = files(names)
    laid = {f"{STATE}/{name}": content[name] for name in (CERTIFICATE, KEY, KUBECONFIG)}
    laid |= {WEBHOOK: content[KUBECONFIG], API_UNIT: api.encode()}
    if init is not None:
        laid[INIT_UNIT] = init.encode()
    return lay(root, laid)
