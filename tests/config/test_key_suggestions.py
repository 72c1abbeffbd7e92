"""Every key that Tarmak knows, with one typo: what is suggested for sure is never wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tarmak_iam.config.ignored_content import KeySuggestion, suggest_key
from tarmak_iam.config.tarmak_types import ITEM, NOT_WRITTEN, Field, TypePath, root_field
from tarmak_iam.document import Document
from tests.support.tables import cases

_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_SAMPLES = {
    "string": "text",
    "bool": "true",
    "float64": "0.5",
    "timestamp": "'2020-01-01T00:00:00Z'",
    "quantity": "16Gi",
}
# Where two keys of one struct are a typo apart.
WRONG_GUESSES = {"clouId", "cloudI", "cloudd", "ngressRules", "igressRules"}


def places() -> dict[tuple[str, str], tuple[TypePath, Field]]:
    """Each key of each struct once, with a path that leads to its struct."""
    found: dict[tuple[str, str], tuple[TypePath, Field]] = {}
    waiting: list[tuple[TypePath, Field]] = [((), root_field())]
    while waiting:
        path, field = waiting.pop()
        if field.kind == "list" and field.of is not None:
            waiting.append(((*path, ITEM), field.of))
        elif field.kind == "struct" and field.struct not in NOT_WRITTEN:
            for name, child in field.fields.items():
                if (field.struct, name) not in found:
                    found[field.struct, name] = path, child
                    waiting.append(((*path, name), child))
    return found


def typos(key: str) -> Iterator[str]:
    """Letters that changed places, a letter missing, doubled, or hit beside, another case, dashes and underscores."""
    for at, letter in enumerate(key):
        yield key[:at] + key[at + 1 : at + 2] + letter + key[at + 2 :]
        yield key[:at] + key[at + 1 :]
        yield key[:at] + letter + key[at:]
        for row in _ROWS:
            column = row.find(letter.lower())
            for other in (row[column - 1 : column], row[column + 1 : column + 2]) if column >= 0 else ():
                if other:
                    yield key[:at] + (other.upper() if letter.isupper() else other) + key[at + 1 :]
    yield from (key.upper(), key.lower(), key[0].upper() + key[1:])
    for sign in "-_":
        yield re.sub("(?<=[a-z])([A-Z])", lambda match, sign=sign: sign + match[1].lower(), key)  # type: ignore[misc]


def sample(field: Field, depth: int = 0) -> str:
    """A value as a flow collection."""
    if field.of is not None:
        inner = sample(field.of, depth + 1)
        return f"[{inner}]" if field.kind == "list" else f"{{a: {inner}}}"
    if field.kind != "struct":
        return _SAMPLES.get(field.kind, "3")
    children = {key: each for key, each in field.fields.items() if key not in ("apiVersion", "kind")}
    key, child = next(iter(children.items()))
    return f"{{{key}: {sample(child, depth + 1)}}}" if depth < 4 else "{}"


def guess(key: str, value: str, path: TypePath, struct: str) -> KeySuggestion | None:
    node = Document.parse(f"k: {value}\n").node(("k",))
    assert node is not None
    return suggest_key(key, node, path, struct, ())


@pytest.mark.sample(12)
@pytest.mark.parametrize("struct", sorted({struct for struct, _ in places()}))
def test_one_typo_is_recognised(struct: str) -> None:
    for (owner, key), (path, field) in places().items():
        known = Field("struct", struct=struct).fields
        for typo in {each for each in typos(key) if each and each not in known} if owner == struct else ():
            found = guess(typo, sample(field), path, struct)
            assert found is not None, typo
            if found.path != (*path, key):
                assert not found.is_sure, typo
                assert typo in WRONG_GUESSES, typo


@cases("config/cases/key_suggestions")
def test_what_is_suggested(
    key: str, value: str, path: list[str], struct: str, expected: list[str], is_sure: bool, fits: bool
) -> None:
    suggestion = KeySuggestion(tuple(expected), is_sure, fits) if expected else None
    assert guess(key, value, tuple(path), struct) == suggestion


@pytest.mark.parametrize("key", ["id", "gid", "note", "team", "tags", "size"])
def test_another_word_is_never_a_sure_misspelling(key: str) -> None:
    for (struct, _), (path, _field) in places().items():
        if key not in Field("struct", struct=struct).fields:
            found = guess(key, "x", path, struct)
            assert found is None or not found.is_sure, (struct, found)
