"""The URL in a token: GetCallerIdentity of STS, presigned with Signature Version 4, the cluster id as a header."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from urllib.parse import quote

from tarmak_iam.token.credentials import Credentials

__all__ = ["presign"]

_EMPTY_BODY = hashlib.sha256(b"").hexdigest()
_ALGORITHM = "AWS4-HMAC-SHA256"

# Nobody looks at it but v0.3.0 and older, which refuse more than a minute.
_EXPIRES = "60"


def presign(credentials: Credentials, host: str, region: str, cluster_id: str, now: datetime) -> str:
    """Parameters in the order in which v0.7.9 writes them; `now` in UTC.

    The steps are those of "Create a signed AWS API request" in the IAM User Guide.
    """
    time, scope = f"{now:%Y%m%dT%H%M%SZ}", f"{now:%Y%m%d}/{region}/sts/aws4_request"
    parameters = {
        "Action": "GetCallerIdentity",
        "Version": "2011-06-15",
        "X-Amz-Algorithm": _ALGORITHM,
        "X-Amz-Credential": f"{credentials.access_key_id}/{scope}",
        "X-Amz-Date": time,
        "X-Amz-Expires": _EXPIRES,
    }
    if credentials.session_token:
        parameters["X-Amz-Security-Token"] = credentials.session_token
    parameters["X-Amz-SignedHeaders"] = "host;x-k8s-aws-id"
    query = "&".join(f"{name}={quote(value, safe='-_.~')}" for name, value in parameters.items())
    headers = f"host:{host}\nx-k8s-aws-id:{cluster_id}\n"
    request = "\n".join(("GET", "/", query, headers, "host;x-k8s-aws-id", _EMPTY_BODY))
    text = "\n".join((_ALGORITHM, time, scope, hashlib.sha256(request.encode()).hexdigest()))
    signature = _hmac(_key(credentials.secret_access_key, scope), text).hex()
    return f"https://{host}/?{query}&X-Amz-Signature={signature}"


def _key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = _hmac(key, part)
    return key


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
