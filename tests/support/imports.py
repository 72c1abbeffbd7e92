"""What a piece of code imports, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

from tests.support import ROOT

__all__ = ["HEAVY", "modules_after"]

HEAVY = ("pydantic", "ruamel", "botocore", "cryptography", "dulwich", "jsonschema")


def modules_after(code: str) -> set[str]:
    program = f"import sys\n{code}\nprint('MODULES', *sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return {name.partition(".")[0] for name in done.stdout.partition("MODULES ")[2].split()}
