"""The webhook's files: their names, their paths on a master, and the kubeconfig, which contains the URL that the API
server calls and the certificate that it trusts.
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
"""Validity of a certificate, the same in every release: a hundred years."""

MASTERS_VERSION = DaemonVersion(0, 4, 0)
"""The release whose `init` Tarmak's masters run before every start of the API server."""

# Byte for byte as recorded in init.json; the text changed once, in v0.5.4.
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
    """The kubeconfig, byte for byte as `init` of this release writes it. `certificate` is DER, `url` that of
    `ServerNames.url`.

    With the default release, the init unit of a master writes the same bytes again.
    """
    text = _COMMENTED if version.has(ReleaseFeature.WEBHOOK_COMMENTS) else _LATER
    ca = base64.b64encode(encode_pem("CERTIFICATE", certificate)).decode()
    return text.format(ca=ca, url=url).encode()
