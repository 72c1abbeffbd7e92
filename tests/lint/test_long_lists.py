"""Rules on entries that look alike: what is cached or skipped for one entry must not hide a finding of another."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tarmak_iam.lint import edit_guard
from tarmak_iam.lint.check import check
from tarmak_iam.lint.rule import Subjects
from tests.lint.mapped import ROLES, places
from tests.support import Shell


def entry(name: str, *lines: str) -> str:
    return f"  - roleARN: arn:aws:iam::111122223333:role/{name}\n" + "".join(f"    {line}\n" for line in lines)


def test_a_mapping_with_many_keys() -> None:
    many = ", ".join(f"k{number}: 1" for number in range(20))
    assert places(f"{ROLES}other: {{{many}, k3: 2}}\n")[-1].endswith(" IAM059")


CLEAN = f"clusterID: dev-cluster\n{ROLES}"
ODD = f"clusterID: dev-cluster\n{ROLES}{entry('B', 'username: b', 'groups: [yes]')}"


@pytest.mark.parametrize(("text", "checks"), [(CLEAN, 1), (ODD, 2)], ids=["without findings", "with findings"])
def test_the_mappings_before_are_checked_only_for_comparison(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, text: str, checks: int
) -> None:
    counts: Counter[str] = Counter()

    def counting(subjects: Subjects) -> Any:
        counts["checks"] += 1
        return check(subjects)

    monkeypatch.setattr(edit_guard, "check", counting)
    file = shell.single / "dev-cluster" / "aws-iam-authenticator.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text)
    done = shell.dev("map", "add", "arn:aws:iam::111122223333:role/New", "--username", "new", "--group", "dev")
    assert counts["checks"] == checks
    assert "IAM" not in done.err
