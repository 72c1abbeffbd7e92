"""The recordings that other tests use are what the authenticator's own code answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e import components
from tests.e2e.answering_daemons import answering_daemon
from tests.e2e.recordings import mapped, started
from tests.support import golden_json

MAPPING = golden_json("authenticator", "mapping.json")
STARTUP = golden_json("authenticator", "startup.json")


@pytest.mark.parametrize("version", components.ANSWERING_DAEMONS)
def test_every_recording_of_a_release(version: str, tmp_path: Path) -> None:
    components.needed(answering_daemon(version))
    differ = [
        case["id"] for case in MAPPING["cases"] if mapped(version, case, MAPPING, tmp_path) != case["expected"][version]
    ]
    differ += [case["id"] for case in STARTUP if started(version, case, tmp_path) is not case["started"][version]]
    assert not differ
