"""tarmak's arguments as tarmak takes them: recordings of its commands and flags in cobra 0.0.3 and its pflag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.hook.tarmak.arguments import COMMANDS, TarmakCall
from tests.support import golden_json

# tarmak rejects these, so that it fails, and nothing is applied after it.
_REJECTED = (["-vc", "x", "clusters", "apply"], ["--current-cluster", "apply", "clusters", "-cP", "apply"])


@pytest.mark.parametrize("case", golden_json("tarmak-arguments.json"), ids=lambda case: " ".join(case["args"]) or "-")
def test_recordings(case: dict[str, Any]) -> None:
    call = TarmakCall.parse(case["args"])
    if call.command not in COMMANDS or case["args"] in _REJECTED:
        assert tuple(case["command"].split()) not in COMMANDS or case["args"] in _REJECTED
        return
    # cobra remembers one parent of an `init` that is under two.
    assert case["command"] in (" ".join(call.command), call.command[-1])
    assert list(call.arguments) == case["arguments"]
    for name in ("config-directory", "current-cluster"):
        assert call.flags.get(name) == case.get(name)
    for name in ("infrastructure-only", "dry-run", "public-api-endpoint"):
        assert call.has(name) is case.get(name, False)
    if case["command"] == "clusters apply":
        assert call.waits is case.get("waits", True)


@pytest.mark.parametrize(
    ("text", "applies"),
    [
        ("clusters apply", True),
        ("cluster apply", True),
        ("-c dir cluster --current-cluster=a-b apply -C", True),
        ("clusters apply -I=false", True),
        ("-v clusters apply", True),
        ("clusters apply --wait-for-convergence=false", True),
        ("clusters apply -I", False),
        ("clusters apply -I -C", False),
        ("clusters apply --infrastructure-only", False),
        ("clusters apply --dry-run", False),
        ("clusters apply --help", False),
        ("clusters apply -h", False),
        ("clusters apply -X", False),
        ("--dry-run=false clusters apply", False),
        ("- clusters apply", False),
        ("clusters plan", False),
        ("apply", False),
        ("environments apply", False),
        ("kubectl apply", False),
        ("terraform apply", False),
    ],
)
def test_what_applies(text: str, applies: bool) -> None:
    assert TarmakCall.parse(text.split()).applies is applies


@pytest.mark.parametrize(
    ("text", "rewrites"),
    [
        ("init", True),
        ("initialise", True),
        ("cluster init", True),
        ("clusters set-current a-b", True),
        ("environment initialize", True),
        ("environments destroy dev", True),
        ("providers init", True),
        ("clusters destroy", False),
        ("clusters list", False),
        ("clusters apply", False),
        ("init --help", False),
        ("kubectl init", False),
    ],
)
def test_what_rewrites(text: str, rewrites: bool) -> None:
    assert TarmakCall.parse(text.split()).rewrites is rewrites


@pytest.mark.parametrize(
    ("args", "environment", "directory"),
    [
        ([], {"HOME": "/h"}, "/h/.tarmak"),
        ([], {"HOME": "/h", "TARMAK_CONFIG": ""}, "/h/.tarmak"),
        ([], {"HOME": "/h", "TARMAK_CONFIG": "/t"}, "/t"),
        ([], {"HOME": "/h", "TARMAK_CONFIG": "~/t"}, "/h/t"),
        (["-c", "/c"], {"HOME": "/h", "TARMAK_CONFIG": "/t"}, "/c"),
        (["-c", "~"], {"HOME": "/h"}, "/h"),
        (["-c", "/c/../d/"], {}, "/d"),
        (["-c", "rel"], {}, "{cwd}/rel"),
        (["-c", ""], {"HOME": "/h", "TARMAK_CONFIG": "/t"}, "{cwd}"),
        (["-c", "/one", "-c", "/two"], {}, "/two"),
    ],
)
def test_directory(
    args: list[str], environment: dict[str, str], directory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    call = TarmakCall.parse([*args, "clusters", "apply"])
    assert str(call.directory(environment)) == directory.format(cwd=tmp_path)


def test_what_another_tarmak_is_told() -> None:
    call = TarmakCall.parse(
        ["-c", "x", "cluster", "apply", "-C", "--current-cluster", "a-b", "--public-api-endpoint", "-v"]
    )
    options = ("--config-directory=x", "--current-cluster=a-b", "--public-api-endpoint=true")
    assert call.access_options == options
    assert call.cluster_name == "a-b"
    assert TarmakCall.parse(["clusters", "apply", "--current-cluster="]).cluster_name is None


WORDS = [
    "clusters",
    "cluster",
    "apply",
    "init",
    "-c",
    "-I",
    "-v",
    "--",
    "--help",
    "--current-cluster",
    "kubectl",
    "=",
    "",
]


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=4)), max_size=8))
def test_any_arguments(args: list[str]) -> None:
    call = TarmakCall.parse(args)
    assert not (call.applies and call.rewrites)
