"""What commands say of the admin certificate in Tarmak's own kubeconfig, and which of them look at it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from tests.support import ADMIN, ROOT, Shell
from tests.support.admin_certificates import certificate, encoded, key_pem, kubeconfig, logins, write

SCHEMA = json.loads((ROOT / "schemas" / "report.json").read_text())
EXPIRED = kubeconfig(logins(certificate("2019-01-01", "2020-01-01")))
RENEW = "run `tarmak -c {} clusters kubeconfig` for a new one"


@pytest.fixture
def home(shell: Shell) -> Path:
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    return shell.single / "dev-cluster"


def test_check_finds_it(shell: Shell, home: Path) -> None:
    path = write(home, EXPIRED)
    checked = shell.dev("check", code=1)
    assert checked.out.splitlines()[0] == (
        f"{shell.single}/tarmak.yaml:15:3: error: the admin certificate in {path} expired on 2020-01-01; "
        f"{RENEW.format(shell.single)} [IAM111]"
    )
    (shown,) = json.loads(shell.dev("check", "-o", "json", code=1).out)
    assert (shown["id"], shown["path"], shown["cluster"]) == ("IAM111", ["clusters", 0], "dev-cluster")
    assert f"::error file={shell.single}/tarmak.yaml,line=15" in shell.dev("check", "-o", "github", code=1).out


def test_check_has_nothing_to_say_of_a_way_back(shell: Shell, home: Path) -> None:
    write(home)
    assert shell.dev("check").out == ""


def test_check_has_nothing_to_say_where_tarmak_was_never_at_work(shell: Shell, home: Path) -> None:
    (home / "kubeconfig").unlink()
    assert shell.dev("check").out == ""
    (home / "ssh_known_hosts").write_text("10.99.0.1 ecdsa-sha2-nistp256 AAAA\n")
    assert "[IAM110]" in shell.dev("check", code=1).out


def test_check_of_every_cluster(shell: Shell) -> None:
    for name in ("prod-blue", "prod-green"):
        write(shell.multi / name, EXPIRED.replace("dev-cluster", name))
    found = shell.run("-c", shell.multi, "check", "--all-clusters", "-o", "json", code=1).out
    own = [(each["cluster"], each["remedy"]) for each in json.loads(found) if each["id"] == "IAM111"]
    assert own == [
        ("prod-blue", RENEW.format(shell.multi)),
        ("prod-green", RENEW.format(f"{shell.multi} --current-cluster prod-green")),
    ]


def test_check_says_once_what_it_could_not_examine(shell: Shell, home: Path) -> None:
    write(home, kubeconfig(f"client-certificate: /etc/hosts, client-key-data: {encoded(key_pem())}"))
    for output in ("text", "json"):
        told = shell.dev("check", "-o", output).err
        assert told.splitlines()[0] == (
            f"note: admin certificates were not checked: {home}/kubeconfig refers to other files"
        )


def alone(program: str) -> subprocess.CompletedProcess[str]:
    """In a Python of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT, env=environment
    )


def test_without_cryptography(shell: Shell) -> None:
    for name in ("prod-blue", "prod-green"):
        write(shell.multi / name, EXPIRED.replace("dev-cluster", name))
    done = alone(
        "import sys\nsys.modules['cryptography'] = None\nfrom tarmak_iam.cli.main import main\n"
        f"sys.exit(main(['-c', {str(shell.multi)!r}, 'check', '--all-clusters']))"
    )
    assert done.returncode == 0, done.stderr
    told = "note: admin certificates were not checked: install the extra `aws` (cryptography)\n"
    assert done.stderr.count(told) == 1


@pytest.mark.sample(2)
@pytest.mark.parametrize("command", [["enable"], ["whois", ADMIN], ["map", "list"], ["flags"]])
def test_other_commands_do_not_read_it(shell: Shell, home: Path, command: list[str]) -> None:
    write(home)
    done = alone(
        "import sys\nfrom tarmak_iam.cli.main import main\n"
        f"assert main(['-c', {str(shell.single)!r}, *{command!r}]) == 0\nassert 'cryptography' not in sys.modules"
    )
    assert done.returncode == 0, done.stderr


def test_report(shell: Shell, home: Path) -> None:
    path = write(home)
    text = f"the admin certificate in {path} is valid until 2990-01-01 and in system:masters"
    assert f"  recovery access: {text}" in shell.dev("report").out.splitlines()
    shown = json.loads(shell.dev("report", "-o", "json").out)
    Draft7Validator(SCHEMA).validate(shown)
    assert shown["clusters"][0]["recovery"] == text
    assert shown["clusters"][0]["adminCertificate"] == {
        "path": str(path),
        "state": "valid",
        "examined": True,
        "notBefore": "2020-01-01T00:00:00Z",
        "notAfter": "2990-01-01T00:00:00Z",
        "commonName": "admin",
        "organizations": ["system:masters"],
        "inSystemMasters": True,
        "signedByCA": True,
        "givesAccess": True,
    }
    page = shell.dev("report", "-o", "html").out
    assert f"<dt>Recovery access</dt><dd>T{text[1:]}</dd>" in page
    for secret in (key_pem(), certificate()):
        assert encoded(secret)[1:60] not in page


@pytest.mark.parametrize(
    ("text", "state", "not_after", "signed"),
    [
        (None, "missing", None, None),
        (EXPIRED, "expired", "2020-01-01T00:00:00Z", True),
        (kubeconfig("token: abc"), "noCertificate", None, None),
    ],
)
def test_report_without_a_way_back(
    shell: Shell, home: Path, text: str | None, state: str, not_after: str | None, signed: bool | None
) -> None:
    path = home / "kubeconfig"
    path.unlink() if text is None else path.write_text(text)
    shown = json.loads(shell.dev("report", "-o", "json").out)
    Draft7Validator(SCHEMA).validate(shown)
    admin = shown["clusters"][0]["adminCertificate"]
    assert shown["clusters"][0]["recovery"].startswith("no recovery access: ")
    assert (admin["state"], admin["notAfter"], admin["signedByCA"]) == (state, not_after, signed)
    assert (admin["examined"], admin["givesAccess"]) == (True, False)


def test_report_on_a_hub(shell: Shell) -> None:
    shown = json.loads(shell.run("-c", shell.multi, "report", "--all-clusters", "-o", "json").out)
    Draft7Validator(SCHEMA).validate(shown)
    hub = shown["clusters"][0]
    assert (hub["type"], hub["adminCertificate"], hub["recovery"]) == (
        "hub",
        None,
        "a hub has no API server to log in to",
    )
