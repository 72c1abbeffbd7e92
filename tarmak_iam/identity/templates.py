"""Templates in usernames and groups, rendered as the daemon does: by plain replacement, in its order."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.refusal import Denied
from tarmak_iam.identity.versions import DaemonVersion

__all__ = ["render_template"]

_INSTANCE = re.compile(r"i-([0-9A-Za-z_]{8}|[0-9A-Za-z_]{17})\Z", re.ASCII)
# v0.4.0 checks for a DNS name but forgot the anchors: one such character anywhere is enough.
_DNS_CHARACTER = re.compile(r"[a-z0-9]")


def render_template(template: str, caller: Caller, private_dns_names: Mapping[str, str], version: DaemonVersion) -> str:
    """Unknown, spaced or differently cased templates stay as they are. Raises Denied: the whole review fails."""
    if "{{EC2PrivateDNSName}}" in template:
        template = template.replace("{{EC2PrivateDNSName}}", _private_dns(caller, private_dns_names))
    values = {
        "AccountID": caller.account,
        "SessionName": caller.session_name.replace("@", "-"),
        "SessionNameRaw": caller.session_name,
        "AccessKeyID": caller.access_key_id,
    }
    for name, value in values.items():
        if version.has(f"template {{{{{name}}}}}"):
            template = template.replace(f"{{{{{name}}}}}", value)
    if version.known < DaemonVersion(0, 5, 0) and not _DNS_CHARACTER.search(template):
        raise Denied(f"'{template}' has no character of a-z or 0-9, which this version wants in names")
    return template


def _private_dns(caller: Caller, names: Mapping[str, str]) -> str:
    if not _INSTANCE.match(caller.session_name):
        raise Denied(
            f"{{{{EC2PrivateDNSName}}}} needs a session name that is an instance id; it is '{caller.session_name}'"
        )
    name = names.get(caller.session_name)
    if name is None:
        raise Denied(f"the instance {caller.session_name} has no private DNS name that is known")
    return name
