"""The report in Chromium: accessible in both schemes and at both widths, usable by keyboard, readable without scripts.

Node and Chromium are the machine's own; `make browser` installs the two npm packages. Screenshots go to
build/screenshots.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

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

Seen = dict[str, Any]


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


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    node, browser = _programs()
    directory, screenshots = tmp_path_factory.mktemp("pages"), ROOT / "build" / "screenshots"
    screenshots.mkdir(parents=True, exist_ok=True)
    pages = {}
    for name, text in (("whole", page(whole())), ("hostile", hostile())):
        (directory / f"{name}.html").write_text(text, encoding="utf-8")
        pages[name] = str(directory / f"{name}.html")
    asked = {"chromium": browser, "pages": pages, "screenshots": str(screenshots)}
    command = [node, str(HERE / "look.mjs"), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    found: Seen = json.loads(done.stdout)
    return found


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


def looks(seen: Seen) -> list[tuple[str, Seen]]:
    return [(f"{each['name']} {each['scheme']} {each['size']}", each) for each in seen["looks"]]


def test_axe_finds_nothing_in_any_scheme_at_any_width(seen: Seen) -> None:
    assert len(looks(seen)) == 6
    assert {name: each["violations"] for name, each in looks(seen) if each["violations"]} == {}
    assert all(each["rules"] > 20 for _, each in looks(seen))


def test_no_page_scrolls_sideways(seen: Seen) -> None:
    assert {name: each["overflow"] for name, each in looks(seen) if each["overflow"]["beyond"] > 0} == {}
    assert {name: each["overflow"]["elements"] for name, each in looks(seen) if each["overflow"]["elements"]} == {}


def test_no_request_leaves_the_page_and_nothing_is_logged(seen: Seen) -> None:
    for _, each in looks(seen):
        assert len(each["requests"]) == 1
        assert each["messages"] == []


def test_tables_are_sorted_by_mouse_and_keyboard(seen: Seen) -> None:
    found = seen["sorted"]
    before = found["before"]["order"]
    assert found["before"]["sort"] is None
    assert (found["clicked"]["sort"], found["entered"]["sort"], found["spaced"]["sort"]) == (
        "ascending",
        "descending",
        "ascending",
    )
    assert found["clicked"]["order"] == sorted(before, key=str.lower)
    assert found["entered"]["order"] == found["clicked"]["order"][::-1]
    assert found["spaced"]["order"] == found["clicked"]["order"]
    assert found["others"] == ["Privilege"]


def test_rows_are_searched_and_filtered(seen: Seen) -> None:
    found, total = seen["searched"], seen["withoutScripts"]["rows"]
    everything = found["all"]
    assert everything["rows"] == total
    assert everything["status"] == "4 principals, 1 ineffective entry, 7 permissions"
    assert everything["counts"] == ["4 principals", "4 principals", "1 ineffective entry", "7 permissions"]
    assert 0 < found["words"]["rows"] < total
    assert found["entered"] == found["words"]
    assert found["focused"] == "privileged"
    assert 0 < found["privileged"]["rows"] < found["words"]["rows"]
    assert 0 < found["found"]["rows"] < total
    assert found["again"] == found["all"]


def test_every_count_is_that_of_what_is_shown(seen: Seen) -> None:
    for name in ("all", "words", "privileged", "found"):
        state = seen["searched"][name]
        shown = [int(text.split()[0]) for text in state["counts"]]
        assert shown == state["shown"]
        assert int(state["status"].split()[0]) == state["principals"]
    # A principal with findings is shown in the table of all clusters too.
    with_findings = seen["searched"]["found"]
    assert with_findings["shown"][0] == with_findings["principals"] > 0
    words = seen["searched"]["words"]
    assert words["status"].startswith(f"{words['principals']} of 4 principals, ")


def test_paper_says_that_rows_are_hidden(seen: Seen) -> None:
    assert seen["searched"]["printed"] is True
    assert seen["printed"]["controls"] is False


def test_the_keyboard_can_skip_to_the_review(seen: Seen) -> None:
    assert seen["skipped"] == {"link": "Skip to the review", "isSeen": True, "focused": "main"}


def test_all_is_there_without_scripts(seen: Seen) -> None:
    found = seen["withoutScripts"]
    assert found["rows"] == found["seen"] > 10
    assert (found["buttons"], found["controls"]) == (0, False)
    for text in (ADMIN, "IAM050", "no binding names the group", "never matches", "Not committed"):
        assert text in found["text"]


def test_it_prints_whole_on_white(seen: Seen) -> None:
    found = seen["printed"]
    assert (found["navigation"], found["signatures"]) == (False, True)
    assert found["rows"] == seen["withoutScripts"]["rows"]
    assert found["background"] == "rgb(255, 255, 255)"
    assert found["overflow"] == {"beyond": 0, "elements": []}
    assert found["bytes"] > 10_000
