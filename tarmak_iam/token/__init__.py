"""Authenticator tokens: create them, check them as a release of the authenticator does, and explain them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports
from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.make import Token, exec_credential, make_token

if TYPE_CHECKING:
    from tarmak_iam.token.inspection import Inspection, inspect_token, token_refusal
else:
    __getattr__, __dir__ = lazy_exports(__name__, {".inspection": "Inspection inspect_token token_refusal"})

__all__ = ["Credentials", "Inspection", "Token", "exec_credential", "inspect_token", "make_token", "token_refusal"]
