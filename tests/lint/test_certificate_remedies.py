"""What the remedies of IAM085 and of IAM110 to IAM113 say is done: the rules whose pages show no files."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.installation.admin_kubeconfig import KUBECONFIG_NAME
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Subjects, check
from tests.lint.mapped import ADMIN, CONFIG, located
from tests.support.admin_certificates import authority, certificate, key_pem, kubeconfig, logins, write

NOW = datetime(2026, 3, 2, tzinfo=timezone.utc)
NEW = kubeconfig(logins(certificate("2026-03-01", "2027-03-01")))


def found(directory: Path, now: datetime = NOW) -> list[Located]:
    (directory / "tarmak.yaml").write_text(CONFIG)
    config = TarmakConfig.load(directory)
    return check(Subjects(config, None, Installation.of(config, config.current_cluster, now=now)))


def run_tarmak(home: Path) -> None:
    """What `tarmak clusters kubeconfig` does to the file, by pkg/tarmak/kubectl/kubectl.go of Tarmak: it has a
    certificate signed where there is none with its key, or where the API server refuses the one that is there, as it
    does once that has expired. A file that it cannot decode it leaves as it is."""
    path = home / KUBECONFIG_NAME
    text = path.read_text() if path.exists() else ""
    is_complete = "client-certificate-data" in text and "client-key-data" in text
    is_decoded = not text or ("kind: Config\n" in text and "users:" in text)
    if is_decoded and (not is_complete or text == EXPIRED):
        write(home, NEW)


EXPIRED = kubeconfig(logins(certificate("2019-01-01", "2020-01-01")))

CASES = {
    "missing": ("IAM110", None),
    "expired": ("IAM111", EXPIRED),
    "not yet valid": ("IAM111", kubeconfig(logins(certificate("2030-01-01", "2031-01-01")))),
    "key of another": ("IAM111", kubeconfig(logins(certificate("2026-01-01", "2027-01-01"), key_pem("another")))),
    "a token": ("IAM111", kubeconfig("token: abc")),
    "another CA": ("IAM111", kubeconfig(logins(certificate("2026-01-01", "2027-01-01")), ca=authority("another"))),
    "invalid YAML": ("IAM111", "users: [\n"),
    "nobody in it": ("IAM110", "apiVersion: v1\nkind: Config\nusers: []\n"),
    "soon": ("IAM112", kubeconfig(logins(certificate("2025-03-20", "2026-03-20")))),
    "not an admin": ("IAM113", kubeconfig(logins(certificate("2026-01-01", "2027-01-01", organizations=("dev",))))),
}


@pytest.mark.parametrize("name", CASES)
def test_what_to_do_about_an_admin_certificate(name: str, tmp_path: Path) -> None:
    rule_id, text = CASES[name]
    home = tmp_path / "dev-cluster"
    home.mkdir()
    (home / "ssh_known_hosts").write_text("10.99.0.1 ecdsa-sha2-nistp256 AAAA\n")
    if text is not None:
        write(home, text)
    (finding,) = [each.finding for each in found(tmp_path)]
    assert finding.id == rule_id
    now = NOW
    if finding.remedy == "check the clock of this machine":
        now = NOW + timedelta(days=5 * 365 - 300)
    else:
        words = re.fullmatch(
            r"(move the kubeconfig away and )?run `tarmak .*clusters kubeconfig` for a new one", finding.remedy
        )
        assert words is not None, finding.remedy
        if words[1]:
            (home / KUBECONFIG_NAME).rename(home / "kubeconfig.old")
        run_tarmak(home)
    assert found(tmp_path, now) == []


@pytest.mark.thorough
def test_what_to_do_about_mappings_that_are_too_large() -> None:
    user = "  - {{userARN: 'arn:aws:iam::111122223333:user/everybody-at-work/U{0}', username: 'u{0}', groups: [dev]}}\n"
    each = "server:\n  mapRoles:\n" + ADMIN + "  mapUsers:\n" + "".join(map(user.format, range(11_000)))
    (finding,) = located(each)
    assert finding.finding.id == "IAM085"
    assert finding.finding.remedy == "map the roles that people assume, not each person"
    roles = (
        "server:\n  mapRoles:\n"
        + ADMIN
        + ADMIN.replace("Admin", "Dev").replace("admin", "dev").replace("system:masters", "dev")
    )
    assert located(roles) == []
