"""Typos on the command line: what was probably meant, in one form everywhere."""

from __future__ import annotations

import pytest

from tests.support import Shell


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("prod-a7x", "did you mean prod-a7?"),
        ("prod", "did you mean one of prod-blue, prod-a0, prod-a1?"),
        ("blue", "did you mean prod-blue?"),
        ("pro-red", "did you mean one of prod-a9, prod-a8, prod-a7?"),
        ("zzz", "choose one of dev-cluster, prod-blue, prod-a0, prod-a1, prod-a2 and 37 more"),
    ],
)
def test_one_of_many_clusters(shell: Shell, name: str, remedy: str) -> None:
    names = ["blue", *(f"a{number}" for number in range(40))]
    config = shell.single / "tarmak.yaml"
    added = "".join(f"\n- environment: prod\n  metadata: {{name: {each}}}" for each in names)
    text = config.read_text()
    config.write_text(text.replace("\nenvironments:", f"{added}\nenvironments:"))
    failed = shell.dev("show", "--cluster", name, code=2)
    assert failed.err == f"{config}: error: unknown cluster '{name}'; {remedy}\n"
