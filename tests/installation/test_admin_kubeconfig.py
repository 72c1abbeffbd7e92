"""What the admin certificate is found to be, on kubeconfigs of every kind."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID, ObjectIdentifier

from tarmak_iam.errors import ConfigError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.installation.admin_kubeconfig import AdminAccess, AdminState, examine_admin, parse_admin_kubeconfig
from tarmak_iam.text import CommandLine
from tests.support import ROOT
from tests.support.admin_certificates import (
    CLIENT,
    SERVER,
    authority,
    certificate,
    encoded,
    key_pem,
    kubeconfig,
    logins,
    write,
)

ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)
GOOD = certificate("2026-01-01", "2027-01-01")
RENEW = "run `tarmak clusters kubeconfig` for a new one"
REPLACE = "move the kubeconfig away and run `tarmak clusters kubeconfig` for a new one"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "config" / "dev-cluster"
    home.mkdir(parents=True)
    return home


def examined(home: Path, text: str | None = None, now: datetime = NOW) -> AdminAccess:
    if text is not None:
        write(home, text)
    return examine_admin(home, now=now)


def test_a_way_back(home: Path) -> None:
    found = examined(home, kubeconfig(logins(GOOD)))
    assert (found.state, found.gives_access, found.is_signed_by_ca) == (AdminState.VALID, True, True)
    what = f"the admin certificate in {home}/kubeconfig is valid until 2027-01-01 and in system:masters"
    assert found.text == f"recovery access: {what}"
    assert (found.remedy, found.advice) == ("", found.text)
    assert (found.common_name, found.organizations) == ("admin", ("system:masters",))
    assert found.not_before == datetime(2026, 1, 1, tzinfo=timezone.utc)
    assert found.not_after == datetime(2027, 1, 1, tzinfo=timezone.utc)


def of(until: str = "2027-01-01", since: str = "2026-01-01", **options: Any) -> str:
    """A kubeconfig with a certificate of these dates."""
    return kubeconfig(logins(certificate(since, until, **options)))


def of_user(login: str) -> str:
    """What is said of a user without a certificate."""
    return f"{NO_CERTIFICATE}: its user logs in with {login}"


PEM_CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
PEM_KEY = b"-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n"
NO_CERTIFICATE = "the current context of PATH has no client certificate"
ADMIN = "the admin certificate in PATH"
NO_CLIENT = f"{ADMIN} is not for clients: its extended key usage does not contain client authentication"
UNREADABLE = f"{ADMIN} cannot be read: it is not a kubeconfig that kubectl can read"
CURRENT, NAME = "current-context: dev-cluster", "- name: dev-cluster\n  context"
WHOLE = kubeconfig(logins(GOOD))
REMEDIES = {
    "notYetValid": "check the clock of this machine",
    **dict.fromkeys(("valid", "notForClients", "otherCA", "wrongKey", "unreadable"), REPLACE),
}


@pytest.mark.parametrize(
    ("state", "what", "text"),
    [
        ("missing", "PATH does not exist", None),
        ("expired", f"{ADMIN} expired on 2020-01-01", of("2020-01-01", "2019-01-01")),
        ("notYetValid", f"{ADMIN} is not valid before 2030-01-01", of("2031-01-01", "2030-01-01")),
        (
            "valid",
            f"{ADMIN} is valid until 2027-01-01, but not in system:masters",
            of(organizations=("dev", "ops")),
        ),
        ("notForClients", NO_CLIENT, of(usages=(SERVER,))),
        (
            "otherCA",
            f"{ADMIN} is not signed by the CA in the same file",
            kubeconfig(logins(GOOD), ca=authority("another")),
        ),
        (
            "otherCA",
            f"{ADMIN} is signed by a CA that expired on 2026-02-01",
            kubeconfig(logins(GOOD), ca=authority(until="2026-02-01")),
        ),
        (
            "wrongKey",
            "the key in PATH does not belong to the admin certificate",
            kubeconfig(logins(GOOD, key_pem("another"))),
        ),
        ("wrongKey", "the key of the admin certificate in PATH cannot be read", kubeconfig(logins(GOOD, PEM_KEY))),
        (
            "wrongKey",
            "the key of the admin certificate in PATH is encrypted",
            kubeconfig(logins(GOOD, key_pem(password=b"secret"))),
        ),
        (
            "wrongKey",
            "PATH contains no key for the admin certificate",
            kubeconfig(f"client-certificate-data: {encoded(GOOD)}"),
        ),
        ("noCertificate", NO_CERTIFICATE, kubeconfig(f"client-key-data: {encoded(key_pem())}")),
        ("noCertificate", of_user("a token"), kubeconfig("token: abc")),
        ("noCertificate", of_user("username and password"), kubeconfig("username: admin, password: abc")),
        ("noCertificate", of_user("a command"), kubeconfig("exec: {command: aws-iam-authenticator}")),
        ("noCertificate", of_user("an auth provider"), kubeconfig("auth-provider: {name: oidc}")),
        ("noCertificate", of_user("a token"), WHOLE.replace(CURRENT, "current-context: other")),
        ("noCertificate", NO_CERTIFICATE, WHOLE.replace(CURRENT, "current-context: ''")),
        ("noCertificate", NO_CERTIFICATE, WHOLE.replace(f"{CURRENT}\n", "").replace(NAME, "- context")),
        *(
            ("noCertificate", NO_CERTIFICATE, text)
            for text in ("", "[]", "users: 5\ncontexts: {a: b}\n", kubeconfig().replace("users:", "nobody:"))
        ),
        (
            "unreadable",
            f"{ADMIN} cannot be read: it is not a valid certificate",
            kubeconfig(logins(PEM_CERTIFICATE)),
        ),
        (
            "unreadable",
            f"{ADMIN} cannot be read: it contains no certificate in PEM format",
            kubeconfig(logins(b"secret")),
        ),
        ("unreadable", UNREADABLE, "secret: ["),
        ("unreadable", UNREADABLE, kubeconfig("client-certificate-data: secret")),
        ("unreadable", UNREADABLE, kubeconfig("client-key: [1]")),
    ],
)
def test_no_recovery_access(home: Path, state: str, what: str, text: str | None) -> None:
    found = examined(home, text)
    remedy = REMEDIES.get(state, RENEW)
    assert (str(found.state), found.gives_access, found.is_examined) == (state, False, True)
    assert found.text == "no recovery access: " + what.replace("PATH", str(home / "kubeconfig"))
    assert found.remedy == remedy
    assert found.advice == f"{found.text}; {remedy}"
    assert "secret" not in repr(found).replace(str(home), "HOME")


def test_what_is_no_file(home: Path) -> None:
    (home / "kubeconfig").mkdir()
    assert examined(home).what == f"the admin certificate in {home}/kubeconfig cannot be read: Is a directory"
    (home / "kubeconfig").rmdir()
    os.mkfifo(home / "kubeconfig")
    assert examined(home).what.endswith("cannot be read: this is a named pipe")


@pytest.mark.parametrize("kind", ["rsa", "ec", "ed25519"])
def test_every_kind_of_key(home: Path, kind: str) -> None:
    pem = certificate("2026-01-01", "2027-01-01", name=kind, kind=kind)
    assert examined(home, kubeconfig(logins(pem, key_pem(kind, kind)))).gives_access


@pytest.mark.parametrize(
    ("now", "state"),
    [
        ("2025-12-31T23:59:59", "notYetValid"),
        ("2026-01-01T00:00:00", "valid"),
        ("2027-01-01T00:00:00", "valid"),
        ("2027-01-01T00:00:01", "expired"),
    ],
)
def test_the_limits_are_inclusive(home: Path, now: str, state: str) -> None:
    write(home, kubeconfig(logins(GOOD)))
    assert str(examined(home, now=datetime.fromisoformat(now).replace(tzinfo=timezone.utc)).state) == state


def test_the_last_common_name_is_the_user(home: Path) -> None:
    """As crypto/x509/pkix fills its Name, from which Kubernetes takes the user."""
    pem = certificate("2026-01-01", "2027-01-01", names=("first", "last"))
    assert examined(home, kubeconfig(logins(pem))).common_name == "last"


def test_the_time_of_the_call_counts_where_none_is_given(home: Path) -> None:
    write(home)
    assert examine_admin(home).gives_access
    write(home, kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))))
    assert examine_admin(home).state is AdminState.EXPIRED


@pytest.mark.parametrize("usages", [None, (CLIENT, SERVER), (ANY,)])
def test_other_usages_that_allow_a_client(home: Path, usages: tuple[ObjectIdentifier, ...] | None) -> None:
    pem = certificate("2026-01-01", "2027-01-01", usages=usages)
    assert examined(home, kubeconfig(logins(pem))).gives_access


def test_the_first_certificate_of_a_chain_is_the_admins(home: Path) -> None:
    between = certificate("2020-01-01", "2990-01-01", (), name="between", usages=None)
    own = certificate("2026-01-01", "2027-01-01", issuer="between")
    assert examined(home, kubeconfig(logins(own + between))).gives_access
    assert examined(home, kubeconfig(logins(own))).state is AdminState.OTHER_CA
    assert examined(home, kubeconfig(logins(between + own))).state is AdminState.WRONG_KEY


def test_certificates_that_have_signed_each_other(home: Path) -> None:
    loop = [certificate("2000-01-01", f"{2100 + n}-01-01", (), name="x", issuer="x") for n in range(19)]
    own = certificate("2026-01-01", "2027-01-01", issuer="x")
    assert examined(home, kubeconfig(logins(b"".join([own, *loop[:18]])))).state is AdminState.OTHER_CA
    found = examined(home, kubeconfig(logins(b"".join([own, *loop]))))
    assert (found.state, found.why_not_examined) == (AdminState.NOT_EXAMINED, "it contains more than 20 certificates")


def test_one_ca_of_several(home: Path) -> None:
    bundle = authority("another") + b"junk\n" + authority()
    assert examined(home, kubeconfig(logins(GOOD), ca=bundle)).gives_access
    renewed = authority(until="2026-02-01") + authority()
    assert examined(home, kubeconfig(logins(GOOD), ca=renewed)).gives_access


@pytest.mark.parametrize(
    "cluster",
    ["insecure-skip-tls-verify: true", "certificate-authority: /etc/ca.pem", "certificate-authority: none.pem"],
)
def test_without_a_ca_nothing_is_said_of_the_signature(home: Path, cluster: str) -> None:
    found = examined(home, kubeconfig(logins(GOOD), cluster=cluster))
    assert (found.gives_access, found.is_signed_by_ca) == (True, None)


@pytest.mark.parametrize(
    "user", ["client-certificate: admin.pem", f"client-certificate-data: {encoded(GOOD)}, client-key: /key.pem"]
)
def test_other_files_are_not_read(home: Path, user: str) -> None:
    found = examined(home, kubeconfig(user))
    assert (found.state, found.gives_access, found.remedy) == (AdminState.NOT_EXAMINED, False, "")
    assert found.text == (
        f"the admin certificate in {home}/kubeconfig was not examined: {home}/kubeconfig refers to other files"
    )
    data = f"client-certificate: admin.pem, client-key: /key.pem, {logins(GOOD)}"
    assert examined(home, kubeconfig(data)).gives_access  # data has precedence


def test_a_configuration_that_is_not_in_a_file() -> None:
    found = examine_admin(None)
    assert (found.state, found.text, found.advice) == (
        AdminState.NOT_EXAMINED,
        "the admin certificate was not examined",
        "the admin certificate was not examined",
    )


def test_the_command_names_the_cluster_where_another_one_is_current(home: Path) -> None:
    found = examine_admin(home, command_line=CommandLine(cluster_name="prod-blue"), now=NOW)
    assert found.remedy == "run `tarmak --current-cluster prod-blue clusters kubeconfig` for a new one"


def test_known_hosts_are_what_tarmak_leaves_of_instances(home: Path) -> None:
    assert not examined(home).has_known_hosts
    (home / "ssh_known_hosts").touch()  # before there are any
    assert not examined(home).has_known_hosts
    (home / "ssh_known_hosts").write_text("10.0.0.1 ssh-rsa AAAA\n")
    assert examined(home).has_known_hosts


UNKNOWN = "; its key and its signature were not examined, because cryptography is not installed"


def test_without_cryptography(tmp_path: Path) -> None:
    expected = {
        "valid": (logins(certificate()), "is valid until 2990-01-01 and in system:masters"),
        "expired": (logins(certificate("2019-01-01", "2020-01-01")), "expired on 2020-01-01"),
        "unreadable": (logins(PEM_CERTIFICATE), "cannot be read: it is not a valid certificate"),
    }
    for state, (user, _) in expected.items():
        write(tmp_path / state, kubeconfig(user))
    program = (
        "import sys\nsys.modules['cryptography'] = None\nfrom pathlib import Path\n"
        "from tarmak_iam.installation.admin_kubeconfig import examine_admin\n"
        f"for state in {[*expected]}:\n    found = examine_admin(Path({str(tmp_path)!r}, state))\n"
        "    print(found.state, found.text)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.splitlines() == [
        f"{state} {'' if state == 'valid' else 'no '}recovery access: the admin certificate in {tmp_path}/{state}/"
        f"kubeconfig {what}{UNKNOWN if state == 'valid' else ''}"
        for state, (_, what) in expected.items()
    ]


def test_a_kubeconfig_that_a_link_leads_elsewhere_for(tmp_path: Path) -> None:
    home = tmp_path / "config" / "dev-cluster"
    home.mkdir(parents=True)
    elsewhere = tmp_path / "kubeconfig"
    elsewhere.write_text("users: []\n")
    (home / "kubeconfig").symlink_to(elsewhere)
    found = examine_admin(home, now=NOW)
    assert found.state is AdminState.UNREADABLE
    assert f"this is a link to {elsewhere}, outside of {home.parent}" in found.text
    followed = examine_admin(home, now=NOW, within=Boundary(home.parent, follow_links=True))
    assert followed.state is AdminState.NO_CERTIFICATE


CLUSTERS = """\
clusters:
- {name: a, cluster: {server: https://a, certificate-authority-data: "QU FB"}}
- {name: b, cluster: {server: https://b, certificate-authority-data: QkJC}}
contexts: [{name: x, context: {cluster: b}}]
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLUSTERS + "current-context: x\n", ("https://b", "QkJC")),
        (CLUSTERS + "current-context: y\n", ("https://a", "QUFB")),
        (CLUSTERS, ("https://a", "QUFB")),
    ],
)
def test_the_cluster_of_the_current_context_or_the_first(text: str, expected: tuple[str, str]) -> None:
    assert parse_admin_kubeconfig(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "kubeconfig:1:1: the kubeconfig contains no https server"),
        ("clusters: 5", "kubeconfig:1:11: the kubeconfig contains no https server"),
        ("clusters: []", "kubeconfig:1:11: the kubeconfig contains no https server"),
        ("clusters: [5]", "kubeconfig:1:12: the kubeconfig contains no https server"),
        ("clusters: [{name: a}]", "kubeconfig:1:12: the kubeconfig contains no https server"),
        (CLUSTERS.replace("https", "http"), "kubeconfig:2:31: the kubeconfig contains no https server"),
        (CLUSTERS.replace('"QU FB"', "5"), "kubeconfig:2:70: the kubeconfig contains no certificate-authority-data"),
        (CLUSTERS.replace('"QU FB"', "'%'"), "kubeconfig:2:70: the kubeconfig contains no certificate-authority-data"),
    ],
)
def test_an_admin_kubeconfig_without_server_or_ca(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_admin_kubeconfig(text)
    assert str(refused.value) == f"{message}; run `tarmak clusters kubeconfig` again"
