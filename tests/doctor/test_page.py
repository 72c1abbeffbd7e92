"""docs/doctor.md has a paragraph for every check, with the same summary; and the commands that are suggested."""

from __future__ import annotations

import re
from pathlib import Path

from tarmak_iam.doctor import CHECKS
from tarmak_iam.pki.webhook_files import KEY, KUBECONFIG
from tests.support import PACKAGE, ROOT
from tests.support.webhook_pairs import files, lay, report

PAGE = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_every_check_has_its_paragraph() -> None:
    headings = re.findall(r"^### (WEB\d+): (.*)$", PAGE, re.MULTILINE)
    assert headings == [(check.id, check.summary[0].lower() + check.summary[1:-1]) for check in CHECKS]


def test_every_paragraph_says_what_to_do() -> None:
    for paragraph in re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]:
        assert "Fix:" in re.split(r"^## ", paragraph, flags=re.MULTILINE)[0], paragraph


def test_the_page_names_no_id_that_is_not_there() -> None:
    assert set(re.findall(r"WEB\d+", PAGE)) == {check.id for check in CHECKS}


def test_commands_can_be_run_as_they_stand() -> None:
    """`tarmak-iam webhook` refuses to run without its directory."""
    texts = [PAGE, *(path.read_text(encoding="utf-8") for path in (PACKAGE / "pki").glob("*.py"))]
    commands = [each for text in texts for each in re.findall(r"tarmak-iam webhook --[^`\"]*", text)]
    assert [each for each in commands if "--output-dir" not in each] == []


def test_commands_in_remedies_are_quoted_for_the_shell(tmp_path: Path) -> None:
    webhook = files()[KUBECONFIG].replace(b"server:", b"tls-server-name: x y\n      server:")
    directory = lay(tmp_path / "a b", {**files(), KUBECONFIG: webhook})
    (directory / KEY).chmod(0o644)
    name, mode = (each.remedy for each in report(directory).diagnoses)
    assert name == ("create a new certificate and key: `tarmak-iam webhook --renew --output-dir DIR --hostname 'x y'`")
    assert mode.startswith(f"run `chmod 600 '{directory / KEY}'`, and ")
