from __future__ import annotations

import pytest

from tarmak_iam.document import Document
from tarmak_iam.errors import Place
from tarmak_iam.identity.cluster_objects import place_within

pytestmark = pytest.mark.usefixtures("both_parsers")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: |\n    x\n    y\n", "f:3:7"),
        ("a: &b\n  |\n  x\n  y\n", "f:4:5"),
        ("a: |2\n    x\n  y\n", "f:3:5"),
        ("a: >\n  x\n\n  y\n", "f:1:4"),
        ('a: "x\\ny"\n', "f:1:4"),
    ],
)
def test_the_place_of_what_is_within_a_string(text: str, place: str) -> None:
    document = Document.parse(text, "f")
    assert str(place_within(document, ("a",), Place("f", 2, 3))) == place
