"""Checks that a change of the mappings does not remove the last admin, and that the authenticator still starts."""

from __future__ import annotations

import re
from collections.abc import Callable

from tarmak_iam.access.diff import Loaded, Standings, change_of
from tarmak_iam.aws.arn import canonicalize, is_account, with_plain_account
from tarmak_iam.aws.arn_flaws import is_reachable
from tarmak_iam.errors import ConfigError, PolicyRefused
from tarmak_iam.identity.backend_support import MOUNTED_FILE
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.releases import DEFAULT_RELEASE, SSO_GATE, ReleaseFeature, known_partitions, spans_text
from tarmak_iam.identity.sts_verification import accepts_tokens_of, no_hosts_of
from tarmak_iam.identity.templates import PRIVATE_DNS, without_templates
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.entries import NamedPrincipal
from tarmak_iam.mappings.groups import ADMINS, NODE_PREFIX, NODES
from tarmak_iam.text import shortened

__all__ = ["check_admin_access", "check_starts", "has_admin", "is_admin", "is_for_nodes", "is_instance", "is_known"]
__all__ += ["is_node", "losses", "principal_refusal"]

Side = Installation | Loaded
_NODE_NAME = re.compile(r"[a-z0-9.-]*", re.ASCII)


def check_starts(before: Side, after: Side, *, repairs: bool = False) -> None:
    """Raises ConfigError if the authenticator would not start with the mappings afterwards; with `repairs`, only if it
    would have started before."""
    new, already = Loaded.of(after), Loaded.of(before).authenticator.failure
    failure = new.authenticator.failure
    if failure is None or (repairs and already is not None):
        return
    # A new cause is in a text that is not written: its line numbers would mislead.
    place = already.place if already is not None and already.reason == failure.reason else None
    what = f"authenticator {new.installation.daemon_version} would not start: {failure.reason}; nothing was changed"
    raise ConfigError(what, remedy="fix the mappings, or change image and daemonVersion in the settings", place=place)


def check_admin_access(before: Side, after: Side, me: str | None = None) -> None:
    """Raises PolicyRefused, which names every loss, if `losses` finds any."""
    lost = losses(before, after, me)
    if lost:
        what = f"{'; '.join(lost)}; nothing was changed"
        hint = Loaded.of(before).installation.recovery_hint
        raise PolicyRefused(what, remedy="use --force to do it anyway", recovery=hint)


def losses(before: Side, after: Side, me: str | None = None) -> tuple[str, ...]:
    """The losses that need --force: the last admin, a node role, or access of `me`, an ARN as `aws sts
    get-caller-identity` prints it. Judged by what the authenticator really gives: an entry that another one shadows is
    not a loss. Raises ConfigError if `me` is not a caller's ARN."""
    old, new = _both(before, after)
    effect = None if me is None else change_of(_caller(me), old, new)
    lost = (f"your own access would change: {effect.text}",) if effect is not None and effect.is_loss else ()
    return (*standing_losses(old, new), *lost)


def standing_losses(before: Standings, after: Standings) -> tuple[str, ...]:
    """As `losses`, from the access that principals have, without that of a caller."""
    lost = []
    # An admin that the authenticator chooses at random has access, but not certain access.
    had, left = before.who_may(is_admin), after.who_may(is_admin)
    sure = [grant for grant in had if before.always(grant, is_admin)]
    if had and not left:
        lost.append(f"the last mapping to {ADMINS} would be lost ({', '.join(map(_who, had))})")
    elif sure and not any(after.always(grant, is_admin) for grant in left):
        what = f"the last mapping to {ADMINS} that takes effect at every start would be lost"
        lost.append(f"{what} ({', '.join(map(_who, sure))}): every other one takes effect only at random")
    for grant in filter(is_node, before.grants):

        def same(other: Grant, username: str = grant.username) -> bool:
            return is_node(other) and other.username == username

        if not (after.always if before.always(grant, same) else after.may)(grant, same):
            lost.append(f"the nodes of {_who(grant)} could no longer join")
    return tuple(lost)


def has_admin(side: Side) -> bool:
    """Whether the mappings give system:masters to a person, even if only at random."""
    return bool(_both(side, side)[0].who_may(is_admin))


def is_known(side: Side, me: str) -> bool:
    """Whether the caller has any access. Raises ConfigError if `me` is not a caller's ARN."""
    return _both(side, side)[0].of(_caller(me)) is not None


def is_admin(grant: Grant) -> bool:
    """Whether it gives system:masters to a person, and not to EC2 instances only."""
    return ADMINS in grant.groups and not is_instance(grant)


def is_instance(grant: Grant) -> bool:
    """Whether only EC2 instances can log in by it: it contains {{EC2PrivateDNSName}}, which EC2 answers."""
    return any(PRIVATE_DNS in name for name in (grant.username, *grant.groups))


def is_node(grant: Grant) -> bool:
    """Whether a node of the cluster can join by it. The Node authorizer and NodeRestriction require both the name of a
    node and the group of nodes (plugin/pkg/auth/nodeidentifier); no binding gives permissions to only one of them."""
    name = grant.username
    if NODES not in grant.groups or not name.startswith(NODE_PREFIX):
        return False
    # The name of a node is a DNS name: not with blanks, or with a misspelt template, which stays as it is.
    return _NODE_NAME.fullmatch(without_templates(name.removeprefix(NODE_PREFIX))) is not None


def is_for_nodes(grant: Grant) -> bool:
    """Whether it is meant for nodes, whatever access it gives them."""
    return NODES in grant.groups or grant.username == f"{NODE_PREFIX}{PRIVATE_DNS}"


def principal_refusal(installation: Installation) -> Callable[[NamedPrincipal], ConfigError | None]:
    """A function that returns why this installation's authenticator cannot use a principal; None if it can."""
    version, daemon, cluster = installation.daemon_version, installation.daemon, installation.partition

    def refusal(name: NamedPrincipal) -> ConfigError | None:
        partition, shown = name.partition, shortened(name)
        flaw = _sso_flaw(installation) if name.kind == "sso" else None
        if name.kind != "sso" and partition is not None:
            if partition not in known_partitions(version):
                flaw = f"authenticator {version} does not know partition {partition}", "use a newer image"
            elif not accepts_tokens_of(cluster, cluster, version):
                return ConfigError(no_hosts_of(cluster, version), remedy="use a newer image")
            elif not accepts_tokens_of(partition, cluster, version):
                what = f"{shown} is in partition {partition}, but the cluster is in partition {cluster}"
                return ConfigError(f"{what}: it never matches", remedy="map a principal in the cluster's partition")
        if flaw is None and (why := daemon.unsupported_reason(name.kind)):
            flaw = why, daemon.with_file
        return None if flaw is None else ConfigError(f"{shown}: {flaw[0]}", remedy=flaw[1])

    return refusal


def _sso_flaw(installation: Installation) -> tuple[str, str] | None:
    """What is wrong with all SSO entries, and the remedy."""
    version, daemon, cluster = installation.daemon_version, installation.daemon, installation.partition
    map_role = "map the ARN of the AWSReservedSSO role"
    if not version.has(ReleaseFeature.SSO_ENTRIES):
        settings, newer = installation.settings, "use another image"
        if settings.image is None and settings.registry != "ecr":
            command = installation.command("settings set daemonVersion", str(DEFAULT_RELEASE))
            newer = f"use a newer release: {command}"
        what = f"authenticator {version} does not support SSO entries, which require"
        return f"{what} {spans_text(ReleaseFeature.SSO_ENTRIES)}", f"{map_role}, or {newer}"
    if not accepts_tokens_of("aws", cluster, version):
        return f"SSO entries work only in partition aws, but the cluster is in partition {cluster}", map_role
    if not daemon.looks_at_sso:
        what = f"the authenticator ignores SSO entries without the feature gate {SSO_GATE}"
        return what, f"enable it first: {daemon.with_sso}"
    return None


def _both(before: Side, after: Side) -> tuple[Standings, Standings]:
    """An authenticator that would not start gives no access: the access that its file should give is compared."""
    old, new = Loaded.of(before), Loaded.of(after)
    if old.authenticator.failure is None:
        return old.standings, new.standings
    return _all_meant(old), new.standings if new.authenticator.failure is None else _all_meant(new)


def _all_meant(side: Loaded) -> Standings:
    """Includes entries that others shadow: without an authenticator, nothing says which entry decides."""
    mappings, backend, grants = side.installation.mappings, MOUNTED_FILE.name, list[Grant]()
    for entry in mappings.entries if mappings else ():
        if entry.kind == "account" and is_account(entry.arn):
            grants.append(Grant("account", entry.arn, "", (), backend))
        elif entry.principal_kind == "sso":
            grants.append(Grant("sso", entry.sso, entry.username, entry.groups, backend))
        elif is_reachable(entry.arn):
            grants.append(Grant("arn", canonicalize(entry.arn)[1], entry.username, entry.groups, backend))
    return Standings(grants)


def _caller(me: str) -> Grant:
    return Grant("arn", canonicalize(identity_of(with_plain_account(me)).arn)[1], "", (), "")


def _who(grant: Grant) -> str:
    return f"sso:{grant.principal}" if grant.kind == "sso" else grant.principal
