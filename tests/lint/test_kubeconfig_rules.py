"""The admin certificate in Tarmak's kubeconfig, and what is said of it in findings about the mappings."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.hook.apply_hook import findings_about
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Subjects, check, examine
from tarmak_iam.mappings.mappings_file import Mappings
from tests.support.admin_certificates import (
    authority,
    certificate,
    encoded,
    key_pem,
    kubeconfig,
    logins,
    write,
)

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)
FILE = """\
apiVersion: api.tarmak.io/v1alpha1
kind: Config
currentCluster: {current}
clusters:
- environment: dev
  metadata:
    name: cluster
- environment: prod
  metadata: {{name: hub}}
- environment: prod
  metadata: {{name: blue}}
environments:
- metadata: {{name: dev}}
  location: eu-west-1
- metadata: {{name: prod}}
  location: eu-west-1
"""
GOOD = certificate("2026-01-01", "2027-01-01")
RENEW = "run `tarmak clusters kubeconfig` for a new one"
REPLACE = f"move the kubeconfig away and {RENEW}"


def subjects(tmp_path: Path, name: str = "dev-cluster", config: str = FILE, mappings: str | None = None) -> Subjects:
    path = tmp_path / "tarmak.yaml"
    path.write_text(config.format(current="dev-cluster"))
    read = TarmakConfig.load(tmp_path)
    people = None if mappings is None else Mappings.parse(mappings)
    return Subjects(read, people, Installation.of(read, read.cluster(name), people, now=NOW))


def as_text(located: Located, tmp_path: Path) -> str:
    finding = located.finding
    text = f"{located.place} {finding.severity} {finding.id} {finding.message}; {finding.remedy}"
    return text.replace(f"{tmp_path}/", "").replace(f" -c {tmp_path}", "")


def problems(tmp_path: Path, name: str = "dev-cluster", config: str = FILE) -> list[str]:
    return [as_text(each, tmp_path) for each in check(subjects(tmp_path, name, config))]


def reached(tmp_path: Path, name: str = "dev-cluster") -> None:
    """As Tarmak leaves the directory once instances are there."""
    (tmp_path / name).mkdir(exist_ok=True)
    (tmp_path / name / "ssh_known_hosts").write_text("10.99.0.1 ecdsa-sha2-nistp256 AAAA\n")


CONNECTED = "but Tarmak has connected to the cluster from this directory"
CERTIFICATE = "the admin certificate in PATH"
CONTEXT = "the current context of PATH has no client certificate"
UNREADABLE = f"{CERTIFICATE} cannot be read: it is not a kubeconfig that kubectl can read"


def valid(since: str, until: str, *groups: str) -> str:
    return kubeconfig(logins(certificate(since, until, groups or ("system:masters",))))


@pytest.mark.parametrize(
    ("text", "rule", "what", "remedy"),
    [
        (None, "warning IAM110", f"PATH does not exist, {CONNECTED}", RENEW),
        (kubeconfig(), "warning IAM110", f"{CONTEXT}, {CONNECTED}", RENEW),
        (kubeconfig("token: abc"), "error IAM111", f"{CONTEXT}: its user logs in with a token", RENEW),
        (valid("2019-01-01", "2020-01-01"), "error IAM111", f"{CERTIFICATE} expired on 2020-01-01", RENEW),
        (
            valid("2030-01-01", "2031-01-01"),
            "error IAM111",
            f"{CERTIFICATE} is not valid before 2030-01-01",
            "check the clock of this machine",
        ),
        (
            kubeconfig(logins(GOOD, key_pem("another"))),
            "error IAM111",
            "the key in PATH does not belong to the admin certificate",
            REPLACE,
        ),
        (
            kubeconfig(logins(GOOD), ca=authority("another")),
            "error IAM111",
            f"{CERTIFICATE} is not signed by the CA in the same file",
            REPLACE,
        ),
        ("users: [", "error IAM111", UNREADABLE, REPLACE),
        *(
            (valid("2025-04-01", until), "warning IAM112", f"{CERTIFICATE} expires on {when}", REPLACE)
            for until, when in (
                ("2026-03-02T12:00:00", "2026-03-02, in less than a day"),
                ("2026-03-03T12:00:00", "2026-03-03, in 1 day"),
                ("2026-04-01T09:29:59", "2026-04-01, in 29 days"),
            )
        ),
        (
            valid("2026-01-01", "2027-01-01", "dev"),
            "warning IAM113",
            f"{CERTIFICATE} is not in the group system:masters",
            REPLACE,
        ),
    ],
)
def test_an_admin_certificate(tmp_path: Path, text: str | None, rule: str, what: str, remedy: str) -> None:
    """IAM110 only where Tarmak was: else it is a checkout in CI, or nothing is applied yet."""
    if text is not None:
        write(tmp_path / "dev-cluster", text)
    line = f"tarmak.yaml:5:3 {rule} {what}; {remedy}".replace("PATH", "dev-cluster/kubeconfig")
    assert problems(tmp_path) == ([] if rule.endswith("IAM110") else [line])
    reached(tmp_path)
    assert problems(tmp_path) == [line]


NOT_EXAMINED = f"client-certificate: /etc/hosts, client-key-data: {encoded(key_pem())}"


@pytest.mark.parametrize(
    "text", [kubeconfig(logins(GOOD)), valid("2025-04-01", "2026-04-01T09:30:00"), kubeconfig(NOT_EXAMINED)]
)
def test_a_certificate_without_a_finding(tmp_path: Path, text: str) -> None:
    write(tmp_path / "dev-cluster", text)
    reached(tmp_path)
    assert problems(tmp_path) == []


def test_a_hub_has_no_kubeconfig(tmp_path: Path) -> None:
    reached(tmp_path, "prod-hub")
    assert problems(tmp_path, "prod-hub") == []


def test_another_cluster_than_the_current_one(tmp_path: Path) -> None:
    reached(tmp_path, "prod-blue")
    assert problems(tmp_path, "prod-blue") == [
        (
            "tarmak.yaml:10:3 warning IAM110 prod-blue/kubeconfig does not exist, but Tarmak has connected to the "
            "cluster from this directory; run `tarmak --current-cluster prod-blue clusters kubeconfig` for a new one"
        )
    ]


def test_a_comment_sets_it_aside(tmp_path: Path) -> None:
    write(tmp_path / "dev-cluster", kubeconfig("token: abc"))
    comment = "# tarmak-iam: ignore[IAM111] our admins use a token\n- environment: dev"
    report = examine(subjects(tmp_path, config=FILE.replace("- environment: dev", comment, 1)))
    assert report.findings == ()
    assert [(each.finding.id, each.reason) for each in report.suppressed] == [("IAM111", "our admins use a token")]


def test_it_keeps_nobody_from_applying(tmp_path: Path) -> None:
    """Nothing of the kubeconfig is applied, and tarmak, which is asked for it, renews it."""
    write(tmp_path / "dev-cluster", kubeconfig(logins(certificate("2019-01-01", "2020-01-01"))))
    about = subjects(tmp_path)
    assert [each.finding.id for each in check(about)] == ["IAM111"]
    assert about.installation is not None
    assert findings_about(about.installation.cluster, about) == ()
