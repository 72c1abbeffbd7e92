"""What fixes change: the values that Tarmak and the authenticator use, and access; and who would be locked out.

Access is compared with IAM login in mind: nobody has access to a cluster whose API server does not ask the
authenticator, or whose authenticator has the ID of another cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any

from tarmak_iam.access.diff import Effect, Loaded, Standings, changes, effects
from tarmak_iam.access.lockout import losses, standing_losses
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.changed_values import ChangedValue, changed_values, value_text
from tarmak_iam.config.repairs import Repair
from tarmak_iam.document.plain_values import same
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.daemon_config import ServerSettings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE, NEWEST_READ
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.fix_repairs import before_repairs, repair_effects
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.text import shortened

RELEASES = tuple(dict.fromkeys(map(str, (DEFAULT_RELEASE, NEWEST_READ))))
"""For a mappings file of which the cluster, and so the release of its authenticator, is not known."""

_AMAZON = ("kubernetes", "apiServer", "amazon")

_INIT = (*_AMAZON, "awsIAMAuthenticatorInit")

LOGS = tuple((*_AMAZON, name) for name in ("publicELBAccessLogs", "internalELBAccessLogs"))
"""The access logs, which Tarmak ignores in some clusters."""

_SERVER_KEYS = {
    "hostname": "server.hostname",
    "address": "server.address",
    "port": "server.port",
    "state_dir": "server.stateDir",
}

DAEMON_KEYS = {
    "partition": "server.partition",
    "backends": "server.backendMode",
    "accounts": "server.mapAccounts",
    "scrubbed": "server.scrubbedAccounts",
    "reserved_prefixes": "server.reservedPrefixConfig",
    "gates": "featureGates",
    "paths": "the files that the backends read",
}
"""What of the authenticator's configuration is compared, besides access and the cluster's ID."""


def effect_lines(
    before: Sequence[Subjects],
    after: Sequence[Subjects],
    unreadable: Collection[str] = (),
    repairs: Sequence[Repair] = (),
) -> Iterator[str]:
    """One line for each value that is used otherwise, and one for each principal whose access changes, with the name of
    the cluster if there are several. The subjects of both sides are those of the same clusters, in the same order.
    `unreadable` are the names of mappings files that the authenticator could not read before, and `repairs` those of
    tarmak.yaml, without which Tarmak rejected it."""
    old, new = before[0].config, after[0].config
    if old is not None and new is not None:
        yield from repair_effects(old, repairs)
        if old is not new:
            yield from _of_config(old, new)
    for one, two, unrepaired in zip(before, after, before_repairs(before, repairs), strict=True):
        prefix = _prefix(two, is_one_of_several=len(after) > 1)
        for line in (*_of_settings(one, two), *_of_mappings(one, two)):
            yield f"{prefix}{line}"
        is_unreadable = one.mappings is not None and one.mappings.document.filename in unreadable
        for effect in access_effects(unrepaired, two, is_unreadable=is_unreadable):
            yield f"{prefix}{effect.text}"


def _prefix(subjects: Subjects, *, is_one_of_several: bool) -> str:
    if subjects.installation is not None:
        return f"{shortened(subjects.installation.cluster_id)}: " if is_one_of_several else ""
    # No cluster that is known reads such a file.
    name = subjects.mappings.document.filename if subjects.mappings is not None else ""
    return f"in a cluster that reads {shortened(name)}: " if name else ""


def _of_config(old: TarmakConfig, new: TarmakConfig) -> Iterator[str]:
    for each in changed_values(old, new):
        if each.cluster is None:
            yield each.text
        elif not _is_unused_log(old, new, each):
            name = shortened(new.clusters[each.cluster].cluster_name)
            yield f"{f'{name}: ' if len(new.clusters) > 1 else ''}{each.text}{_about_login(each)}"


def _about_login(change: ChangedValue) -> str:
    if change.steps[2:] != _INIT:
        return ""
    return " (IAM login is enabled)" if change.after else " (IAM login is disabled)"


def _is_unused_log(old: TarmakConfig, new: TarmakConfig, change: ChangedValue) -> bool:
    """Whether it is a setting of access logs that Tarmak uses neither before nor after."""
    if change.cluster is None or change.steps[2 : 2 + len(LOGS[0])] not in LOGS:
        return False
    one, two = (used_logs(each.clusters[change.cluster]) for each in (old, new))
    return one == two


def used_logs(cluster: Cluster) -> dict[str, Any]:
    """The variables of access logs that are written: those of a load balancer that exists, and are enabled."""
    found: dict[str, Any] = cluster.effective()["terraform"]
    which = ("public", "internal") if cluster.api_server.get("public") else ("internal",)
    used = [f"elb_access_logs_{each}_" for each in which if found[f"elb_access_logs_{each}_enabled"] == "true"]
    return {name: value for name, value in found.items() if name.startswith(tuple(used))}


def _of_settings(before: Subjects, after: Subjects) -> Iterator[str]:
    one, two = before.installation, after.installation
    if one is None or two is None or one.settings is two.settings:
        return
    old, new = one.settings.effective, two.settings.effective
    for name, value in new.items():
        if not same(old[name], value):
            yield f"{name}: {value_text(old[name])} -> {value_text(value)}"


def _of_mappings(before: Subjects, after: Subjects) -> Iterator[str]:
    """What the authenticator reads apart from entries; nothing where it does not start."""
    old, new = before.mappings, after.mappings
    if old is None or new is None or old is new:
        return
    if old.cluster_id != new.cluster_id:
        yield f"clusterID: {value_text(old.cluster_id)} -> {value_text(new.cluster_id)}{_about_tokens(after)}"
    one, two = (_server_of(each) for each in (before, after))
    if one is not None and two is not None:
        for each in fields(one):
            key, values = _SERVER_KEYS.get(each.name), (getattr(one, each.name), getattr(two, each.name))
            if key and values[0] != values[1]:
                yield f"{key}: {value_text(values[0])} -> {value_text(values[1])}"
    first, second = (_loaded(each).config for each in (before, after))
    if first is not None and second is not None:
        for name, key in DAEMON_KEYS.items():
            values = getattr(first, name), getattr(second, name)
            if name != "accounts" and values[0] != values[1]:  # accounts are principals
                yield f"{key}: {value_text(_plain(values[0]))} -> {value_text(_plain(values[1]))}"


def _about_tokens(after: Subjects) -> str:
    made = after.installation
    return " (tokens for this cluster are accepted)" if made is not None and _has_own_id(made) else ""


def _plain(value: Any) -> Any:
    """Tuples and sets as lists, for a message."""
    if isinstance(value, (frozenset, set)):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return {key: _plain(each) for key, each in value.items()} if hasattr(value, "items") else value


def _server_of(subjects: Subjects) -> ServerSettings | None:
    try:
        return subjects.installation.server if subjects.installation is not None else None
    except DaemonNotStarted:
        return None


def _loaded(subjects: Subjects) -> Authenticator:
    if subjects.installation is not None:
        return subjects.installation.loaded
    assert subjects.mappings is not None  # as the callers have checked
    return authenticator_of(subjects.mappings, str(DEFAULT_RELEASE))


def access_effects(before: Subjects, after: Subjects, *, is_unreadable: bool = False) -> tuple[Effect, ...]:
    """Who gains and who loses access in one cluster; for a mappings file without a cluster, with the default release of
    the authenticator. `is_unreadable`: the authenticator could not read the file before."""
    if before.mappings is None or after.mappings is None:
        return ()
    one, two = before.installation, after.installation
    if one is None or two is None:
        old, new = (authenticator_of(each, str(DEFAULT_RELEASE)) for each in (before.mappings, after.mappings))
        return tuple(changes(Standings(()), Standings.of_daemon(new))) if is_unreadable else effects(old, new)
    if one is two and not is_unreadable:
        return ()
    old_side, new_side = _sides(one, two)
    return effects(_without_access(new_side) if is_unreadable else old_side, new_side)


def _sides(before: Installation, after: Installation) -> tuple[Loaded, Loaded]:
    """The access that both sides give. If IAM login is possible on one side only, the other gives none; if on neither,
    the access that the mappings are meant to give is compared."""
    one, two = Loaded.of(before), Loaded.of(after)
    if _is_login_possible(before) and not _is_login_possible(after):
        return one, _without_access(two)
    if _is_login_possible(after) and not _is_login_possible(before):
        return _without_access(one), two
    return one, two


def _is_login_possible(installation: Installation) -> bool:
    """Whether the API server asks the authenticator, which accepts tokens for this cluster."""
    return installation.webhook_file is not None and not installation.is_hub and _has_own_id(installation)


def _has_own_id(installation: Installation) -> bool:
    """Or none: the manifests then have that of the cluster."""
    own = installation.mappings.cluster_id if installation.mappings is not None else None
    return own in (None, "", installation.cluster_id)


def _without_access(side: Loaded) -> Loaded:
    return replace(side, standings=Standings(()))


def lock_outs(before: Sequence[Subjects], after: Sequence[Subjects]) -> Iterator[str]:
    """Who would be locked out: the last admin, or a node role. IAM login to a cluster whose mappings are not known must
    not be disabled either."""
    for one, two in zip(before, after, strict=True):
        if one.installation is not None and two.installation is not None:
            yield from _losses_in_cluster(one.installation, two.installation)
        elif one.mappings is not None and two.mappings is not None and one.mappings is not two.mappings:
            yield from _losses_at_any_release(one.mappings, two.mappings)
    old, new = before[0].config, after[0].config
    if old is not None and new is not None and old is not new:
        known = {each.installation.cluster.index for each in before if each.installation is not None}
        yield from _disabled(old, new, known)


def _losses_in_cluster(before: Installation, after: Installation) -> tuple[str, ...]:
    """Those of the mappings as such, else those of IAM login."""
    if before is after:
        return ()
    return losses(before, after) or losses(*_sides(before, after))


def _losses_at_any_release(before: Mappings, after: Mappings) -> Iterator[str]:
    found: dict[str, None] = {}
    for version in RELEASES:
        one, two = authenticator_of(before, version), authenticator_of(after, version)
        if one.failure is None:
            found |= dict.fromkeys(standing_losses(*map(Standings.of_daemon, (one, two))))
    yield from found


def _disabled(old: TarmakConfig, new: TarmakConfig, known: Collection[int]) -> Iterator[str]:
    for one, two in zip(old.clusters, new.clusters, strict=False):
        if one.index not in known and not one.is_hub and one.authenticator_init and not two.authenticator_init:
            yield f"IAM login to {shortened(one.cluster_name)} would be disabled, and its mappings were not checked"


def authenticator_of(mappings: Mappings, version: str) -> Authenticator:
    """The authenticator of a mappings file whose cluster is not known. Without a clusterID it would not start; the
    manifests add it."""
    args = () if mappings.cluster_id else ("--cluster-id=cluster",)
    return Authenticator.load(mappings.document.text, version=version, args=args, filename="config.yaml")
