"""The admin certificate logs in: the way back, which is tried before it is needed."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.login.admin import AdminVerified, verify_admin
from tarmak_iam.hook.programs import Completed
from tarmak_iam.installation.admin_login import LOGIN_NAME
from tarmak_iam.installation.installation import Installation
from tests.support import EXAMPLES
from tests.support.admin_certificates import certificate, kubeconfig, logins, write
from tests.support.fake_cluster import Cluster, away, failed
from tests.support.installations import installation

NOW = datetime(2026, 5, 4, 12, 0, 0, tzinfo=timezone.utc)
ADMIN = {"username": "admin", "groups": ["system:masters", "system:authenticated"]}
UNAUTHORIZED = failed("error: You must be logged in to the server (Unauthorized)")
OTHER_CA = failed("Unable to connect to the server: x509: certificate signed by unknown authority")
NO_TEXT = '{"time": "2026-05-04T12:00:00+00:00", "certificate": 7, "username": "x", "method": "x"}'
LONG = NO_TEXT.replace("7", '"x"') + " " * 70_000
NAIVE = NO_TEXT.replace("7", '"x"').replace("+00:00", "")
FAR = '{"time": "9999-12-31T23:59:59-23:59", "certificate": "x", "username": "x", "method": "x"}'


def reviewed(user: dict[str, Any]) -> Completed:
    return Completed(("kubectl",), 0, json.dumps({"status": {"userInfo": user}}), "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return write(tmp_path / "dev-cluster").parent


def installed(home: Path, days: int = 0) -> Installation:
    return replace(installation(), home=home, now=NOW + timedelta(days=days))


def kubectl_of(cluster: Cluster, path: Path) -> Kubectl:
    return replace(cluster.kubectl(), kubeconfig=path)


def verified(cluster: Cluster, home: Path) -> AdminVerified:
    return verify_admin(installed(home), kubectl_of(cluster, home / "kubeconfig"), now=NOW)


def test_a_login_is_kept_and_shown(home: Path) -> None:
    done = verified(Cluster(self_review=reviewed(ADMIN)), home)
    path = home / "kubeconfig"
    assert (done.ok, done.remedy, done.path) == (True, "", home / LOGIN_NAME)
    assert done.what == f"the admin certificate in {path} logged in as 'admin' with system:masters"
    assert (home / LOGIN_NAME).stat().st_mode & 0o777 == 0o600
    valid = f"recovery access: the admin certificate in {path} is valid until 2990-01-01 and in system:masters"
    assert installed(home).recovery_hint == f"{valid}; it last logged in on 2026-05-04, today"
    assert installed(home, 1).recovery_hint == f"{valid}; it last logged in on 2026-05-04, 1 day ago"
    assert installed(home, 40).admin_access.text == f"{valid}; it last logged in on 2026-05-04, 40 days ago"
    assert installed(home, 40).admin_access.last_login == NOW
    write(home, kubeconfig(logins(certificate(since="2021-01-01"))))
    access = installed(home).admin_access
    assert access.text.endswith(" and in system:masters; another certificate logged in last")
    assert access.last_login is None


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "null", '{"time": "2026-05-04"}', "[" * 100_000, '{"time": 7}', FAR, LONG, NO_TEXT, NAIVE],
    ids=range(11),
)
def test_a_file_that_is_no_login(home: Path, content: str) -> None:
    (home / LOGIN_NAME).write_text(content)
    access = installed(home).admin_access
    assert access.text.endswith("2990-01-01 and in system:masters")
    assert access.login is None
    # A login of a certificate that was not read is not compared.
    (home / LOGIN_NAME).write_text(NO_TEXT.replace("7", '""'))
    assert installed(home).admin_access.text.endswith("2990-01-01 and in system:masters")


@pytest.mark.parametrize(("server", "is_served"), [("v1.12.9", True), ("v1.27.9", True), ("v1.30.1", False)])
def test_an_older_api_server_says_only_what_the_user_may(home: Path, server: str, is_served: bool) -> None:
    """It is not asked what it does not know. The group is claimed only if the certificate names it."""
    unserved = failed("Error from server (NotFound): the server could not find it")
    cluster = Cluster(server=server, self_review=None if is_served else unserved)
    done = verified(cluster, home)
    assert done.login is not None
    assert (done.login.method, done.login.username) == ("SelfSubjectAccessReview", "")
    assert done.what == f"the admin certificate in {home}/kubeconfig logged in with system:masters"
    assert any("--raw" in call for call in cluster.calls) is not is_served
    (home / "kubeconfig").write_text(kubeconfig("client-certificate: admin.pem"))
    done = verified(cluster, home)
    assert done.what == f"the admin certificate in {home}/kubeconfig logged in and may do everything"
    unclear = Cluster(server=server, self_review=None if is_served else unserved)
    unclear.fault_aside = lambda _: Completed(("kubectl",), 0, '{"status": {}}', "")
    assert not verified(unclear, home).ok


@pytest.mark.parametrize(
    ("cluster", "what"),
    [
        (Cluster(self_review=reviewed({"username": "bob", "groups": ["dev"]})), "but it is not in system:masters"),
        (Cluster(server="v1.12.9", denied={("*", "*")}), "but it may not do everything"),
        (Cluster(fault=lambda _: UNAUTHORIZED), "the API server rejects the admin certificate in "),
        (Cluster(fault=lambda _: OTHER_CA), "did not sign the API server's certificate"),
    ],
    ids=["no admin", "no admin, older", "unauthorized", "other CA"],
)
def test_a_login_that_fails(home: Path, cluster: Cluster, what: str) -> None:
    done = verified(cluster, home)
    assert (done.ok, done.path) == (False, None)
    assert what in done.what
    assert done.remedy.startswith("move the kubeconfig away and run `tarmak clusters kubeconfig`")
    assert not (home / LOGIN_NAME).exists()


def test_a_cluster_that_does_not_answer_is_no_reason_for_another_certificate(home: Path) -> None:
    done = verified(Cluster(fault=away(99)), home)
    assert (done.ok, done.path) == (False, None)
    assert done.what.startswith(f"the API server cannot be queried with the admin certificate in {home}/kubeconfig: ")
    assert done.remedy == "check that the cluster is up and the tunnel is open: `tarmak clusters kubeconfig`"


@pytest.mark.parametrize(
    ("times", "what", "remedy"),
    [
        (("2020-01-01", "2021-01-01"), "expired on 2021-01-01", "run `tarmak clusters kubeconfig` for a new one"),
        (("2030-01-01", "2031-01-01"), "is not valid before 2030-01-01", "check the clock of this machine"),
    ],
)
def test_what_the_certificate_itself_says(home: Path, times: tuple[str, str], what: str, remedy: str) -> None:
    """Then the API server is not asked."""
    write(home, kubeconfig(logins(certificate(*times))))
    done = verified(Cluster(fault=lambda _: pytest.fail("asked")), home)
    assert (done.ok, done.remedy) == (False, remedy)
    assert what in done.what


def test_another_kubeconfig_is_no_way_back(home: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other")
    for path in (other, tmp_path / "nothing"):
        with pytest.raises(ConfigError, match="but kubectl uses another kubeconfig; use --admin without --context"):
            verify_admin(installed(home), kubectl_of(Cluster(), path))
    own = kubectl_of(Cluster(), home / "kubeconfig")
    for kubectl in (replace(own, kubeconfig=None), replace(own, context="other")):
        with pytest.raises(ConfigError, match="but kubectl uses another kubeconfig"):
            verify_admin(installed(home), kubectl)


def test_nothing_is_written_to_the_cluster(home: Path) -> None:
    for server in ("v1.12.9", "v1.30.1"):
        cluster = Cluster(server=server, self_review=reviewed(ADMIN))
        before = json.dumps(sorted(map(str, cluster.objects.items())))
        verified(cluster, home)
        assert json.dumps(sorted(map(str, cluster.objects.items()))) == before


def test_a_hub_has_no_api_server_to_log_in_to(home: Path) -> None:
    hub = replace(installed(home), cluster=TarmakConfig.load(EXAMPLES / "multi").cluster("prod-hub"))
    with pytest.raises(ConfigError, match="prod-hub is a hub: it has no masters"):
        verify_admin(hub, kubectl_of(Cluster(), home / "kubeconfig"))
