"""`check --diff` shows exactly what `check --fix` writes, and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME
from tests.lint.mapped import CONFIG
from tests.lint.test_rule_docs import OF_A_PLUGIN, RULE_IDS, WITHOUT_EXAMPLE, Page
from tests.support import Shell
from tests.support.thorough import examples

CONFIG_NAME = "tarmak.yaml"
BAD = {each: Page.read(each).files("Bad") for each in RULE_IDS if each not in (*WITHOUT_EXAMPLE, *OF_A_PLUGIN)}
FIXED = [rule_id for rule_id in sorted(BAD) if "does not fix it" not in Page.read(rule_id).sections["Fix"]]
CONFIGS = sorted({files[CONFIG_NAME] for files in BAD.values() if CONFIG_NAME in files})
MAPPINGS = sorted({files[MAPPINGS_NAME] for files in BAD.values() if MAPPINGS_NAME in files})

# What makes a file unusable, so that it is repaired first: the type of a value, and a template without quotes.
TYPES = "  network: {cidr: 10}\n"
TEMPLATE = "  - roleARN: arn:aws:iam::111122223333:role/Last\n    username: {{AccountID}}\n    groups: [last]\n"


def files_of(files: dict[str, str], home: Path) -> dict[Path, str]:
    """The files in a directory, those of the cluster dev-cluster below it."""
    found = {home / CONFIG_NAME: files.get(CONFIG_NAME, CONFIG)}
    return found | {home / "dev-cluster" / name: text for name, text in files.items() if name != CONFIG_NAME}


def check(shell: Shell, files: dict[Path, str], *options: str) -> None:
    for path, text in files.items():
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
    args = ["-c", ".", "check", "--all-clusters", *options]
    shown = shell.run(*args, "--diff", code=None)
    assert {path: path.read_bytes().decode() for path in files} == files
    made = shell.run(*args, "--fix", code=None)
    after = {path: path.read_bytes().decode() for path in files}
    home = Path.cwd()
    diffs = [unified_diff(text, after[path], str(path.relative_to(home))) for path, text in files.items()]
    assert shown.out == "".join(diffs)
    assert lines_about_fixes(shown.err.replace(": would be fixed: ", ": fixed: ")) == lines_about_fixes(made.err)


def lines_about_fixes(text: str) -> list[str]:
    return [line for line in text.splitlines() if ": fixed: " in line or line.startswith("effect: ")]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.sample(15)
@pytest.mark.parametrize("rule_id", FIXED)
def test_the_bad_example_of_a_page(shell: Shell, home: Path, rule_id: str) -> None:
    for options in ((), ("--unsafe-fixes",)):
        check(shell, files_of(BAD[rule_id], home), *options)


def joined(texts: list[str], head: str) -> str:
    """The first text, and what the others have after the line `head`."""
    first, *others = texts
    return first + "".join(each.partition(head)[2] for each in others)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(40), deadline=None)
@given(
    st.lists(st.sampled_from(CONFIGS), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(MAPPINGS), min_size=1, max_size=3, unique=True),
    st.booleans(),
    st.booleans(),
    st.sampled_from([(), ("--unsafe-fixes",)]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_bad_examples_together(
    shell: Shell,
    home: Path,
    configs: list[str],
    mappings: list[str],
    with_types: bool,
    with_template: bool,
    options: tuple[str, ...],
    end: str,
) -> None:
    config = joined(configs, "clusters:\n") + (TYPES if with_types else "")
    mapped = joined(mappings, "server:\n") + (TEMPLATE if with_template else "")
    files = {CONFIG_NAME: config.replace("\n", end), MAPPINGS_NAME: mapped.replace("\n", end)}
    check(shell, files_of(files, home), *options)


def test_everything_is_shown_after_repairs(shell: Shell, home: Path) -> None:
    config = f"{CONFIG}{TYPES}---\nmore: true\n"
    mappings = (
        "server:\n  mapRoles:\n  - roleARN: arn:aws:iam::111122223333:role/team/Admin\n    username: admin\n"
        f"    groups: ['system:masters']\n{TEMPLATE}"
    )
    files = files_of({CONFIG_NAME: config, MAPPINGS_NAME: mappings}, home)
    check(shell, files, "--unsafe-fixes")
    for path, text in files.items():
        path.write_text(text)
    result = shell.run("-c", ".", "check", "--diff", "--unsafe-fixes", code=1)
    assert '+  network: {cidr: "10"}\n+# ---\n+# more: true\n' in result.out
    assert "+  - roleARN: arn:aws:iam::111122223333:role/Admin\n" in result.out
    assert '+    username: "{{AccountID}}"\n' in result.out
    assert result.err.endswith("4 findings would be fixed\n")
