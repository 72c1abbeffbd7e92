"""Templates in usernames and groups, rendered as the daemon does: by plain replacement, in its order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.refusal import Denied
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.text import quoted

__all__ = ["Renderer"]

_INSTANCE = re.compile(r"i-([0-9A-Za-z_]{8}|[0-9A-Za-z_]{17})\Z", re.ASCII)
# v0.4.0 checks for a DNS name but forgot the anchors: one such character anywhere is enough.
_DNS_CHARACTER = re.compile(r"[a-z0-9]")
_PRIVATE_DNS = "{{EC2PrivateDNSName}}"

# In the daemon's order: what one puts in, the next one may replace.
_VALUES: tuple[tuple[str, Callable[[Caller], str]], ...] = (
    ("AccountID", lambda caller: caller.account),
    ("SessionName", lambda caller: caller.session_name.replace("@", "-")),
    ("SessionNameRaw", lambda caller: caller.session_name),
    ("AccessKeyID", lambda caller: caller.access_key_id),
)


class Renderer:
    """Renders as one release does; made once, asked for every username and group."""

    __slots__ = ("_known", "_private_dns_names", "_wants_dns_character")

    def __init__(self, version: DaemonVersion, private_dns_names: Mapping[str, str]) -> None:
        self._known = [(f"{{{{{name}}}}}", value) for name, value in _VALUES if version.has(f"template {{{{{name}}}}}")]
        self._private_dns_names = private_dns_names
        self._wants_dns_character = version.known < DaemonVersion(0, 5, 0)

    def render(self, template: str, caller: Caller) -> str:
        """Unknown, spaced or differently cased templates stay as they are. Raises Denied: the whole review fails."""
        text = template
        if "{{" in text:
            if _PRIVATE_DNS in text:
                text = text.replace(_PRIVATE_DNS, _private_dns(caller, self._private_dns_names))
            for name, value in self._known:
                if name in text:
                    text = text.replace(name, value(caller))
        if self._wants_dns_character and not _DNS_CHARACTER.search(text):
            raise Denied(f"{quoted(text)} has no character of a-z or 0-9, which this version wants in names")
        return text


def _private_dns(caller: Caller, names: Mapping[str, str]) -> str:
    if not _INSTANCE.match(caller.session_name):
        raise Denied(
            f"{{{{EC2PrivateDNSName}}}} needs a session name that is an instance id; it "
            f"is {quoted(caller.session_name)}"
        )
    name = names.get(caller.session_name)
    if name is None:
        raise Denied(f"the instance {caller.session_name} has no private DNS name that is known")
    return name
