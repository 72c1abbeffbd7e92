"""What a text with templates can become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.template_names import TEMPLATES, could_be
from tarmak_iam.identity.templates import Renderer
from tarmak_iam.identity.versions import NEWEST

PIECES = st.sampled_from(
    ["a", "system:", "{{", "}}", ".*", "(", "{{Unknown}}", *(f"{{{{{name}}}}}" for name in TEMPLATES)]
)
SESSIONS = st.from_regex(r"[A-Za-z0-9_+=,.@-]{2,64}", fullmatch=True)


@given(st.lists(PIECES, max_size=6).map("".join), SESSIONS)
def test_whatever_a_caller_becomes_it_could_be(template: str, session: str) -> None:
    instance = "i-0123456789abcdef0"
    name = instance if "EC2PrivateDNSName" in template else session
    arn = "arn:aws:sts::111122223333:assumed-role/Admin/x"
    caller = Caller(arn, arn, "aws", "111122223333", "AROA", name, "AKIAEXAMPLE")
    rendered = Renderer(NEWEST, {instance: "ip-10-0-0-1.ec2.internal"}).render(template, caller)
    assert could_be(template).fullmatch(rendered)


@pytest.mark.parametrize(
    ("template", "text", "expected"),
    [
        ("{{SessionName}}", "system:masters", False),
        ("system:{{SessionName}}", "system:masters", True),
        ("team-{{AccountID}}", "team-111122223333", True),
        ("team-{{AccountID}}", "team-a", False),
        ("a.b", "aXb", False),
        ("{{ SessionName }}", "alice", False),
        ("dev:{{SessionName}}", "dev:alice\n", False),
    ],
)
def test_what_it_can_and_cannot_be(template: str, text: str, expected: bool) -> None:
    assert bool(could_be(template).fullmatch(text)) is expected
