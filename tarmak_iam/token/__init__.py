"""Tokens of the authenticator: made, judged as a daemon would, and explained."""

from tarmak_iam.token.credentials import Credentials
from tarmak_iam.token.exec_credential import exec_credential
from tarmak_iam.token.inspection import Inspection, inspect
from tarmak_iam.token.make import Token, make_token
from tarmak_iam.token.verify import refusal

__all__ = ["Credentials", "Inspection", "Token", "exec_credential", "inspect", "make_token", "refusal"]
