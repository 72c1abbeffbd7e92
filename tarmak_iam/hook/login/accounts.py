"""What is told of a login that was tried: that it is as foretold, or where the difference comes from."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone

from tarmak_iam.emit.labels import NAME, NAMESPACE
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.hook.cluster.kubectl import Kubectl
from tarmak_iam.hook.cluster.mappings import LiveMappings, read_live
from tarmak_iam.hook.cluster.objects import Ref
from tarmak_iam.hook.cluster.rollout import pod_troubles, read_rollout
from tarmak_iam.hook.login.caller import StsAnswer
from tarmak_iam.hook.login.review import Reviewed, Seen
from tarmak_iam.identity.model import Answer, Identity
from tarmak_iam.installation import Installation
from tarmak_iam.text import quoted
from tarmak_iam.token import inspect

__all__ = ["Evidence", "accounts", "agree", "is_unreached"]

# Go's words for what keeps the API server from the daemon, which listens on the same host.
_UNREACHED = re.compile(
    r"connection refused|no such host|i/o timeout|deadline exceeded|no route to host|connection reset|\bEOF\b",
    re.IGNORECASE,
)
_DISTRUSTED = re.compile(r"x509|tls:|certificate", re.IGNORECASE)
_OF_EVERY_TOKEN = "invalid bearer token"  # noqa: S105 # no password
_DAEMONSET = Ref("apps/v1", "DaemonSet", NAMESPACE, NAME)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one attempt has shown, and where more can be asked."""

    installation: Installation
    kubectl: Kubectl
    token: str = field(repr=False)
    reviewed: Reviewed
    sts: StsAnswer
    identity: Identity | None


def agree(expected: Answer, reviewed: Reviewed) -> bool:
    """Whether the API server answers as whois does, or as it says that the daemon may. Where nobody is expected,
    it counts only if the daemon was there to say so."""
    seen = reviewed.seen
    if seen is None:
        is_no = not is_unreached(reviewed) and not reviewed.is_split
        may_be_nobody = any(not each.authenticated for each in (expected, *expected.alternatives))
        return expected.started and may_be_nobody and is_no
    return any(_is(seen, each) for each in (expected, *expected.alternatives))


def is_unreached(reviewed: Reviewed) -> bool:
    """Whether the API server got no answer of the daemon, or does not ask one."""
    error = reviewed.error
    return bool(_UNREACHED.search(error) or _DISTRUSTED.search(error)) or _asks_nobody(error)


def _asks_nobody(error: str) -> bool:
    """Every API server says that a token is invalid; what a webhook made of it comes behind that."""
    return not error.replace(_OF_EVERY_TOKEN, "").strip("[], ")


def accounts(evidence: Evidence, expected: Answer | None) -> Iterator[str]:
    """In plain sentences. Raises nothing: what cannot be found out is said to be so."""
    seen = evidence.reviewed.seen
    who = evidence.identity.arn if evidence.identity else "the caller"
    if expected is not None and agree(expected, evidence.reviewed):
        if seen is None:
            yield f"{who} is nobody in this cluster, as whois says: {expected.reason}"
        else:
            yield f"{who} is {_named(seen.username, seen.groups)}, as whois says"
        return
    if seen is not None:
        yield f"the API server takes {who} for {_named(seen.username, seen.groups)}"
        yield _foretold(expected)
        yield from _of_another(evidence, expected, seen)
    else:
        yield f"the API server does not let {who} in"
        yield from _of_refusal(evidence, expected)


def _of_another(evidence: Evidence, expected: Answer | None, seen: Seen) -> Iterator[str]:
    """The caller got in as somebody else."""
    live = _live(evidence)
    now = _live_answer(evidence, live)
    if evidence.identity is None or live is None or now is None:
        yield "who the caller is, or what the cluster maps, could not be found out"
    elif _is(seen, now):
        yield f"the cluster has other mappings than the file: `{_diff(evidence)}` shows them, `apply` brings the file's"
    elif expected is not None and _same(now, expected):
        yield f"the cluster's objects say what the file says, so an older daemon may still run: {_rollout(evidence)}"
    else:
        yield "neither file nor cluster explain that: another authenticator may have answered"


def _of_refusal(evidence: Evidence, expected: Answer | None) -> Iterator[str]:
    error = evidence.reviewed.error
    if evidence.reviewed.is_split:
        yield "asked a second time it does: one API server's authenticator lets the caller in, another one's does not"
        yield from _of_daemon(evidence)
        return
    if _DISTRUSTED.search(error):
        yield f"it does not trust the authenticator's certificate: {_brief(error)}"
        yield (
            "the webhook kubeconfig on the masters and /var/aws-iam-authenticator/cert.pem are not of one init: "
            "make them anew together, and restart both"
        )
        return
    if _UNREACHED.search(error):
        yield f"it cannot reach the authenticator: {_brief(error)}"
        yield from _of_daemon(evidence)
        return
    if evidence.sts.refusal:
        yield from _of_sts(evidence)
        return
    yield from _of_daemons_no(evidence, expected)


def _of_sts(evidence: Evidence) -> Iterator[str]:
    sts = evidence.sts
    yield f"AWS does not take the token itself: {sts.refusal}"
    if sts.is_skewed and sts.skew is not None:
        ahead = "ahead of" if sts.skew > 0 else "behind"
        yield f"the clock of this machine is {abs(sts.skew):.0f} seconds {ahead} AWS's: set it right"


def _of_daemons_no(evidence: Evidence, expected: Answer | None) -> Iterator[str]:
    """The daemon was asked, and said no, or the API server does not ask one."""
    version = evidence.installation.daemon_version
    found = inspect(evidence.token, now=datetime.now(timezone.utc), partition=evidence.installation.partition)
    refusal = found.verdict(version).refusal
    if refusal:
        yield f"authenticator {version} refuses such a token: {refusal}"
        return
    if evidence.sts.failure:
        yield f"who the caller is cannot be told: {evidence.sts.failure}"
    if _asks_nobody(evidence.reviewed.error):
        flags = evidence.installation.command("flags")
        yield f"it seems to ask no authenticator: `{flags}` shows the flag that Tarmak sets on the masters"
    live = _live(evidence)
    now = _live_answer(evidence, live)
    if expected is not None:
        yield _foretold(expected)
    if now is not None and not now.authenticated:
        yield f"the cluster's own objects let nobody of that name in: {now.reason}"
        if expected is not None and expected.authenticated:
            yield f"`{_diff(evidence)}` shows the difference, `apply` brings the file's mappings"
    elif now is not None:
        yield (
            "the cluster's objects would let the caller in, so its daemon runs with others, with another cluster id or "
            f"a clock that is off, or cannot ask AWS: {_rollout(evidence)}"
        )
    yield from _of_daemon(evidence, only_troubles=True)


def _diff(evidence: Evidence) -> str:
    return evidence.installation.command("diff")


def _of_daemon(evidence: Evidence, *, only_troubles: bool = False) -> Iterator[str]:
    if not only_troubles:
        yield _rollout(evidence)
    try:
        yield from pod_troubles(evidence.kubectl, _DAEMONSET)
    except TarmakIamError as error:
        yield f"its pods cannot be asked: {error.message}"


def _rollout(evidence: Evidence) -> str:
    try:
        return read_rollout(evidence.kubectl, _DAEMONSET).text
    except TarmakIamError as error:
        return f"the {_DAEMONSET} cannot be read: {error.message}"


def _live(evidence: Evidence) -> LiveMappings | None:
    try:
        return read_live(evidence.kubectl)
    except TarmakIamError:
        return None


def _live_answer(evidence: Evidence, live: LiveMappings | None) -> Answer | None:
    """What the cluster's own objects make of the caller, whose token is for our cluster id."""
    if live is None or evidence.identity is None:
        return None
    made = evidence.installation
    return live.authenticator(made, made.cluster_id).whois(evidence.identity)


def _is(seen: Seen, answer: Answer) -> bool:
    if not answer.authenticated:
        return False
    return seen.username == (answer.username or "") and set(seen.groups) == set(answer.groups or ())


def _same(one: Answer, other: Answer) -> bool:
    return (one.authenticated, one.username, one.groups) == (other.authenticated, other.username, other.groups)


def _foretold(expected: Answer | None) -> str:
    if expected is None:
        return "what whois would say is not known, since nobody knows who the caller is"
    if expected.authenticated:
        return f"whois says {_named(expected.username or '', tuple(expected.groups or ()))}: {expected.reason}"
    return f"whois says nobody: {expected.reason}"


def _named(username: str, groups: tuple[str, ...]) -> str:
    name = quoted(username)
    return f"{name} with {', '.join(groups)}" if groups else f"{name} without groups"


def _brief(error: str) -> str:
    """Go's error without what every one of them begins with."""
    return error.removeprefix("[").removesuffix("]").removeprefix(f"{_OF_EVERY_TOKEN}, ")
