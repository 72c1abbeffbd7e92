"""The webhook's files: what they are called, where they belong on a master, and the kubeconfig, which says where the
API server asks and whom it trusts.
"""

from __future__ import annotations

import base64

from tarmak_iam.identity.daemon_config import DEFAULT_STATE_DIR
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.pki.pem import encode_pem

CERTIFICATE = "cert.pem"
KEY = "key.pem"
KUBECONFIG = "aws-iam-authenticator.kubeconfig"
STATE_DIR = DEFAULT_STATE_DIR
WEBHOOK_PATH = "/authenticate"

DAYS = 36500
"""How long a certificate is valid, in every release: a hundred years."""

MASTERS_VERSION = DaemonVersion(0, 4, 0)
"""Whose `init` Tarmak's masters run before every start of the API server."""


# As init.json has recorded them, byte for byte; the text changed once, in v0.5.4.
_COMMENTED = """
# clusters refers to the remote service.
clusters:
  - name: aws-iam-authenticator
    cluster:
      certificate-authority-data: {ca}
      server: {url}
# users refers to the API Server's webhook configuration
# (we don't need to authenticate the API server).
users:
  - name: apiserver
# kubeconfig files require a context. Provide one for the API Server.
current-context: webhook
contexts:
- name: webhook
  context:
    cluster: aws-iam-authenticator
    user: apiserver
"""

_LATER = """
clusters:
  - name: aws-iam-authenticator
    cluster:
      certificate-authority-data: {ca}
      server: {url}
# user refers to the API server client
users:
  - name: apiserver
current-context: webhook
contexts:
- name: webhook
  context:
    cluster: aws-iam-authenticator
    user: apiserver
"""


def webhook_kubeconfig(certificate: bytes, url: str, version: DaemonVersion = MASTERS_VERSION) -> bytes:
    """`certificate` is DER, `url` that of `ServerNames.url`; the bytes are those that `init` of the version writes.

    With the default they stay as they are when a master's own init unit has run.
    """
    text = _COMMENTED if version.has(ReleaseFeature.WEBHOOK_COMMENTS) else _LATER
    ca = base64.b64encode(encode_pem("CERTIFICATE", certificate)).decode()
    return text.format(ca=ca, url=url).encode()
