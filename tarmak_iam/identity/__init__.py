"""The authenticator's configuration by release, and who a caller becomes."""

from tarmak_iam.identity.authenticator import Authenticator, whois
from tarmak_iam.identity.model import Answer, Identity

__all__ = ["Answer", "Authenticator", "Identity", "whois"]
