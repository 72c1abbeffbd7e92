"""What `make mutants` makes of mutmut's results."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mutants import __main__ as program
from tests.mutants.__main__ import differences, main, result_of, table

CODES = {
    "a.x_f__mutmut_1": 1,
    "a.x_f__mutmut_2": 0,
    "a.x_f__mutmut_3": 36,
    "a.x_f__mutmut_4": 33,
    "a.x_f__mutmut_5": 34,
}
MUTATED = '''\
def x_f__mutmut_orig(a):
    """Says whether."""
    return a and b


def x_f__mutmut_2(a):
    """Says whether."""
    return a or b
'''


def test_what_counts_as_killed() -> None:
    result = result_of("aws/arn", CODES)
    assert (result.made, result.killed, result.timeouts, result.share) == (5, 1, 1, 40.0)
    assert result.survivors == ("a.x_f__mutmut_2", "a.x_f__mutmut_4")
    assert table([result, result_of("text", {"b": 1})]).splitlines() == [
        "| module | mutants | killed | survived | share |",
        "|---|---:|---:|---:|---:|",
        "| aws/arn | 5 | 2 | 3 | 40 % |",
        "| text | 1 | 1 | 0 | 100 % |",
        "| all | 6 | 3 | 3 | 50 % |",
    ]


def test_what_a_survivor_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "COPY", tmp_path)
    (tmp_path / "mutants" / "tarmak_iam" / "aws").mkdir(parents=True)
    (tmp_path / "mutants" / "tarmak_iam" / "aws" / "arn.py").write_text(MUTATED)
    (shown,) = differences("aws/arn", ["tarmak_iam.aws.arn.x_f__mutmut_2"])
    assert shown.splitlines() == [
        "tarmak_iam.aws.arn.x_f__mutmut_2",
        "@@ -1,2 +1,2 @@",
        '     """Says whether."""',
        "-    return a and b",
        "+    return a or b",
    ]


def test_a_module_that_is_not_one_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["aws/nothing"])
    assert ended.value.code == 2
    assert "unknown module: aws/nothing" in capsys.readouterr().err
