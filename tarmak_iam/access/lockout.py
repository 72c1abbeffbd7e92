"""What a change of the mappings must not do unasked: shut everybody out, or give the daemon what it refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tarmak_iam.access.diff import Loaded, Standings, change_of
from tarmak_iam.aws.arn import canonicalize, is_account, with_plain_account
from tarmak_iam.aws.arn_flaws import is_reachable
from tarmak_iam.errors import ConfigError, PolicyRefused
from tarmak_iam.identity.backend_support import MOUNTED_FILE
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.releases import DEFAULT_RELEASE, SSO_GATE, ReleaseFeature, known_partitions, spans_text
from tarmak_iam.identity.sts_verification import accepts_tokens_of
from tarmak_iam.identity.templates import PRIVATE_DNS
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.mappings.groups import ADMINS, NODE_PREFIX, NODES
from tarmak_iam.mappings.principals import NamedPrincipal
from tarmak_iam.text import shortened

__all__ = [
    "check_admin_access",
    "check_starts",
    "has_admin",
    "is_admin",
    "is_for_nodes",
    "is_instance",
    "is_known",
    "is_node",
    "losses",
    "principal_refusal",
]

Side = Installation | Loaded


def check_starts(before: Side, after: Side, *, repairs: bool = False) -> None:
    """Raises ConfigError where the daemon would not start with the mappings afterwards.

    `repairs`: it may stay so where it would not have started before either.
    """
    old, new = Loaded.of(before), Loaded.of(after)
    failure, already = new.authenticator.failure, old.authenticator.failure
    if failure is None or (repairs and already is not None):
        return
    # Another cause lies in a text that is not written, whose lines would lead nowhere.
    place = already.place if already is not None and already.reason == failure.reason else None
    raise ConfigError(
        f"authenticator {new.installation.daemon_version} would not start: {failure.reason}; nothing was changed",
        remedy="mend the mappings, or change image and daemonVersion in the settings",
        place=place,
    )


def check_admin_access(before: Side, after: Side, me: str | None = None) -> None:
    """Raises PolicyRefused, which names all that is lost, for a change that `losses` objects to."""
    found = losses(before, after, me)
    if found:
        raise PolicyRefused(
            f"{'; '.join(found)}; nothing was changed",
            remedy=f"use --force to do it anyway; {Loaded.of(before).installation.recovery_hint}",
        )


def losses(before: Side, after: Side, me: str | None = None) -> tuple[str, ...]:
    """What a person would miss: the last way into system:masters, a node role, or what `me` has.

    By what the daemon really gives, so that an entry which another one shadows is no loss. `me` is an ARN
    as `aws sts get-caller-identity` prints it. Raises ConfigError where it is none.
    """
    old, new = _both(before, after)
    own = None if me is None else _caller(me)
    return (*_of_admins(old, new), *_of_nodes(old, new), *(_of_caller(own, old, new) if own else ()))


def has_admin(side: Side) -> bool:
    """Whether the mappings let a person into system:masters, at random too."""
    standings = _both(side, side)[0]
    return any(standings.may(grant, is_admin) for grant in standings.grants)


def is_known(side: Side, me: str) -> bool:
    """Whether the caller gets in at all. Raises ConfigError for what is no ARN of one."""
    return _both(side, side)[0].of(_caller(me)) is not None


def is_admin(grant: Grant) -> bool:
    """Whether a person gets cluster-admin by it: where EC2 is asked for a name, only instances get in."""
    return ADMINS in grant.groups and not is_instance(grant)


def is_instance(grant: Grant) -> bool:
    """Whether only EC2 instances get in by it: EC2 is asked for a name."""
    return any(PRIVATE_DNS in name for name in (grant.username, *grant.groups))


def is_node(grant: Grant) -> bool:
    """Whether it lets a node of the cluster in. The Node authorizer and NodeRestriction want both the name of a node
    and the group of nodes (plugin/pkg/auth/nodeidentifier), and no binding gives either of them anything by itself."""
    return NODES in grant.groups and grant.username.startswith(NODE_PREFIX)


def is_for_nodes(grant: Grant) -> bool:
    """Whether it is written for nodes, whatever they get by it."""
    return NODES in grant.groups or grant.username == f"{NODE_PREFIX}{PRIVATE_DNS}"


def principal_refusal(installation: Installation) -> Callable[[NamedPrincipal], ConfigError | None]:
    """Why this installation's daemon could not use a principal; None for one that it could."""
    rules = _Rules(installation)
    return lambda name: (rules.of_sso if name.kind == "sso" else rules.of_partition)(name) or rules.of_backends(name)


@dataclass(frozen=True, slots=True)
class _Rules:
    installation: Installation

    def of_sso(self, name: NamedPrincipal) -> ConfigError | None:
        made, version = self.installation, self.installation.daemon_version
        if not version.has(ReleaseFeature.SSO_ENTRIES):
            return ConfigError(
                f"{shortened(name)}: authenticator {version} has no SSO entries, "
                f"which are in {spans_text(ReleaseFeature.SSO_ENTRIES)}",
                remedy=f"map the ARN of the AWSReservedSSO role, or {_newer(made)}",
            )
        if not accepts_tokens_of("aws", made.partition, version):
            return ConfigError(
                f"{shortened(name)}: SSO entries are for the partition aws only, the cluster is in {made.partition}",
                remedy="map the ARN of the AWSReservedSSO role",
            )
        if not made.daemon.looks_at_sso:
            return ConfigError(
                f"{shortened(name)}: the authenticator does not look at SSO entries "
                f"without the feature gate {SSO_GATE}",
                remedy=f"switch it on first: {made.daemon.with_sso}",
            )
        return None

    def of_partition(self, name: NamedPrincipal) -> ConfigError | None:
        made, version, partition = self.installation, self.installation.daemon_version, name.partition
        if partition is None:
            return None
        if partition not in known_partitions(version):
            what = f"{shortened(name)}: authenticator {version} does not know the partition {partition}"
            return ConfigError(what, remedy="set a newer image")
        if not accepts_tokens_of(partition, made.partition, version):
            what = (
                f"{shortened(name)} is of the partition {partition}, the cluster of {made.partition}: it never matches"
            )
            return ConfigError(what, remedy="map a principal of the cluster's partition")
        return None

    def of_backends(self, name: NamedPrincipal) -> ConfigError | None:
        daemon = self.installation.daemon
        why = daemon.unsupported_reason(name.kind)
        return ConfigError(f"{shortened(name)}: {why}", remedy=daemon.with_file) if why else None


def _both(before: Side, after: Side) -> tuple[Standings, Standings]:
    """Of a daemon that would not start nobody gets anything; what its file means to give is guarded then."""
    old, new = Loaded.of(before), Loaded.of(after)
    if old.authenticator.failure is None:
        return old.standings, new.standings
    return _all_meant(old), new.standings if new.authenticator.failure is None else _all_meant(new)


def _all_meant(side: Loaded) -> Standings:
    """An entry that others shadow counts too: nothing is known of what was decided."""
    mappings = side.installation.mappings
    return Standings(grant for entry in (mappings.entries if mappings else ()) for grant in _meant(entry))


def _newer(installation: Installation) -> str:
    settings = installation.settings
    if settings.image is not None or settings.registry == "ecr":
        return "set another image"
    return f"take a newer release: {installation.command('settings set daemonVersion', str(DEFAULT_RELEASE))}"


def _meant(entry: MappingEntry) -> Iterator[Grant]:
    backend = MOUNTED_FILE.name
    if entry.kind == "account" and is_account(entry.arn):
        yield Grant("account", entry.arn, "", (), backend)
    elif entry.principal_kind == "sso":
        yield Grant("sso", entry.sso, entry.username, entry.groups, backend)
    elif is_reachable(entry.arn):
        yield Grant("arn", canonicalize(entry.arn)[1], entry.username, entry.groups, backend)


def _caller(me: str) -> Grant:
    arn = canonicalize(identity_of(with_plain_account(me)).arn)[1]
    return Grant("arn", arn, "", (), "")


def _of_admins(old: Standings, new: Standings) -> Iterator[str]:
    """An admin whom the daemon lets in at random is a way in, and no safe one."""
    had = [grant for grant in old.grants if old.may(grant, is_admin)]
    sure = [grant for grant in had if old.always(grant, is_admin)]
    left = any(new.may(grant, is_admin) for grant in new.grants)
    if had and not left:
        yield f"the last way into {ADMINS} would be lost ({', '.join(map(_who, had))})"
    elif sure and not any(new.always(grant, is_admin) for grant in new.grants):
        what = f"the last way into {ADMINS} that is there at every start would be lost ({', '.join(map(_who, sure))})"
        yield f"{what}: for all others the daemon picks at random"


def _of_nodes(old: Standings, new: Standings) -> Iterator[str]:
    for grant in old.grants:

        def same(other: Grant, username: str = grant.username) -> bool:
            return is_node(other) and other.username == username

        if is_node(grant) and not (new.always if old.always(grant, same) else new.may)(grant, same):
            yield f"the nodes of {_who(grant)} could no longer join"


def _of_caller(own: Grant, old: Standings, new: Standings) -> Iterator[str]:
    effect = change_of(own, old, new)
    if effect is not None and effect.is_loss:
        yield f"your own access would change: {effect.text}"


def _who(grant: Grant) -> str:
    return f"sso:{grant.principal}" if grant.kind == "sso" else grant.principal
