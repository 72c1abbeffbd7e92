"""Authenticator tokens: create them, check them as a release of the authenticator does, and explain them."""

from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.exec_credential import exec_credential
from tarmak_iam.token.inspection import Inspection, inspect_token, token_refusal
from tarmak_iam.token.make import Token, make_token

__all__ = ["Credentials", "Inspection", "Token", "exec_credential", "inspect_token", "make_token", "token_refusal"]
