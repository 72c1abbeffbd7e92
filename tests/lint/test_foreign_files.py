"""Sections of other tools at the top level of a mappings file."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Document
from tarmak_iam.lint.shape_rules import section_format

ENTRY = "{arn: 'arn:aws:iam::111122223333:role/A', username: a, groups: [g]}"
AWS_AUTH = "mapRoles: \"- {rolearn: 'arn:aws:iam::111122223333:role/A', username: a}\""


@pytest.mark.parametrize(
    ("section", "form"),
    [
        (f"iamIdentityMappings: [{ENTRY}]", "eksctl"),
        (f"aws: {{identityMappings: [{ENTRY}]}}", "kops"),
        (f"identityMappings: [{ENTRY}]", "kops"),
        (AWS_AUTH, "aws-auth"),
        (f"kind: List\nitems: [{{{AWS_AUTH}}}, {{iamIdentityMappings: [{ENTRY}]}}]", "eksctl"),
        (f"kind: List\nitems: [{{kind: IAMIdentityMapping, spec: {ENTRY}}}]", ""),
        (f"server: {{mapRoles: [{ENTRY}]}}", ""),
        ("iamIdentityMappings: []", ""),
    ],
)
def test_the_format_of_a_section(section: str, form: str) -> None:
    key = section.rpartition("\n")[2].partition(":")[0]
    assert section_format(Document.parse(f"clusterID: c\n{section}\n"), key) == form
