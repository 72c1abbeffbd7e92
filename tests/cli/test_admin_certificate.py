"""What commands say of the admin certificate in Tarmak's own kubeconfig, and which of them look at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft7Validator

from tests.support import ADMIN, ROOT, Shell
from tests.support.admin_certificates import certificate, encoded, key_pem, kubeconfig, logins, write

SCHEMA = Draft7Validator(json.loads((ROOT / "schemas" / "report.json").read_text()))
EXPIRED = kubeconfig(logins(certificate("2019-01-01", "2020-01-01")))


@pytest.fixture
def home(shell: Shell) -> Path:
    shell.dev("map", "add", ADMIN, "--username", "admin", "--group", "system:masters")
    return shell.single / "dev-cluster"


def alone(program: str) -> subprocess.CompletedProcess[str]:
    """In a Python of its own."""
    program = f"import sys\nfrom tarmak_iam.cli.main import main\n{program}"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, cwd=ROOT)


def test_without_cryptography(shell: Shell) -> None:
    for name in ("prod-blue", "prod-green"):
        write(shell.multi / name, EXPIRED.replace("dev-cluster", name))
    done = alone(
        f"sys.modules['cryptography'] = None\nsys.exit(main(['-c', {str(shell.multi)!r}, 'check', '--all-clusters']))"
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.count(": error: the admin certificate in") == 2
    assert "is not installed" not in done.stdout + done.stderr


def test_other_commands_do_not_read_it(shell: Shell, home: Path) -> None:
    write(home)
    commands = [["enable"], ["whois", ADMIN], ["map", "list"], ["flags"]]
    done = alone(
        f"for command in {commands!r}:\n"
        f"    assert main(['-c', {str(shell.single)!r}, *command]) == 0\n"
        "    assert 'cryptography' not in sys.modules, command"
    )
    assert done.returncode == 0, done.stderr


def test_report(shell: Shell, home: Path) -> None:
    path = write(home)
    text = f"the admin certificate in {path} is valid until 2990-01-01 and in system:masters"
    assert f"  recovery access: {text}" in shell.dev("report").out.splitlines()
    shown = json.loads(shell.dev("report", "-o", "json").out)
    SCHEMA.validate(shown)
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
    SCHEMA.validate(shown)
    admin = shown["clusters"][0]["adminCertificate"]
    assert shown["clusters"][0]["recovery"].startswith("no recovery access: ")
    assert (admin["state"], admin["notAfter"], admin["signedByCA"]) == (state, not_after, signed)
    assert (admin["examined"], admin["givesAccess"]) == (True, False)


def test_report_on_a_hub(shell: Shell) -> None:
    shown = json.loads(shell.run("-c", shell.multi, "report", "--all-clusters", "-o", "json").out)
    SCHEMA.validate(shown)
    hub = shown["clusters"][0]
    what = "a hub has no API server to log in to"
    assert (hub["type"], hub["adminCertificate"], hub["recovery"]) == ("hub", None, what)
