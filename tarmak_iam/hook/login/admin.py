"""Logs in with the admin certificate, which is the way back if IAM login does not work. Only reads."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from tarmak_iam.config.kubernetes_versions import GoVersion
from tarmak_iam.errors import ConfigError, ToolError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.hook.cluster.kubectl import Kubectl, object_in
from tarmak_iam.hook.login.review import DISTRUSTED
from tarmak_iam.installation.admin_kubeconfig import KUBECONFIG_NAME
from tarmak_iam.installation.admin_login import AdminLogin, write_admin_login
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.text import quoted

_REVIEW = "SelfSubjectReview"
_EVERYTHING = {"verb": "*", "group": "*", "resource": "*"}


class AdminVerified(NamedTuple):
    """`what` says what was found; `remedy` is "" if nothing has to be done. `login` is the login, None for a failure,
    and `path` the file that it was written to."""

    what: str
    remedy: str = ""
    login: AdminLogin | None = None
    path: Path | None = None

    @property
    def ok(self) -> bool:
        return self.login is not None


def verify_admin(installation: Installation, kubectl: Kubectl, *, now: datetime | None = None) -> AdminVerified:
    """`kubectl` must use Tarmak's own kubeconfig: raises ConfigError for another one. The API server says who the
    certificate is, and a login with system:masters is written down, with `now` (aware) as its time. Raises FileError if
    it cannot be written."""
    installation.check_masters()
    home, path = installation.home, installation.admin_path
    if home is None or path is None or not uses_admin_kubeconfig(installation, kubectl):
        what = f"the admin certificate is in {path or KUBECONFIG_NAME}, but kubectl uses another kubeconfig"
        raise ConfigError(what, remedy="use --admin without --context, and without another --kubeconfig")
    access = installation.examined_admin()
    if access.is_examined and not access.gives_access:
        return AdminVerified(access.text, access.remedy)
    subject = f"the admin certificate in {path}"
    try:
        username, method = _login(kubectl, kubectl.versions()[1])
    except ToolError as error:
        if rejection := _rejection(subject, error.message):
            return AdminVerified(rejection, access.replacement)
        return AdminVerified(f"the API server cannot be queried with {subject}: {error.what}", error.remedy)
    if username is None:
        flaw = f"is not in {ADMINS}" if method == _REVIEW else "may not do everything"
        return AdminVerified(f"the API server accepts {subject}, but it {flaw}", access.replacement)
    login = AdminLogin(now or datetime.now(timezone.utc).replace(microsecond=0), access.fingerprint, username, method)
    written = write_admin_login(login, home, Boundary(home.parent, installation.follow_links))
    # An older API server says nothing about groups: those are in the certificate, if it was examined.
    group = f"with {ADMINS}" if method == _REVIEW or access.is_admin else "and may do everything"
    name = f" as {quoted(username)}" if username else ""
    return AdminVerified(f"{subject} logged in{name} {group}", login=login, path=written)


def uses_admin_kubeconfig(installation: Installation, kubectl: Kubectl) -> bool:
    """Whether kubectl uses Tarmak's own kubeconfig of the cluster, with its current context."""
    try:
        path, used = installation.admin_path, kubectl.kubeconfig if kubectl.context is None else None
        return path is not None and used is not None and used.samefile(path)
    except OSError:
        return False


def _login(kubectl: Kubectl, server: GoVersion) -> tuple[str | None, str]:
    """The username of an admin, "" where the API server cannot say it; None for anybody else; and the kind of review.
    SelfSubjectReview is on by default from 1.28 on; older API servers say only what the user may do."""
    if not server.is_below(1, 28):
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        body = json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": _REVIEW})
        done = kubectl.run("create", "--raw", path, "-f", "-", text=body)
        if done.code == 0:
            user = (object_in(done).get("status") or {}).get("userInfo") or {}
            return str(user.get("username", "")) if ADMINS in (user.get("groups") or ()) else None, _REVIEW
    kind = "SelfSubjectAccessReview"
    asked = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": {"resourceAttributes": _EVERYTHING}}
    answer = kubectl.json("create", "-f", "-", "-o", "json", text=json.dumps(asked))
    return "" if (answer.get("status") or {}).get("allowed") is True else None, kind


def _rejection(subject: str, message: str) -> str:
    """Why the certificate is not used; "" if it is not the reason."""
    text = message.lower()
    if "unauthorized" in text or "must be logged in" in text:
        why = "the API server does not trust its CA, or the certificate has expired by the API server's clock"
        return f"the API server rejects {subject}: {why}"
    if DISTRUSTED.search(message):
        why = f"the CA in the kubeconfig did not sign the API server's certificate ({message})"
        return f"{subject} is not used: {why}"
    return ""
