"""What is found in a text with templates, and what each release renders, literally."""

from __future__ import annotations

import pytest

from tarmak_iam.identity import templates
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Denied
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.templates import (
    braced,
    bracketed,
    can_become,
    fixed_prefix,
    has_session,
    templates_in,
)
from tests.support.tables import rows

ROLE = "arn:aws:iam::111122223333:role/Admin"
INSTANCE = "i-0123456789abcdef0"


def caller(session: str = "a@b") -> Caller:
    return Caller(ROLE, ROLE, "aws", "111122223333", "AROA", session, "AKIAEXAMPLE")


def rendered(template: str, version: str = "v0.7.9", session: str = "a@b") -> str:
    names = {INSTANCE: "ip-10-0-0-1.ec2.internal"}
    return templates.rendered(caller(session), DaemonVersion.parse(version), names, "", template)


@pytest.mark.parametrize(("text", "expected"), rows(__file__, "test_texts_in_braces"))
def test_texts_in_braces(text: str, expected: list[list[str | None]]) -> None:
    assert [[each.text, each.inner, each.name] for each in braced(text)] == expected


@pytest.mark.parametrize(("text", "expected"), rows(__file__, "test_names_in_other_brackets"))
def test_names_in_other_brackets(text: str, expected: list[list[str]]) -> None:
    assert [[each.text, each.inner] for each in bracketed(text)] == expected
    assert all(each.name is None for each in bracketed(text))


def test_what_is_in_a_text() -> None:
    assert templates_in("{{AccountID}}:{{{SessionName}}}:{{ AccessKeyID }}") == {"AccountID", "SessionName"}
    assert [has_session(text) for text in ("x{{SessionName}}", "{{SessionNameRaw}}", "{{AccountID}}")] == [
        True,
        True,
        False,
    ]
    assert fixed_prefix("dev:{{AccountID}}") == "dev:{{AccountID}}"
    assert fixed_prefix("a{{AccountID}}b{{SessionNameRaw}}c{{SessionName}}") == "a{{AccountID}}b"
    assert fixed_prefix("a{{SessionName}}c{{SessionNameRaw}}") == "a"


@pytest.mark.parametrize(("text", "name", "expected"), rows(__file__, "test_what_a_text_can_become"))
def test_what_a_text_can_become(text: str, name: str, expected: bool) -> None:
    assert can_become(text, name) is expected


@pytest.mark.parametrize(("template", "version", "expected"), rows(__file__, "test_what_a_release_renders"))
def test_what_a_release_renders(template: str, version: str, expected: str) -> None:
    assert rendered(template, version) == expected


def test_a_nodes_name() -> None:
    assert rendered("n:{{EC2PrivateDNSName}}", session=INSTANCE) == "n:ip-10-0-0-1.ec2.internal"


@pytest.mark.parametrize(("template", "version", "session", "reason"), rows(__file__, "test_what_is_denied"))
def test_what_is_denied(template: str, version: str, session: str, reason: str) -> None:
    with pytest.raises(Denied) as caught:
        rendered(template, version, session)
    assert str(caught.value) == reason
