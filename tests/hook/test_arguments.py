"""tarmak's arguments as tarmak takes them: recordings of its commands and flags in cobra 0.0.3 and its pflag."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.hook.tarmak.arguments import COMMANDS, TarmakCall
from tests.support import golden_json
from tests.support.case_rows import rows

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


@rows(__file__, "what applies")
def test_what_applies(text: str, applies: bool) -> None:
    assert TarmakCall.parse(text.split()).applies is applies


@rows(__file__, "what rewrites")
def test_what_rewrites(text: str, rewrites: bool) -> None:
    assert TarmakCall.parse(text.split()).rewrites is rewrites


@rows(__file__, "directory")
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
