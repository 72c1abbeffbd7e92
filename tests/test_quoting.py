"""What messages quote of a file: the key or scalar that they are about, and no more of it than helps."""

from __future__ import annotations

import re
from operator import mul
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarmak_iam.doctor.checks import Diagnosis
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place, ToolError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.identity import Identity, whois
from tarmak_iam.identity.model import DaemonNotStarted, Denied
from tarmak_iam.installation.setting_table import SETTINGS as ROWS
from tarmak_iam.mappings.formats.foreign_file import LeftOut
from tarmak_iam.routes import Route
from tarmak_iam.text import MESSAGE
from tests.support import ADMIN, ROOT, Shell
from tests.support.thorough import examples

MAPPINGS, SETTINGS = "aws-iam-authenticator.yaml", "tarmak-iam.yaml"
MOST = 200
"""Of a value, which is for ARNs."""
CANARY = "canary"


LONG_TEXTS = st.builds(mul, st.text(max_size=30), st.integers(0, 200))


@given(LONG_TEXTS, LONG_TEXTS)
def test_no_finding_or_error_is_longer(what: str, remedy: str) -> None:
    finding = Finding("X001", Severity.ERROR, Subject.CONFIG, Route(), what, remedy)
    error = ConfigError(what, remedy=remedy)
    assert max(map(len, (finding.message, finding.remedy, error.what, error.remedy, error.args[0]))) <= MESSAGE
    diagnosis = Diagnosis("X001", Severity.ERROR, Place("f"), what, remedy)
    reasons = (DaemonNotStarted(what).reason, Denied(what).reason, LeftOut(what).what)
    assert max(map(len, (diagnosis.message, diagnosis.remedy, *reasons))) <= MESSAGE


def test_what_a_program_has_done_is_told_whole() -> None:
    assert len(ToolError("x" * 9_000).message) == 9_000
    assert 9_990 < len(ToolError("x" * 90_000).message) <= 10_000


# --- files whose every value is too long -------------------------------------------------------------------------

LONG = 5_000
FILES: dict[str, dict[str, str]] = Document.parse((ROOT / "tests" / "quoting_cases.yaml").read_bytes()).data


def long(text: str) -> str:
    return re.sub(r"LONG\((.)\)", lambda found: found[1] * LONG, text)


def longest_run(text: str) -> int:
    return max((len(each[0]) for each in re.finditer(r"(\w)\1*", text)), default=0)


def cases(name: str, **more: str) -> pytest.MarkDecorator:
    texts = {**more, **FILES[name]}
    return pytest.mark.parametrize("text", [long(text) for text in texts.values()], ids=texts)


IN_SETTINGS = {
    f"{key} {number}": f"{key}: {value}\n"
    for key in ROWS
    for number, value in enumerate(("LONG(v)", "[LONG(v), LONG(w)]", "{LONG(v): LONG(w)}"))
}


@pytest.mark.sample(8)
@cases("mappings")
def test_mappings(shell: Shell, tmp_path: Path, text: str) -> None:
    (shell.single / "dev-cluster" / MAPPINGS).write_text(text, encoding="utf-8")
    (tmp_path / "import.yaml").write_text(text, encoding="utf-8")
    commands = ("check", "check -o json", "check -o sarif", "map convert --to CRD", "manifests", f"whois {ADMIN}")
    check_messages(shell, tmp_path, *commands, *IMPORTS)


@pytest.mark.sample(15)
@cases("settings", **IN_SETTINGS)
def test_settings(shell: Shell, tmp_path: Path, text: str) -> None:
    (shell.single / "dev-cluster" / SETTINGS).write_text(text, encoding="utf-8")
    check_messages(shell, tmp_path, "check", "check -o json", "settings show", "settings set profile x")


@pytest.mark.sample(6)
@cases("config")
def test_config(shell: Shell, tmp_path: Path, text: str) -> None:
    head = "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\n"
    head += "" if "currentCluster" in text else "currentCluster: dev-cluster\n"
    (shell.single / "tarmak.yaml").write_text(head + text, encoding="utf-8")
    (shell.single / "dev-cluster" / MAPPINGS).write_text(MAPPED, encoding="utf-8")
    commands = ("check --all-clusters", "check -o json", "check -o sarif", "enable", "manifests", "kubeconfig", "flags")
    edits = ("config set internalELBAccessLogs.bucket x", "render --output-dir {tmp}/out")
    check_messages(shell, tmp_path, *commands, *edits)


@cases("kubeconfigs")
def test_kubeconfigs(shell: Shell, tmp_path: Path, text: str) -> None:
    (tmp_path / "doctor").mkdir()
    examined = tmp_path / "doctor" / "kubeconfig.yaml"
    for path in (shell.single / "dev-cluster" / "kubeconfig", tmp_path / "config", examined):
        path.write_text(text, encoding="utf-8")
    check_messages(shell, tmp_path, "kubeconfig", "kubeconfig --merge {tmp}/config", "doctor {tmp}/doctor")


@cases("other_formats")
def test_other_formats(shell: Shell, tmp_path: Path, text: str) -> None:
    (tmp_path / "import.yaml").write_text(text, encoding="utf-8")
    check_messages(shell, tmp_path, *IMPORTS)


IMPORTS = ("map import {tmp}/import.yaml", "diff --from {tmp}/import.yaml")
MAPPED = f"server: {{mapRoles: [{{roleARN: '{ADMIN}', username: a, groups: ['system:masters']}}]}}\n"


def check_messages(shell: Shell, tmp_path: Path, *commands: str) -> None:
    """Of stdout only what `check` and `doctor` print: that of others is what somebody has asked for."""
    for command in commands:
        done = shell.run("-c", shell.single, *command.format(tmp=tmp_path).split(), code=None)
        assert "this is a bug" not in done.err
        printed = done.out + done.err if command.startswith(("check", "doctor")) else done.err
        for line in printed.splitlines():
            assert longest_run(line) <= MOST, (command, line[:400])
            assert len(line) <= 2 * MESSAGE + 500, (command, line[:400])


# --- text that nothing is wrong with -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        *(f"check -o {form}" for form in ("text", "json", "sarif", "github")),
        *("report -o json", f"whois {ADMIN} -o json", "map convert --to CRD"),
    ],
)
def test_unrelated_content_is_in_no_output(shell: Shell, arguments: str) -> None:
    """Values of keys that nobody reads, comments, and the end of a scalar that is a paragraph."""
    home = shell.single / "dev-cluster"
    paragraph = f"{'p' * LONG} {CANARY}"
    (home / MAPPINGS).write_text(
        f"# {CANARY}\nx-note: {CANARY}\nunknown:\n  ? |\n    {paragraph}\n  : {CANARY}\n"
        f"server:\n  # {CANARY}\n  other: [{{{CANARY}: {CANARY}}}]\n  mapRoles:\n"
        f"  - roleARN: {ADMIN}\n    username: a\n    groups: ['system:masters', 's{paragraph} ']\n"
        f"    also: {CANARY} # {CANARY}\n--- {CANARY}\n"
    )
    (home / SETTINGS).write_text(f"# {CANARY}\nprofile: x # {CANARY}\n")
    file = shell.single / "tarmak.yaml"
    file.write_text(f"# {CANARY}\nunknown: {{{CANARY}: {CANARY}}}\n? |\n  {paragraph}\n: 1\n{file.read_text()}")
    done = shell.run("-c", shell.single, *arguments.split(), code=None)
    assert done.out
    if arguments.startswith("report"):
        done_text = "".join(re.findall(r'"(?:message|remedy|error)": "(?:[^"\\]|\\.)*"', done.out)) + done.err
        assert CANARY not in done_text
    else:
        assert CANARY not in done.out.replace(f"s{paragraph}", "") + done.err


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(60))
@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=40), st.integers(0, 3))
def test_a_reason_quotes_no_more_than_a_value(text: str, where: int) -> None:
    """whois, which raises nothing."""
    value = (text + "x") * 400
    document = Document.parse(f"clusterID: c\n{MAPPED}", json=False)
    path = [("clusterID",), ("server", "address"), ("server", "partition"), ("server", "port")][where]
    answer = whois(document.set(path, value).text, Identity(ADMIN, "111122223333", "A:s"))
    assert len(answer.reason or "") <= MESSAGE
