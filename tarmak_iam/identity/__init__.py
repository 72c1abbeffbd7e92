"""ARNs, the authenticator's configuration, and who a caller becomes, by daemon version."""

from tarmak_iam.identity.authenticator import Authenticator, whois
from tarmak_iam.identity.model import Answer, Identity

__all__ = ["Answer", "Authenticator", "Identity", "whois"]
