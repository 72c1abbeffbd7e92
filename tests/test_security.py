"""What SECURITY.md claims: hostile input reaches neither terminal, nor files, nor other hosts."""

from __future__ import annotations

import html
import json
import re
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tarmak_iam.document import Document
from tarmak_iam.errors import ParseError
from tarmak_iam.hook.login.review import NoRedirects
from tests.support import ADMIN, PACKAGE, ROOT, Shell
from tests.support.servers import Handler, serving

TEXT = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
ACTED_ON = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
FILES: dict[str, str] = Document.parse((ROOT / "tests" / "hostile.yaml").read_bytes()).data


# --- the page ----------------------------------------------------------------------------------------------------


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(tests/[\w/-]+\.(?:py|txt))::([\w ]+)`", TEXT)
    assert len(named) > 20
    for path, name in named:
        line = f"def {name}(" if path.endswith(".py") else f"== {name}\n"
        assert line in (ROOT / path).read_text(encoding="utf-8"), f"{path}::{name}"


# --- the terminal ------------------------------------------------------------------------------------------------


MAP_REMOVE = "map remove arn:aws:iam::111122223333:role/B --dry-run"
ENTRIES = "map convert --to access-entries --force --eks-cluster c -o"
SHOWN = [
    *("check", "check -o json", "map list", "map list -o json", MAP_REMOVE, "map convert --to EKSConfigMap"),
    *("map convert --to CRD", f"whois {ADMIN}", f"whois {ADMIN} -o json", "manifests", "manifests -o json", "show"),
    *(f"{ENTRIES} {form}" for form in ("json", "aws-cli", "terraform", "cloudformation", "eksctl")),
]


def test_nothing_reaches_the_terminal(shell: Shell) -> None:
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(FILES["acted on"])
    file = shell.single / "tarmak.yaml"
    file.write_text(FILES["key"] + file.read_text())
    for command in (*SHOWN, "show -o json"):
        done = shell.dev(*command.split(), code=None)
        assert done.code in (0, 1), command
        assert done.out + done.err, command
        assert ACTED_ON.findall(done.out + done.err) == [], command
    shown = json.loads(shell.dev("map", "list", "-o", "json").out)
    assert shown[1]["username"] == "b\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u2066\x7f"


def test_a_diff_of_text_that_runs_backwards(shell: Shell) -> None:
    file = shell.single / "tarmak.yaml"
    file.write_text(file.read_text().replace("clusters:", "clusters: # \u202e\u2066 x", 1))
    out = shell.dev("config", "set", "awsIAMAuthenticatorInit", "true", "--dry-run").out
    assert ACTED_ON.findall(out) == []
    assert "awsIAMAuthenticatorInit" in out


# --- workflows ---------------------------------------------------------------------------------------------------

COMMAND = re.compile(r"^\s*::(?!error |warning |notice ).*::|##(?i:vso|teamcity)?\[", re.MULTILINE)
"""What GitHub's runner acts on, except for our own annotations (actions/runner, ActionCommand.cs), Azure's and
TeamCity's."""


PRINTED = [
    *(*SHOWN, "check -o sarif", "check -o github", "map convert --to MountedFile", "report", "report -o json"),
    *("map convert --to MountedFile -o json", "report -o html", "config get /project", "settings show"),
    *("config get /project -o json", "config set awsIAMAuthenticatorInit true --dry-run"),
]


def test_nothing_is_a_command_of_a_workflow(shell: Shell) -> None:
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(FILES["commands"])
    file = shell.single / "tarmak.yaml"
    text = file.read_text().replace("\nproject: payments", "")
    text = text.replace("      allowCIDRs:", "      # ##[add-mask]x\n      ::debug::y: z\n      allowCIDRs:")
    file.write_text(f'"::add-path::a": "##[b]"\nproject: a ##vso[task.complete]\n{text}')
    for command in PRINTED:
        done = shell.dev(*command.split(), code=None)
        assert done.code in (0, 1), command
        assert done.out + done.err, command
        assert COMMAND.findall(done.out + done.err) == [], command


def test_what_is_given_out_in_other_words_is_the_same(shell: Shell) -> None:
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(FILES["commands"])
    text = shell.dev("map", "convert", "--to", "EKSConfigMap").out
    inner = Document.parse(Document.parse(text).data["data"]["mapRoles"]).data
    assert inner[0]["username"] == "u\n::add-mask::a\n  ::error::b"
    assert inner[0]["groups"] == ["system:masters", "::set-output name=c::d", "##[add-mask]e"]


def test_a_command_in_the_report_means_the_same(shell: Shell) -> None:
    (shell.single / "dev-cluster" / "aws-iam-authenticator.yaml").write_text(FILES["commands"])
    page = shell.dev("report", "-o", "html").out
    assert "c &#35;#vso[task.setvariable variable=a;isOutput=true]b" in page
    assert "c ##vso[task.setvariable variable=a;isOutput=true]b" in html.unescape(page)
    listed = shell.dev("report", "-o", "json").out
    assert "c \\u0023#vso[task.setvariable" in listed
    json.loads(listed)


def test_style_and_script_have_no_command() -> None:
    """The page escapes its whole text, and a browser runs only a script with the hash of the unescaped one."""
    for name in ("report.css", "report.js"):
        assert COMMAND.findall((PACKAGE / "report" / "html" / name).read_text(encoding="utf-8")) == []


def test_one_place_writes_to_stdout_and_stderr() -> None:
    """Their own words: the changing line of progress, Ctrl-C before anything is imported, the answers to a shell's
    question for completions."""
    assert sources_with(r"click\.(echo|secho)\(|\bprint\(|\.std(out|err)(\.buffer)?\.write\(|stream\.write\(") == {
        "__main__.py",
        "cli/commands/completion.py",
        "cli/console.py",
    }


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../../etc", "/etc", "a/b", "..", "a\\x00b"])
def test_a_cluster_name_cannot_leave_the_directory(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(shell.single)
    file = shell.single / "tarmak.yaml"
    text = file.read_text().replace("currentCluster: dev-cluster", f'currentCluster: "{name}-cluster"')
    file.write_text(text.replace("environment: dev\n", f'environment: "{name}"\n'))
    before = sorted(tmp_path.rglob("*"))
    for command in (
        f"map add {ADMIN} --username u --group system:masters",
        "settings set daemonVersion v0.6.20",
        "render --output-dir out",
    ):
        error = shell.dev(*command.split(), code=2).err
        assert "is not a valid cluster ID" in error or "invalid YAML" in error or "must have exactly one dash" in error
        assert sorted(tmp_path.rglob("*")) == before


def test_a_device_without_an_end(shell: Shell) -> None:
    (shell.single / "tarmak.yaml").unlink()
    (shell.single / "tarmak.yaml").symlink_to("/dev/zero")
    assert "larger than the limit of 10,485,760 bytes" in shell.dev("check", code=2).err


def test_an_alias_bomb() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    with pytest.raises(ParseError, match="aliases expand to more than a million values"):
        Document.parse("\n".join(lines))


@pytest.mark.parametrize(
    "value",
    ['!!python/object/apply:os.system ["touch owned"]', "!!python/name:os.system ''", "!ruby/object:Gem {}", "!x 1"],
)
def test_no_tag_makes_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        data = Document.parse(f"a: {value}\n").data
    except ParseError:
        return
    assert type(data["a"]) in (str, int, list, dict, type(None))
    assert list(tmp_path.iterdir()) == []


# --- programs and hosts ------------------------------------------------------------------------------------------


def sources_with(pattern: str) -> set[str]:
    wanted = re.compile(pattern, re.MULTILINE)
    files = ((path.relative_to(PACKAGE).as_posix(), path.read_text(encoding="utf-8")) for path in PACKAGE.rglob("*.py"))
    return {name for name, text in files if wanted.search(text)}


def test_programs_are_started_in_two_places() -> None:
    started = sources_with(r"subprocess\.(run|Popen|call|check_)|os\.(system|popen|exec|spawn|posix_spawn)|pty\.spawn")
    assert started == {"hook/programs.py", "hook/tarmak/passthrough.py"}
    assert sources_with(r"shell\s*=\s*True|^\s*(eval|exec)\(|import (pickle|marshal)|yaml\.unsafe") == set()


def test_who_may_ask_somebody_else() -> None:
    assert sources_with(r"import (urllib\.request|http\.client|socket|ssl|ftplib|requests)\b") == {
        "hook/login/review.py"
    }
    assert sources_with(r"(from|import) botocore") == {"token/credentials.py", "token/make.py"}


def test_what_reads_repositories_is_used_in_one_room() -> None:
    """dulwich can run filters, hooks and remotes too: nothing of that is imported."""
    assert sources_with(r"(from|import) dulwich") == {"report/git_repository.py"}
    parts = (
        r"from dulwich\.(?!config import ConfigFile$|diff_tree|object_format|object_store|objects|pack|refs)"
        r"|import dulwich"
    )
    assert sources_with(parts) == set()


def test_evaluated_code_is_constant(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TARMAK_CONFIG", "$(touch owned)")
    monkeypatch.setenv("SHELL", "';touch owned;'")
    assert shell.run("hook", "bash").out == 'function tarmak {\n  command tarmak-iam run -- tarmak "$@"\n}\n'


def test_redirects_are_not_followed() -> None:
    asked: list[str] = []

    class Elsewhere(Handler):
        """Sends everybody somewhere else."""

        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
            self.end_headers()

    opener = urllib.request.build_opener(NoRedirects, urllib.request.ProxyHandler({}))
    with serving(Elsewhere) as url, pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(f"{url}/here", timeout=240)
    with caught.value as error:
        assert error.code == 302
    assert asked == ["/here"]


def test_no_text_suggests_a_package_of_another_publisher() -> None:
    """Until this project owns the name on the index, `pip install tarmak-iam` is somebody else's code."""
    by_name = re.compile(r"(pip3?|pipx|uv|uvx)\b[^\n]*\s['\"]?tarmak[-_]iam(?![\w./-])")
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*")]
    files = [*pages, *PACKAGE.glob("**/*.py"), *PACKAGE.glob("**/*.json"), *ROOT.glob("schemas/*.json")]
    texts = {path: path.read_text(encoding="utf-8") for path in files if path.is_file() and path.suffix != ".pyc"}
    found = {path.name: match[0] for path, text in texts.items() for match in [by_name.search(text)] if match}
    former = {"exec_plugin.py": "pip install 'tarmak-iam"}  # to be replaced where it was written
    assert {name: text for name, text in found.items() if name != "CHANGELOG.md"} == former
