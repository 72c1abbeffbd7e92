"""The report in Chromium: accessible in both schemes and at both widths, usable by keyboard, readable without scripts.

Node and Chromium are the machine's own; `make browser` installs the two npm packages. Screenshots go to
build/screenshots.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tarmak_iam.report.html.page import page
from tests.report.test_page import HOSTILE, whole
from tests.support import ROOT
from tests.support.reviews import ADMIN, access_review

pytestmark = pytest.mark.thorough
HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 1200
NODE = 20


def hostile() -> str:
    """A page with hostile values, and with values that are too long for any phone."""
    values = [*HOSTILE, "x" * 300, "arn:aws:iam::111122223333:role/" + "y" * 64]
    entries = "".join(
        f"  - roleARN: 'arn:aws:iam::111122223333:role/r{number}'\n"
        f"    username: {json.dumps(value)}\n    groups: [{json.dumps(value)}]\n"
        for number, value in enumerate(values)
    )
    review = access_review(f"server:\n  mapRoles:\n{entries}", f"server: {{mapUsers: [{{userARN: '{ADMIN}'}}]}}\n")
    names = ("hostile-" + "c" * 80, "<b>second</b>")
    clusters = tuple(replace(each, cluster=name) for each, name in zip(review.clusters, names, strict=True))
    return page(replace(review, clusters=clusters, date="<i>today</i>"))


def test_the_report_in_chromium(tmp_path: Path) -> None:
    node, browser = _programs()
    screenshots = ROOT / "build" / "screenshots"
    screenshots.mkdir(parents=True, exist_ok=True)
    pages = {"whole": page(whole()), "hostile": hostile()}
    for name, text in pages.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
    files = {name: str(tmp_path / f"{name}.html") for name in pages}
    asked = {"chromium": browser, "pages": files, "screenshots": str(screenshots), "admin": ADMIN}
    command = [node, "--test", str(HERE / "look.mjs")]
    environment = {**os.environ, "ASKED": json.dumps(asked)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr


def _programs() -> tuple[str, str]:
    """node and Chromium; skips where something is missing."""
    node = shutil.which("node")
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if node is None:
        pytest.skip("there is no node")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if int(version[1:].partition(".")[0]) < NODE:
        pytest.skip(f"node {version} is older than {NODE}, which playwright-core needs")
    if browser is None:
        pytest.skip("there is no Chromium")
    if not all((HERE / "node_modules" / name).is_dir() for name in ("playwright-core", "axe-core")):
        pytest.skip("the npm packages of tests/browser are not installed: make browser")
    return node, browser
