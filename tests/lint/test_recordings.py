"""Every recorded file that Tarmak reads: where its author would be surprised there is a finding, elsewhere none."""

from __future__ import annotations

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.lint import Subjects, check
from tests.support import GOLDEN, golden_json
from tests.support.tables import rows

pytestmark = pytest.mark.usefixtures("both_parsers")

SURPRISES: dict[str, list[str]] = {name: places for name, *places in rows(__file__, "surprises")}
READABLE = [name for name, expected in golden_json("tarmak", "expected.json").items() if expected["read_ok"]]


def found(name: str) -> list[str]:
    config = TarmakConfig.parse((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())
    return [f"{each.place.line}:{each.place.column} {each.finding.id}" for each in check(Subjects(config))]


@pytest.mark.sample(72)
@pytest.mark.parametrize("name", [*SURPRISES, *(name for name in READABLE if name not in SURPRISES)])
def test_only_a_surprise_has_a_finding(name: str) -> None:
    assert name in READABLE
    assert found(name) == SURPRISES.get(name, [])


@pytest.mark.parametrize(("name", "place", "message"), rows(__file__, "unreadable"))
def test_what_tarmak_does_not_read_is_told_with_a_remedy(name: str, place: str, message: str) -> None:
    with pytest.raises(TarmakIamError) as caught:
        found(name)
    assert str(caught.value).startswith(f"tarmak.yaml:{place}: ")
    assert str(caught.value).endswith(message)
