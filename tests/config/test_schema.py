"""The JSON Schemas: current, true to the models, and silent about everything that Tarmak takes as it is meant."""

from __future__ import annotations

import io
import json
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.schema import file_schema, schema_text, section_schema
from tarmak_iam.config.section_keys import BUILT_IN
from tarmak_iam.config.section_model import AccessLogs, Amazon
from tarmak_iam.document import Document
from tarmak_iam.lint import Subjects, check
from tests.support import EXAMPLES, GOLDEN, ROOT, golden_json
from tests.support.tables import cases

SECTION = section_schema(AMAZON)
FILE = file_schema(BUILT_IN)
SECTIONS = {section.name: section_schema(section) for section in BUILT_IN}
READABLE = sorted(name for name, expected in golden_json("tarmak", "expected.json").items() if expected["read_ok"])


def valid(schema: dict[str, Any], data: Any) -> bool:
    return jsonschema.Draft7Validator(schema).is_valid(data)


def in_file(section: Any) -> dict[str, Any]:
    return {"clusters": [{"kubernetes": {"apiServer": {"amazon": section}}}]}


@pytest.mark.parametrize(("name", "schema"), [*SECTIONS.items(), ("tarmak", FILE)])
def test_the_files_are_current(name: str, schema: dict[str, Any]) -> None:
    assert (ROOT / "schemas" / f"{name}.json").read_text() == schema_text(schema), "run make schemas"
    jsonschema.Draft7Validator.check_schema(schema)


@cases("config/cases/schema")
def test_what_tarmak_takes(section: Any) -> None:
    assert valid(SECTION, section)
    assert valid(FILE, in_file(section))


@cases("config/cases/schema")
def test_what_is_flagged(section: Any) -> None:
    assert not valid(SECTION, section)
    assert not valid(FILE, in_file(section))


@pytest.mark.sample(25)
@pytest.mark.parametrize("name", READABLE)
def test_a_recording_is_flagged_only_where_check_has_a_finding(name: str) -> None:
    data = (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()
    config = TarmakConfig.parse(data)
    if check(Subjects(config)):
        return
    assert valid(FILE, json.loads(json.dumps(config.document.data)))
    as_yaml_1_2 = YAML(typ="safe", pure=True).load(io.BytesIO(data))
    assert valid(FILE, json.loads(json.dumps(as_yaml_1_2, default=str)))


@pytest.mark.parametrize("example", ["single", "multi"])
def test_the_examples_are_valid(example: str) -> None:
    assert valid(FILE, Document.parse((EXAMPLES / example / "tarmak.yaml").read_bytes()).data)


def test_every_field_is_described_by_its_docstring() -> None:
    for model in (Amazon, AccessLogs):
        for field in model.model_fields.values():
            assert field.description
            assert json.dumps(" ".join(field.description.split()))[1:-1] in schema_text(SECTION)
            assert json.dumps(" ".join(field.description.split()))[1:-1] in schema_text(FILE)


def test_every_key_of_tarmak_is_offered() -> None:
    assert set(FILE["definitions"]["Cluster"]["properties"]) >= {"environment", "instancePools", "kubernetes"}
    assert "authTokenWebhookFile" in FILE["definitions"]["ClusterKubernetesAPIServer"]["properties"]
