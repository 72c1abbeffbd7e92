"""The output of -o json matches schemas/report.json."""

from __future__ import annotations

import json
from dataclasses import replace

import jsonschema
import pytest

from tarmak_iam.access.diff import Effect
from tarmak_iam.report.json_format import keys_of, review_json
from tarmak_iam.report.model import IneffectiveEntry, ReviewedPrincipal
from tarmak_iam.report.text_format import as_lines
from tests.docs.report_schema import PATH, schema_text
from tests.report.test_page import HOSTILE, whole
from tests.support import ROOT
from tests.support.reviews import ADMIN, access_review

SCHEMA = json.loads((ROOT / "schemas" / "report.json").read_text())


def test_the_schema_is_generated() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    assert PATH.read_text() == schema_text()


def test_the_documentation_names_every_key_of_an_entry() -> None:
    page = (ROOT / "docs" / "report.md").read_text()
    keys = [key for kind in (ReviewedPrincipal, IneffectiveEntry) for key, _, mark in keys_of(kind) if mark != "*"]
    assert [key for key in keys if f"`{key}`" not in page] == []


def test_a_login_that_may_be_denied_at_random() -> None:
    review = access_review(f"server:\n  mapRoles:\n  - roleARN: '{ADMIN}'\n    username: admin\n")
    (cluster,) = review.clusters
    principals = tuple(replace(principal, may_get_nothing=True) for principal in cluster.principals)
    shown = review_json(replace(review, clusters=(replace(cluster, principals=principals),)))
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    assert [principal["mayGetNothing"] for principal in shown["clusters"][0]["principals"]] == [True]


def test_all_that_a_review_can_contain() -> None:
    shown = json.loads(json.dumps(review_json(whole())))
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    assert shown["complete"] is False
    assert shown["summary"] == {
        "clusters": 3,
        "principals": 4,
        "admins": 1,
        "ineffective": 1,
        "errors": 1,
        "warnings": 3,
        "suppressed": 0,
    }
    assert [each["cluster"] for each in shown["clusters"]] == ["dev-first", "dev-second", "dev-broken"]
    admin, dev, *_ = shown["clusters"][0]["principals"]
    assert (admin["principal"], admin["privilege"], admin["lastChange"]["state"]) == (ADMIN, "admin", "committed")
    assert (dev["file"], dev["line"], dev["column"]) == ("map.yaml", 4, 5)
    assert [(each["binding"]["name"], each["namespace"]) for each in dev["rights"]] == [
        ("readers", None),
        ("dangling", "ops"),
        ("own", "pay"),
    ]
    assert shown["clusters"][0]["live"]["unboundGroups"] == ["unknown"]
    assert [each["principal"] for each in shown["principals"]][:2] == [ADMIN, dev["principal"]]
    assert list(shown["principals"][0]["clusters"]) == ["dev-first"]


def test_effects_that_the_daemon_decides_at_random() -> None:
    review = whole()
    asked, *others = review.clusters
    effects = (
        Effect(ADMIN, "arn", "dev", "admin", gained=("system:masters",), or_else=("nothing",)),
        Effect("the authenticator", "daemon", reason="map.yaml:4:5: the ARN is not valid"),
    )
    asked = replace(asked, differences=effects)
    shown = json.loads(json.dumps(review_json(replace(review, clusters=(asked, *others)))))
    jsonschema.Draft7Validator(SCHEMA).validate(shown)
    by_chance, stopped = shown["clusters"][0]["live"]["effects"]
    assert (by_chance["orElse"], stopped["reason"]) == (["nothing"], "map.yaml:4:5: the ARN is not valid")


@pytest.mark.parametrize("value", HOSTILE)
def test_lines_are_lines(value: str) -> None:
    quoted = json.dumps(value)
    review = access_review(
        f"server:\n  mapRoles:\n  - roleARN: '{ADMIN}'\n    username: {quoted}\n    groups: [{quoted}]\n"
    )
    assert all(line.isprintable() for line in as_lines(review))
    jsonschema.Draft7Validator(SCHEMA).validate(review_json(review))
