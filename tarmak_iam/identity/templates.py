"""Templates in usernames and groups: what the authenticator reads as one, and what each can become."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.model import Denied
from tarmak_iam.identity.releases import DaemonVersion, ReleaseFeature
from tarmak_iam.text import quoted

TEMPLATES = ("AccountID", "SessionName", "SessionNameRaw", "AccessKeyID", "EC2PrivateDNSName")
"""Every template that some release replaces."""

SESSION_TEMPLATES = ("{{SessionName}}", "{{SessionNameRaw}}")
"""The role session name, which the caller chooses."""

PRIVATE_DNS = "{{EC2PrivateDNSName}}"

# What each one can become: a role session name is [\w+=,.@-]{2,64} (STS), so a caller can never choose a colon.
# `{{SessionName}}` has `-` for each `@`.
_BECOMES = {
    "AccountID": "[0-9]{12}",
    "SessionName": "[A-Za-z0-9_+=,.-]*",
    "SessionNameRaw": "[A-Za-z0-9_+=,.@-]*",
    "AccessKeyID": "[A-Za-z0-9_]*",
    "EC2PrivateDNSName": "[A-Za-z0-9.-]*",
}

_BRACED = re.compile(r"\$?\{+([^{}]*)\}*")
_NAMED = "|".join(TEMPLATES)
_BRACKETED = re.compile(rf"(?i)[\[<(%]+[\s.]*(?P<inside>{_NAMED})\s*[\]>)%]+|\$(?P<after>{_NAMED})\b")
_EXACT = {f"{{{{{name}}}}}": name for name in TEMPLATES}
_PARTS = re.compile(f"({'|'.join(map(re.escape, _EXACT))})")


class Braced(NamedTuple):
    """A text in braces: `text` with them, `inner` without. `name` is None for a template that the authenticator does
    not know and leaves as it is."""

    text: str
    inner: str
    name: str | None


def braced(text: str) -> Iterator[Braced]:
    for match in _BRACED.finditer(text):
        yield Braced(match[0], match[1], _EXACT.get(match[0]))


def bracketed(text: str) -> Iterator[Braced]:
    """The names of templates in other brackets than braces, or after a dollar sign."""
    for match in _BRACKETED.finditer(text):
        yield Braced(match[0], match["inside"] or match["after"], None)


def templates_in(text: str) -> set[str]:
    """The names of the templates in a text that the authenticator replaces."""
    return {name for exact, name in _EXACT.items() if exact in text} if "{{" in text else set()


def without_templates(text: str) -> str:
    """A text without the templates that the authenticator replaces."""
    return _PARTS.sub("", text)


def has_session(text: str) -> bool:
    """Whether a text contains the role session name."""
    return SESSION_TEMPLATES[0] in text or SESSION_TEMPLATES[1] in text


def could_be(text: str) -> re.Pattern[str]:
    """What a username or group with templates can become, for `fullmatch`; the text itself if it has none."""
    pattern = re.escape(text)
    for exact, name in _EXACT.items():
        pattern = pattern.replace(re.escape(exact), _BECOMES[name])
    return re.compile(pattern)


def can_become(text: str, name: str) -> bool:
    """Whether a username or group is a name, or can become it."""
    return text == name or (bool(templates_in(text)) and could_be(text).fullmatch(name) is not None)


def can_begin(text: str, prefix: str) -> bool:
    """Whether a username or group begins with a prefix, or can become a name that does."""
    match = _PARTS.search(text)
    fixed = text[: match.start()] if match else text
    if match is None or len(fixed) >= len(prefix):
        return fixed.startswith(prefix)
    characters = _BECOMES[_EXACT[match[0]]].replace("{12}", "*")
    chosen = re.match(characters, prefix[len(fixed) :])
    ends = range(len(fixed), len(fixed) + (chosen.end() if chosen else 0) + 1)
    return prefix.startswith(fixed) and any(can_begin(text[match.end() :], prefix[end:]) for end in ends)


def fixed_prefix(text: str) -> str:
    """The text before the first part that the caller chooses; the whole text if there is none."""
    starts = [text.find(template) for template in SESSION_TEMPLATES if template in text]
    return text[: min(starts)] if starts else text


_INSTANCE = re.compile(r"i-([0-9A-Za-z_]{8}|[0-9A-Za-z_]{17})\Z", re.ASCII)

# v0.4.0 checks for a DNS name but forgot the anchors: one such character anywhere is enough.
DNS_CHARACTER = re.compile(r"[a-z0-9]")

# In the authenticator's order: the value of one can contain a later template, which is replaced too.
_VALUES: tuple[tuple[str, Callable[[Caller], str]], ...] = (
    ("AccountID", lambda caller: caller.account),
    ("SessionName", lambda caller: caller.session_name.replace("@", "-")),
    ("SessionNameRaw", lambda caller: caller.session_name),
    ("AccessKeyID", lambda caller: caller.access_key_id),
)


def rendered(
    caller: Caller, version: DaemonVersion, private_dns_names: Mapping[str, str], ec2_crash: str, template: str
) -> str:
    """A username or group as a release renders it. Unknown templates, and those with spaces or other case, stay as they
    are. Raises Denied: the review fails."""
    text = template
    if PRIVATE_DNS in text:
        text = text.replace(PRIVATE_DNS, _private_dns_name(caller.session_name, private_dns_names, ec2_crash))
    for name, value in _VALUES if "{{" in text else ():
        if version.has_template(name):
            text = text.replace(f"{{{{{name}}}}}", value(caller))
    if version.has(ReleaseFeature.NAMES_NEED_DNS_CHARACTER) and not DNS_CHARACTER.search(text):
        raise Denied(f"{quoted(text)} contains no character of a-z or 0-9, which this release requires in names")
    return text


def _private_dns_name(session: str, private_dns_names: Mapping[str, str], ec2_crash: str) -> str:
    if not _INSTANCE.match(session):
        raise Denied(f"{PRIVATE_DNS} requires a session name that is an instance ID; it is {quoted(session)}")
    if ec2_crash:
        raise Denied(ec2_crash)
    name = private_dns_names.get(session)
    if name is None:
        raise Denied(f"the private DNS name of the instance {session} is unknown")
    return name
