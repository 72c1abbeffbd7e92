"""The ConfigMap aws-auth: what cannot be read in its texts. cases/ have what can."""

from __future__ import annotations

import pytest

from tests.mappings.formats.reports import read
from tests.support.tables import rows


@pytest.mark.parametrize(("data", "expected"), rows(__file__, "test_what_cannot_be_taken_is_told"))
def test_what_cannot_be_taken_is_told(data: str, expected: list[str]) -> None:
    assert read(f"data:\n  {data}\nkind: ConfigMap\nmetadata: {{name: aws-auth}}\n") == expected


def test_a_list_that_is_no_yaml() -> None:
    (line,) = read("data:\n  mapRoles: |\n    - a: [\n\nkind: ConfigMap\nmetadata: {name: aws-auth}\n")
    assert line.startswith("f.yaml:4:5: mapRoles cannot be read: invalid YAML: ")
