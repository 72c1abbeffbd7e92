"""The JSON Schemas: current, true to the models, and silent about everything that Tarmak takes as it is meant."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.api_server import AMAZON
from tarmak_iam.config.schema import file_schema, schema_text, section_schema
from tarmak_iam.config.section_keys import BUILT_IN
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, Field
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Scalar
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.document.scalars import resolve_yaml_1_2
from tarmak_iam.errors import ConfigError, ParseError
from tarmak_iam.lint import Subjects, check
from tests.support import EXAMPLES, GOLDEN, ROOT, golden_json
from tests.support.tables import cases

SECTION = section_schema(AMAZON)
FILE = file_schema(BUILT_IN)
SECTIONS = {section.name: section_schema(section) for section in BUILT_IN}
READABLE = sorted(name for name, expected in golden_json("tarmak", "expected.json").items() if expected["read_ok"])


def valid(schema: dict[str, Any], data: Any) -> bool:
    return jsonschema.Draft7Validator(schema).is_valid(data)


HEAD = {"apiVersion": "api.tarmak.io/v1alpha1", "kind": "Config"}


def in_file(section: Any) -> dict[str, Any]:
    return HEAD | {"clusters": [{"kubernetes": {"apiServer": {"amazon": section}}}]}


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


@cases("config/cases/schema")
def test_what_tarmak_accepts_in_a_file(file: Any) -> None:
    TarmakConfig.parse(yaml_bytes(HEAD | file))
    assert valid(FILE, HEAD | file)


@cases("config/cases/schema")
def test_what_is_flagged_in_a_file(file: Any) -> None:
    """A type that Tarmak cannot read, or what `check` reports."""
    try:
        findings = check(Subjects(TarmakConfig.parse(yaml_bytes(HEAD | file))))
    except ConfigError:
        pass
    else:
        assert findings
    assert not valid(FILE, HEAD | file)


def as_an_editor_reads_it(data: bytes) -> Any:
    """YAML 1.2, where dates are strings. None if it cannot be read, for example because of an equal key."""
    reader = YAML(typ="safe", pure=True)
    reader.constructor.yaml_constructors = {
        **reader.constructor.yaml_constructors,
        "tag:yaml.org,2002:timestamp": lambda constructor, node: constructor.construct_scalar(node),
    }
    try:
        return json.loads(json.dumps(reader.load(io.BytesIO(data)), default=str))
    except (YAMLError, TypeError, ValueError):  # also bytes that are not UTF-8, and an anchor in itself
        return None


@pytest.mark.parametrize("name", READABLE)
def test_a_recording_is_flagged_only_where_check_has_a_finding(name: str) -> None:
    data = (GOLDEN / "tarmak" / f"{name}.yaml").read_bytes()
    config = TarmakConfig.parse(data)
    reported = [located.finding.route.plain for located in check(Subjects(config))]
    for values in (json.loads(json.dumps(config.document.data)), as_an_editor_reads_it(data) or HEAD):
        for error in jsonschema.Draft7Validator(FILE).iter_errors(values):
            place = tuple(error.absolute_path)  # for an unknown key, that of its mapping
            assert any(route[: len(place)] == place for route in reported), error.message


def test_a_recording_that_tarmak_rejects_is_flagged() -> None:
    """Except for those that only a parser of Tarmak's YAML can see, each for its reason."""
    flagged = {
        name: not valid(FILE, values)
        for name, expected in golden_json("tarmak", "expected.json").items()
        if not expected["read_ok"]
        and (values := as_an_editor_reads_it((GOLDEN / "tarmak" / f"{name}.yaml").read_bytes())) is not None
    }
    assert [name for name, is_flagged in flagged.items() if not is_flagged] == [
        "flow-root",  # Tarmak reads what begins with { as JSON
        "json-comment-inside",  # JSON with a comment is YAML for an editor
        "json-yes",  # and so is a word without quotes
        "logs-bucket-yes",  # a string in YAML 1.2
        "logs-enabled-quoted",  # may be yes without quotes
        "logs-interval-float",  # 5.0 in JSON
        "text-directive-12",  # %YAML 1.2
        "text-nel",  # a line break of YAML 1.1
    ]
    assert len(flagged) > 25


FIELDS: dict[str, tuple[str | int, ...]] = {
    "int": ("instancePools", 0, "minCount"),
    "bool": ("kubernetes", "apiServer", "public"),
    "float64": ("kubernetes", "clusterAutoscaler", "scaleDownUtilizationThreshold"),
    "quantity": ("instancePools", 0, "volumes", 0, "size"),
    "timestamp": ("metadata", "creationTimestamp"),
    "string": ("environment",),
}
WORDS = st.sampled_from(["yes", "Off", "TRUE", "y", "1_000", "-0x1F", "0b1", "16Gi", "1e3", "2019-05-21T09:14:02Z"])


def placed(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in reversed(path):
        value = [value] if isinstance(step, int) else {step: value}
    return value


@given(st.sampled_from(sorted(FIELDS)), WORDS | st.text("0123456789_.+-eExabfGikTZ:yno", min_size=1, max_size=9))
def test_a_plain_scalar_is_flagged_where_tarmak_rejects_it(kind: str, text: str) -> None:
    try:
        document = Document.parse(f"v: {text}\n")
    except ParseError:
        return
    value, node, path = document.data["v"], document.node(("v",)), FIELDS[kind]
    if not isinstance(node, Scalar):
        return
    field = CLUSTER_FIELD.below(*path)
    assert field is not None
    if value is None:
        return
    if not field.accepts(value):
        is_of_range = not isinstance(value, (int, float)) or abs(value) < 1e18
        if kind in ("int", "bool", "float64", "string") and is_of_range and "_" not in text:
            assert not valid(FILE, HEAD | {"clusters": [placed(value, path)]})
        return
    for read in (value, resolve_yaml_1_2(node)):
        # What is a string for Tarmak only, such as 1e3 and 0o17, cannot be told from a number.
        assert valid(FILE, HEAD | {"clusters": [placed(read, path)]}) or (
            kind == "string" and not isinstance(read, str)
        )


@pytest.mark.parametrize("example", ["single", "multi"])
def test_the_examples_are_valid(example: str) -> None:
    assert valid(FILE, Document.parse((EXAMPLES / example / "tarmak.yaml").read_bytes()).data)


def properties(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """All properties in a schema, with their keys."""
    if isinstance(schema, dict):
        if isinstance(schema.get("properties"), dict):
            yield from schema["properties"].items()
        for inner in schema.values():
            yield from properties(inner)


def test_every_property_has_a_description_with_its_default() -> None:
    of_values = re.compile("Default: .|[Rr]equired|not (use|support)")
    for key, schema in properties(FILE):
        text = schema.get("description", "")
        assert re.fullmatch("[A-Z`a-z].*[.]", text), key
        is_block = "properties" in schema or any("$ref" in part for part in (schema, *schema.get("anyOf", ())))
        assert is_block or of_values.search(text), key


def test_the_descriptions_are_those_of_fields() -> None:
    texts = json.loads((ROOT / "tarmak_iam" / "config" / "tarmak-descriptions.json").read_text())
    for struct, keys in texts.items():
        assert struct == "" or keys.keys() <= Field("struct", struct=struct).fields.keys()


def test_defaults_are_those_of_tarmak() -> None:
    definitions = FILE["definitions"]
    zone, pools = definitions["Environment"]["properties"]["privateZone"], definitions["InstancePool"]["properties"]
    assert zone["default"] == "tarmak.local"
    assert zone["description"] == "Private DNS zone of the environment. Default: tarmak.local."
    assert "default" not in pools["minCount"]  # it depends on maxCount
    assert definitions["Environment"]["properties"]["adminCIDRs"]["default"] == ["0.0.0.0/0"]
    gates = definitions["ClusterKubernetesProxy"]["properties"]["featureGates"]
    assert gates["description"].endswith("They take precedence over `globalFeatureGates`. Default: none.")
    encrypted = definitions["ClusterAmazon"]["properties"]["ebsEncrypted"]
    assert encrypted["description"] == "Whether EBS volumes are encrypted. Default: false."
