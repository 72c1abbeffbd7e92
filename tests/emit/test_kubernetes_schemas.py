from __future__ import annotations

import json
import re

import jsonschema
import pytest

from tests.emit.kubernetes_schemas import EMITTED, FILE, MINORS, kubernetes_schema, pruned, published, text_of
from tests.support import shared_file


@pytest.mark.parametrize("minor", MINORS)
def test_every_version_has_what_is_emitted_for_it(minor: int) -> None:
    schema = kubernetes_schema(f"1.{minor}")
    assert set(schema["kinds"]) == {kind for kind, (first, last) in EMITTED.items() if first <= minor <= last}
    assert set(re.findall(r'"#/definitions/([^"]+)"', json.dumps(schema))) == set(schema["definitions"])
    for reference in schema["kinds"].values():
        whole = {"$ref": reference, "definitions": schema["definitions"]}
        with pytest.raises(jsonschema.ValidationError, match="nobody"):
            jsonschema.Draft4Validator(whole).validate({"nobody": 1})


def test_a_version_has_only_the_fields_of_its_time() -> None:
    by_minor = {minor: kubernetes_schema(f"1.{minor}")["definitions"] for minor in MINORS}
    pods = {minor: each["io.k8s.api.core.v1.PodSpec"]["properties"] for minor, each in by_minor.items()}
    assert [minor for minor, fields in pods.items() if "runtimeClassName" in fields] == list(range(12, 25))
    assert [minor for minor, fields in pods.items() if "os" in fields] == [23, 24]


def test_the_recorded_ones_are_those_that_were_published() -> None:
    shared_file("schemas", "kubernetes", "v1.9.json")
    made = pruned(published())
    assert json.loads(FILE.read_text(encoding="utf-8")) == made
    assert FILE.read_text(encoding="utf-8") == text_of(made)


def test_a_field_named_as_a_remark_stays() -> None:
    definitions = {
        "a": {"description": "of a", "x-kubernetes-kind": 1, "properties": {"description": {"description": "of it"}}},
        "b": {"type": "string"},
    }
    kinds = dict.fromkeys(EMITTED, "#/definitions/a")
    made = pruned({12: {"kinds": kinds, "definitions": definitions}})
    assert made["definitions"] == {"a": [[12, 12, {"properties": {"description": {}}}]]}
