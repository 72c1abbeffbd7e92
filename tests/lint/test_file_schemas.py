"""The schemas of mappings and settings flag what is wrong, and nothing that `check` lets pass."""

from __future__ import annotations

import io
import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tarmak_iam.config.schema import schema_text
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.installation.setting_table import SETTINGS as ROWS
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint.file_schemas import mappings_schema, settings_schema
from tests.lint.mapped import SSO, report
from tests.support import ADMIN, ROOT, golden_json
from tests.support.tables import rows

MAPPINGS, SETTINGS = mappings_schema(), settings_schema()
RECORDED = {
    **{str(number): text for number, text in enumerate(golden_json("authenticator", "mapping.json")["configs"])},
    **{case["id"]: case["config"] for case in golden_json("authenticator", "startup.json")},
}


def flagged(schema: dict[str, Any], text: str) -> bool:
    """As an editor reads it, which is YAML 1.2."""
    data = YAML(typ="safe", pure=True).load(io.StringIO(text))
    return not jsonschema.Draft7Validator(schema).is_valid(json.loads(json.dumps(data, default=str)))


@pytest.mark.parametrize(("name", "schema"), [("mappings", MAPPINGS), ("settings", SETTINGS)])
def test_the_files_are_current(name: str, schema: dict[str, Any]) -> None:
    assert (ROOT / "schemas" / f"{name}.json").read_text() == schema_text(schema), "run make schemas"
    jsonschema.Draft7Validator.check_schema(schema)


def complaints(text: str) -> list[str]:
    """What `check` says of mappings, by the newest release that the manifests have and the one that takes the most."""
    found = []
    releases: tuple[dict[str, Any], ...] = ({}, SSO)
    for settings in releases:
        try:
            found += [each.finding.id for each in report(text, **settings).findings]
        except TarmakIamError as error:
            found.append(str(error))
    return found


@pytest.mark.sample(30)
@pytest.mark.parametrize("name", sorted(RECORDED))
def test_a_recording_is_flagged_only_where_check_has_a_finding(name: str) -> None:
    text = RECORDED[name]
    try:
        is_flagged = flagged(MAPPINGS, text)
    except YAMLError:  # which YAML 1.2 cannot read, and so no editor
        return
    if is_flagged:
        assert complaints(text), text


@pytest.mark.parametrize("text", rows(__file__, "taken"))
def test_what_is_taken(text: str) -> None:
    assert not flagged(MAPPINGS, text)


@pytest.mark.parametrize("text", rows(__file__, "flagged"))
def test_what_is_flagged(text: str) -> None:
    assert flagged(MAPPINGS, text)
    assert complaints(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 10**12) | st.sampled_from(["", "a", " b", "111122223333", ADMIN, "x,y"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["roleARN", "ROLEARN", "username", "groups", "sso", "accountID", "x-a"]), inner
        )
    ),
    max_leaves=8,
)
_FILES = st.dictionaries(
    st.sampled_from(["mapRoles", "MAPUSERS", "mapAccounts", "scrubbedAccounts", "backendMode", "port", "x-b", "map"]),
    _VALUES,
    max_size=3,
)


@given(_FILES, st.sampled_from(["server", "Server", "x-server"]))
def test_whatever_is_flagged_has_a_finding(server: dict[str, Any], key: str) -> None:
    text = json.dumps({"clusterID": "dev-cluster", key: server}, indent=1).replace("{", " {", 1)
    if flagged(MAPPINGS, text):
        assert complaints(text), text


def refused(text: str) -> bool:
    try:
        parse_settings(text)
    except TarmakIamError:
        return True
    return False


@pytest.mark.parametrize(("text", "expected"), rows(__file__, "settings"))
def test_settings(text: str, expected: bool) -> None:
    assert refused(text) is expected
    assert flagged(SETTINGS, text) is expected


_SETTINGS = st.dictionaries(
    st.sampled_from([*ROWS, "Exec", "x-a"]),
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "a", "v0.6.20", "aws", "1.30", ADMIN])
    | st.lists(st.sampled_from(["MountedFile", "CRD", "x"]), max_size=3)
    | st.dictionaries(st.sampled_from(["A", "b-c"]), st.booleans() | st.none()),
    max_size=3,
)


@given(_SETTINGS)
def test_whatever_is_flagged_is_refused(settings: dict[str, Any]) -> None:
    text = " " + json.dumps(settings)
    if flagged(SETTINGS, text):
        assert refused(text), text


def test_an_earlier_name_of_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROWS, "exec", ROWS["exec"]._replace(formerly=("command",)))
    schema = settings_schema()
    assert schema["properties"]["command"]["deprecationMessage"] == "This setting is now named exec."
    validator = jsonschema.Draft7Validator(schema)
    assert validator.is_valid({"command": "aws"})
    assert not validator.is_valid({"command": "x"})


def test_every_setting_is_described_by_its_row() -> None:
    assert list(ROWS) == [key for key, schema in SETTINGS["properties"].items() if "deprecationMessage" not in schema]
    for name, row in ROWS.items():
        assert SETTINGS["properties"][name]["description"] == row.description
