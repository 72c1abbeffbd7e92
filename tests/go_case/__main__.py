"""Makes tarmak_iam/aws/go_case.json and tests/golden/go-case.json anew."""

from __future__ import annotations

import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def made_by_go(*arguments: str) -> bytes:
    return subprocess.run(["go", "run", "tables.go", *arguments], cwd=HERE, check=True, capture_output=True).stdout


if __name__ == "__main__":
    (ROOT / "tarmak_iam" / "aws" / "go_case.json").write_bytes(made_by_go())
    (ROOT / "tests" / "golden" / "go-case.json").write_bytes(made_by_go("recording"))
