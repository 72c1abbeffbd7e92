"""Whatever the files say: a fix leaves what it is not about, brings no error, and a second run changes nothing."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.findings import Severity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Subjects, examine
from tarmak_iam.lint.fix_effects import effect_lines
from tarmak_iam.lint.fixing import FixOutcome, fix_findings
from tarmak_iam.mappings.mappings_file import Mappings
from tests.lint.files import changed_in
from tests.lint.mapped import CONFIG
from tests.lint.test_goldens import MAPPING, STARTUP
from tests.lint.test_invariants import files
from tests.support import GOLDEN

_OF_LOGS = {"IAM006", "IAM007", "IAM008"}
"""The rules about access logs without effect, which Tarmak's JSON shows all the same."""

_OF_COMMENTS = {"IAM095", "IAM097"}


def _config(text: bytes | str) -> Subjects | None:
    """None for a file that Tarmak cannot read."""
    try:
        config = TarmakConfig.parse(text)
        examine(Subjects(config))
    except TarmakIamError:
        return None
    return Subjects(config)


def _mapped(text: str, version: str) -> Subjects | None:
    config = TarmakConfig.parse(CONFIG)
    try:
        mappings = Mappings.parse(text, "map.yaml")
    except TarmakIamError:
        return None
    gates = {"SSORoleMatch": True} if version == "v0.7.9" else {}
    settings = {"daemonVersion": version, "featureGates": gates}
    return Subjects(config, mappings, Installation.of(config, config.clusters[0], mappings, None, settings))


def _check(subjects: Subjects) -> None:
    for unsafe in (False, True):
        made = fix_findings(subjects, unsafe=unsafe)
        if not changed_in(made):
            assert made.fixed == ()
            if not made.fixable:
                return  # unsafe fixes neither
            continue
        (after,) = made.after
        _check_findings(subjects, made)
        for old, new in changed_in(made):
            _check_comments(made, old, new)
        if not unsafe:
            assert all(each.is_safe for each in made.fixed)
            assert _used(subjects, made) == _used(after, made)
        elif _used(subjects, made) != _used(after, made):
            assert list(effect_lines(made.before, made.after)) != []
        again = fix_findings(after, unsafe=unsafe)
        assert [each.line_of("fixed") for each in again.fixed] == []
        assert changed_in(again) == ()


def _check_findings(subjects: Subjects, made: FixOutcome) -> None:
    before = examine(subjects)
    known = Counter(each.finding.id for each in (*before.findings, *before.explained))
    new = Counter(each.finding.id for each in made.report.findings)
    errors = {each.finding.id for each in made.report.findings if each.finding.severity is Severity.ERROR}
    fixed = Counter(each.located.finding.id for each in made.fixed)
    known.update(each for each in fixed if each not in known)  # found after another fix
    assert {each for each in errors if new[each] > known[each]} == set()


def _check_comments(made: FixOutcome, before: Document, after: Document) -> None:
    """Every comment is there, or named by the fix that removed it."""
    if any(each.located.finding.id in _OF_COMMENTS for each in made.fixed):
        return
    named = [text for each in made.fixed if each.filename == after.filename for text in each.removed_comments]
    for each in before.comments:
        assert after.text.count(each.text) + named.count(each.text) >= before.text.count(each.text)


def _used(subjects: Subjects, made: FixOutcome) -> Any:
    """What Tarmak makes of the clusters, and whom the authenticator lets in."""
    config, installation = subjects.config, subjects.installation
    clusters = [] if config is None else [each.effective() for each in config.clusters]
    if any(each.located.finding.id in _OF_LOGS for each in made.fixed):
        clusters = [{**each, "apiServer": None, "terraform": None} for each in clusters]
    grants = () if installation is None or installation.mappings is None else installation.loaded.grants
    return clusters, sorted((each.key, each.username, sorted(each.groups)) for each in grants)


@pytest.mark.sample(20)
@pytest.mark.parametrize("name", sorted(path.name for path in (GOLDEN / "tarmak").iterdir() if path.is_file()))
def test_every_recorded_tarmak_yaml(name: str) -> None:
    """Tarmak accepts after the fixes what it accepted before: else there is no outcome."""
    subjects = _config((GOLDEN / "tarmak" / name).read_bytes())
    if subjects is not None:
        _check(subjects)


TEXTS = sorted({*MAPPING["configs"], *(case["config"] for case in STARTUP)})


@pytest.mark.sample(15)
@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_every_recorded_configuration(number: int) -> None:
    """With one release, the next one with another."""
    subjects = _mapped(TEXTS[number], ("v0.4.0", "v0.6.20", "v0.7.9")[number % 3])
    if subjects is not None:
        _check(subjects)


@given(files, st.sampled_from(["v0.4.0", "v0.6.20", "v0.7.9"]), st.booleans())
def test_any_mappings(data: dict[str, object], version: str, as_json: bool) -> None:
    try:
        text = json.dumps(data) if as_json else yaml_bytes(data).decode()
    except (TarmakIamError, ValueError):
        return  # such values are not written
    subjects = _mapped(text, version)
    if subjects is not None:
        _check(subjects)


CLEAN = (GOLDEN / "tarmak" / "api-all.yaml").read_text(encoding="utf-8")


def _damaged(text: str, seed: int) -> str:
    """With a few typical mistakes, and comments around them."""
    chance = random.Random(seed)
    lines = text.splitlines()
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(lines))
        line = lines[at]
        name = line.strip().removeprefix("- ").partition(":")[0]
        kind = chance.randrange(6)
        if kind == 0 and len(name) > 4:
            lines[at] = line.replace(name, name[:2] + name[3:], 1)
        elif kind == 1:
            lines[at] = line.replace(name, name.swapcase(), 1)
        elif kind == 2 and not line.strip().startswith("-"):
            lines.insert(at, line)
        elif kind == 3:
            lines.insert(at, f"{line[: len(line) - len(line.lstrip())]}# keep {at}")
        elif kind == 4 and line.strip():
            lines[at] = f"{line}  # keep {at}"
        elif kind == 5:
            lines[at] = f"  {line}"
    if chance.random() < 0.2:
        lines += ["---", "# keep it", "more: true"]
    end = chance.choice(["\n", "\n", "\r\n"])
    return end.join(lines) + chance.choice([end, ""])


@given(st.integers(0, 2**32))
def test_any_mistakes_in_tarmak_yaml(seed: int) -> None:
    subjects = _config(_damaged(CLEAN, seed))
    if subjects is not None:
        _check(subjects)
