"""What encoding/json decodes into a pointer of a struct: tried with the struct of v0.7.18."""

from __future__ import annotations

import pytest

from tarmak_iam.document import Document
from tarmak_iam.identity.go_decoding import JsonMappings, with_duplicates
from tarmak_iam.identity.model import SsoRole
from tarmak_iam.routes import Route


@pytest.mark.parametrize(
    ("text", "sso", "failed"),
    [
        ('{"sso": {"accountID": "1"}, "SSO": {"partition": "aws"}}', SsoRole("", "1", "aws"), False),
        ('{"sso": {"accountID": "1"}, "sso": null}', None, False),
        ('{"sso": {"accountID": "1"}, "sso": null, "sso": {}}', SsoRole("", ""), False),
        ('{"sso": {"accountID": "1", "accountID": null}}', SsoRole("", "1"), False),
        ('{"sso": "x"}', SsoRole("", ""), True),
        ('{"sso": {"accountID": "1"}, "sso": [2]}', SsoRole("", "1"), True),
        ("{}", None, False),
        ("null", None, False),
    ],
)
def test_the_sso_section_of_a_role(text: str, sso: SsoRole | None, failed: bool) -> None:
    root = Document.parse(f"[{text}]", json=True).root
    assert root is not None
    decoder = JsonMappings(has_sso=True)
    (role,) = decoder.mappings("role", (Route(), with_duplicates(root)))
    assert (role.sso, decoder.failed) == (sso, failed)
    (unread,) = JsonMappings(has_sso=False).mappings("role", (Route(), with_duplicates(root)))
    assert unread.sso is None
