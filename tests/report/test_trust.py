"""Trust policies in a review: the same facts in text, JSON and HTML; what is not evaluated says so in all of them."""

from __future__ import annotations

import json

import jsonschema

from tarmak_iam.aws.trust_files import RolePolicy, TrustPolicies
from tarmak_iam.report.html.page import page
from tarmak_iam.report.json_format import review_json
from tarmak_iam.report.text_format import as_lines
from tests.docs.report_schema import PATH
from tests.support.report_pages import read
from tests.support.reviews import ACCOUNT, ADMIN, access_review

ROOT = f"arn:aws:iam::{ACCOUNT}:root"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/"
MAPPINGS = f"""\
server:
  mapRoles:
  - {{roleARN: '{ADMIN}', username: admin, groups: ['system:masters']}}
  - {{roleARN: '{ROLE}Dev', username: 'dev:{{{{SessionName}}}}', groups: [readers]}}
  mapUsers:
  - {{userARN: 'arn:aws:iam::{ACCOUNT}:user/ann', username: ann, groups: [readers]}}
"""
POLICY = {
    "Version": "2012-10-17",
    "Statement": {
        "Effect": "Allow",
        "Principal": {"AWS": ROOT, "Federated": "<b>idp</b>"},
        "Action": "sts:*",
        "Condition": {"StringEquals": {"sts:RoleSessionName": "${aws:username}", "saml:aud": "x"}},
    },
}
POLICIES = TrustPolicies((RolePolicy(ACCOUNT, "Dev", POLICY, "trust/Dev.json"),))
REVIEW = access_review(MAPPINGS, trust_policies=POLICIES)


def test_text() -> None:
    lines = list(as_lines(REVIEW))
    dev = lines.index(f"  {ROLE}Dev")
    assert lines[dev + 3 : dev + 11] == [
        f"    trusts   {ROOT}: everybody in account {ACCOUNT} whose own policies allow sts:AssumeRole",
        "    trusts   Federated <b>idp</b>: not evaluated",
        "    session  not evaluated: statement 1: Federated <b>idp</b>",
        "    MFA      not required: statement 1",
        "    external ID not required: statement 1",
        "    unknown  not evaluated: statement 1: Federated <b>idp</b>",
        "    unknown  not evaluated: statement 1: StringEquals saml:aud",
        "    policy   trust/Dev.json",
    ]
    assert "    trusts   not evaluated: no file has the trust policy of this role" in lines
    assert any(line.startswith("Of the trust policies of roles, five facts are shown") for line in lines)
    assert not any("Not covered: who can assume a role" in line for line in lines)


def test_json() -> None:
    shown = review_json(REVIEW)
    jsonschema.Draft7Validator(json.loads(PATH.read_text())).validate(shown)
    admin, dev, ann = shown["clusters"][0]["principals"]
    missing = {"state": "not evaluated", "reason": "no file has the trust policy of this role"}
    assert admin["trust"] == {
        "file": None,
        "principals": [],
        "sessionName": missing,
        "mfa": missing,
        "externalID": missing,
        "notEvaluated": [missing["reason"]],
    }
    assert dev["trust"]["principals"][1] == {"type": "Federated", "principal": "<b>idp</b>", "reach": "not evaluated"}
    assert "trust" not in ann


def test_html() -> None:
    html = read(page(REVIEW))
    (table,) = [each for each in html.named("table") if each.attributes["class"] == "trust sortable"]
    assert "Federated <b>idp</b>: not evaluated." in table.text
    (admin,) = [each for each in html.named("tr") if "no file has the trust policy" in each.text]
    assert admin.text.lower().count("not evaluated") == len(
        ("trusts", "session", "MFA", "external", "unknown", "policy")
    )
    assert "Permissions in AWS IAM define who can assume a role" in html.text
    assert "Trust policies and permissions" not in html.text


def test_without_trust_policies_there_is_nothing_about_them() -> None:
    review = access_review(MAPPINGS)
    html = page(review)
    assert not review.has_trust
    assert "Trust policies and permissions in AWS IAM define" in read(html).text
    assert "trust sortable" not in html
