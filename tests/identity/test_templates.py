"""What a text with templates can become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Denied
from tarmak_iam.identity.releases import NEWEST
from tarmak_iam.identity.templates import TEMPLATES, can_begin, could_be, rendered
from tests.support.tables import rows

ROLE = "arn:aws:iam::111122223333:role/Node"
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
    names = {instance: "ip-10-0-0-1.ec2.internal"}
    assert could_be(template).fullmatch(rendered(caller, NEWEST, names, "", template))


@pytest.mark.parametrize(("template", "text", "expected"), rows(__file__, "test_what_it_can_and_cannot_be"))
def test_what_it_can_and_cannot_be(template: str, text: str, expected: bool) -> None:
    assert bool(could_be(template).fullmatch(text)) is expected


@given(st.lists(PIECES, max_size=4).map("".join), SESSIONS, st.integers(0, 80))
def test_whatever_a_caller_becomes_it_can_begin_like_that(template: str, session: str, length: int) -> None:
    text = template.replace("{{SessionNameRaw}}", session).replace("{{SessionName}}", session.replace("@", "-"))
    for name, value in (("AccountID", "111122223333"), ("AccessKeyID", "AKIA"), ("EC2PrivateDNSName", "ip-1.internal")):
        text = text.replace(f"{{{{{name}}}}}", value)
    assert can_begin(template, text[:length])


@pytest.mark.parametrize(("template", "prefix", "expected"), rows(__file__, "test_what_it_can_begin_with"))
def test_what_it_can_begin_with(template: str, prefix: str, expected: bool) -> None:
    assert can_begin(template, prefix) is expected


@pytest.mark.parametrize(("session", "is_instance"), rows(__file__, "test_which_session_names_are_instance_ids"))
def test_which_session_names_are_instance_ids(session: str, is_instance: bool) -> None:
    names = {session: "ip-10-0-0-1.ec2.internal"}
    caller = Caller(ROLE, ROLE, "aws", "111122223333", "AROA", session, "")
    if is_instance:
        username = rendered(caller, NEWEST, names, "", "system:node:{{EC2PrivateDNSName}}")
        assert username == "system:node:ip-10-0-0-1.ec2.internal"
        return
    with pytest.raises(Denied, match="requires a session name that is an instance ID"):
        rendered(caller, NEWEST, names, "", "system:node:{{EC2PrivateDNSName}}")
