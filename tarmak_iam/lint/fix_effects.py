"""What fixes change: the values that Tarmak and the authenticator use, and access; and who would be locked out.

A safe fix has no effects. Access is compared with IAM login in mind: nobody has access to a cluster whose API server
does not ask the authenticator, or whose authenticator has the ID of another cluster.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tarmak_iam.access.diff import Effect, Loaded, Standings, changes, effects
from tarmak_iam.access.lockout import losses, standing_losses
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.changed_values import changed_values, value_text
from tarmak_iam.config.type_repairs import Repair
from tarmak_iam.document import Document, Set
from tarmak_iam.document.nodes import walk
from tarmak_iam.document.plain_values import same
from tarmak_iam.findings import Subject
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.daemon_config import ServerSettings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.edited_subjects import with_document
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.text import shortened

_AMAZON = ("kubernetes", "apiServer", "amazon")

_INIT = (*_AMAZON, "awsIAMAuthenticatorInit")

_LOGS = tuple((*_AMAZON, name) for name in ("publicELBAccessLogs", "internalELBAccessLogs"))
"""The access logs, which Tarmak ignores in some clusters."""

_SERVER_KEYS = {
    "hostname": "server.hostname",
    "address": "server.address",
    "port": "server.port",
    "state_dir": "server.stateDir",
}

_DAEMON_KEYS = {
    "partition": "server.partition",
    "backends": "server.backendMode",
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
        yield from _of_repairs(old, repairs)
        if old is not new:
            yield from _of_config(old, new)
    for one, two, unrepaired in zip(before, after, before_repairs(before, repairs), strict=True):
        prefix = ""
        if two.installation is not None:
            prefix = f"{shortened(two.installation.cluster_id)}: " if len(after) > 1 else ""
        elif two.mappings is not None:
            prefix = f"in a cluster that reads {shortened(two.mappings.document.filename)}: "
        is_unreadable = one.mappings is not None and one.mappings.document.filename in unreadable
        of_access = _of_access(unrepaired, two, is_unreadable=is_unreadable)
        for line in (*_of_settings(one, two), *_of_mappings(one, two), *(each.text for each in of_access)):
            yield f"{prefix}{line}"


def why_unsafe(before: Sequence[Subjects], after: Sequence[Subjects]) -> str:
    """What changes through fixes that should be safe, as one clause; empty if nothing does. The subjects of both sides
    are those of the same clusters, in the same order."""
    for line in effect_lines(before, after):
        return line
    old, new = before[0].config, after[0].config
    for one, two in zip(old.clusters, new.clusters, strict=True) if old and new and old is not new else ():
        # Tarmak's JSON shows access logs also where they have no effect.
        used = ({**each.effective(), "apiServer": None, "terraform": _used_logs(each)} for each in (one, two))
        if not same(*used):
            return f"what Tarmak does with {one.cluster_name} changes"
    for subjects, edited in zip(before, after, strict=True):
        if (first := subjects.mappings) and (second := edited.mappings):
            is_started = any(_loaded(each).failure is None for each in (subjects, edited))
            if not is_started and _without_comments(first.document) != _without_comments(second.document):
                return "the authenticator does not start, so that nobody's access can be compared"
    return ""


def _without_comments(document: Document) -> list[tuple[object, ...]]:
    """What is written in the nodes of a document, in file order; the values do not show keys that are there twice."""
    names = ("tag", "anchor", "style", "text", "name")
    nodes = walk(document.root) if document.root is not None else ()
    return [
        (*(getattr(node, name, None) for name in names), len(getattr(node, "entries", getattr(node, "items", ()))))
        for node in nodes
    ]


def before_repairs(subjects: Sequence[Subjects], repairs: Sequence[Repair]) -> tuple[Subjects, ...]:
    """The subjects with IAM login enabled where a repair disables it. Tarmak could apply nothing of a tarmak.yaml that
    it rejected, so that nothing says whether IAM login to a cluster is enabled now. Raises EditRefused."""
    config = subjects[0].config
    enabled = [Set(repair.route, True) for repair in repairs if not repair.is_safe]
    if config is None or not enabled:
        return tuple(subjects)
    return with_document(subjects, Subject.CONFIG, config.document.edit(*enabled))


def _of_repairs(config: TarmakConfig, repairs: Sequence[Repair]) -> Iterator[str]:
    """One line for each cluster whose IAM login a repair disables."""
    for repair in repairs:
        match repair.route.plain:
            case (_, int(index), *keys) if not repair.is_safe:
                cluster = f"{shortened(config.clusters[index].cluster_name)}: " if len(config.clusters) > 1 else ""
                yield f"{cluster}{'.'.join(map(str, keys))}: not usable -> false (IAM login is disabled)"


def _of_config(old: TarmakConfig, new: TarmakConfig) -> Iterator[str]:
    for change in changed_values(old.file, new.file):
        if change.cluster is None:
            yield change.text
            continue
        one, two = old.clusters[change.cluster], new.clusters[change.cluster]
        is_of_logs = change.steps[2 : 2 + len(_LOGS[0])] in _LOGS
        if not is_of_logs or _used_logs(one) != _used_logs(two):
            name = f"{shortened(two.cluster_name)}: " if len(new.clusters) > 1 else ""
            login = f" (IAM login is {'enabled' if change.after else 'disabled'})" if change.steps[2:] == _INIT else ""
            yield f"{name}{change.text}{login}"


def _used_logs(cluster: Cluster) -> dict[str, Any]:
    """The variables of access logs that are written: those of a load balancer that exists, and are enabled."""
    variables: dict[str, Any] = cluster.effective()["terraform"]
    which = ("public", "internal") if cluster.api_server.get("public") else ("internal",)
    used = [f"elb_access_logs_{each}_" for each in which if variables[f"elb_access_logs_{each}_enabled"] == "true"]
    return {name: value for name, value in variables.items() if name.startswith(tuple(used))}


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
        is_own = after.installation is not None and _has_own_id(after.installation)
        accepted = " (tokens for this cluster are accepted)" if is_own else ""
        yield f"clusterID: {value_text(old.cluster_id)} -> {value_text(new.cluster_id)}{accepted}"
    servers = _server(before), _server(after)
    configs = _loaded(before).config, _loaded(after).config
    for (one, two), keys in ((servers, _SERVER_KEYS), (configs, _DAEMON_KEYS)):
        for name, key in keys.items() if one is not None and two is not None else ():
            first, second = (getattr(each, name) for each in (one, two))
            if first != second:
                yield f"{key}: {value_text(_plain(first))} -> {value_text(_plain(second))}"


def _server(subjects: Subjects) -> ServerSettings | None:
    try:
        return subjects.installation.server if subjects.installation is not None else None
    except DaemonNotStarted:
        return None


def _plain(value: Any) -> Any:
    """Tuples and sets as lists, for a message."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return {key: _plain(each) for key, each in value.items()} if hasattr(value, "items") else value


def _loaded(subjects: Subjects) -> Authenticator:
    """The authenticator of the cluster; for mappings whose cluster is not known, that of the default release. Without a
    clusterID it would not start; the manifests add it."""
    if subjects.installation is not None:
        return subjects.installation.loaded
    assert subjects.mappings is not None  # as the callers have checked
    args = () if subjects.mappings.cluster_id else ("--cluster-id=cluster",)
    text = subjects.mappings.document.text
    return Authenticator.load(text, version=str(DEFAULT_RELEASE), args=args, filename="config.yaml")


def _of_access(before: Subjects, after: Subjects, *, is_unreadable: bool) -> tuple[Effect, ...]:
    """Who gains and who loses access in one cluster. `is_unreadable`: the authenticator could not read the file
    before."""
    if before.mappings is None or after.mappings is None:
        return ()
    one, two = before.installation, after.installation
    if one is None or two is None:
        new = _loaded(after)
        if is_unreadable:
            return tuple(changes(Standings(()), Standings.of_daemon(new)))
        return () if before.mappings is after.mappings else effects(_loaded(before), new)
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
    cluster_id = installation.mappings.cluster_id if installation.mappings is not None else None
    return cluster_id in (None, "", installation.cluster_id)


def _without_access(side: Loaded) -> Loaded:
    return replace(side, standings=Standings(()))


def lock_outs(before: Sequence[Subjects], after: Sequence[Subjects]) -> Iterator[str]:
    """Who would be locked out: the last admin, or a node role. IAM login to a cluster whose mappings are not known must
    not be disabled either."""
    for one, two in zip(before, after, strict=True):
        if one.installation is not None and two.installation is not None and one.installation is not two.installation:
            # Those of the mappings as such, else those of IAM login.
            sides = one.installation, two.installation
            yield from losses(*sides) or losses(*_sides(*sides))
        elif one.installation is None and one.mappings is not two.mappings and one.mappings and two.mappings:
            loaded = _loaded(one), _loaded(two)
            if loaded[0].failure is None:
                yield from standing_losses(*map(Standings.of_daemon, loaded))
    old, new = before[0].config, after[0].config
    known = {each.installation.cluster.index for each in before if each.installation is not None}
    for was, now in zip(old.clusters, new.clusters, strict=False) if old and new and old is not new else ():
        if was.index not in known and not was.is_hub and was.authenticator_init and not now.authenticator_init:
            yield f"IAM login to {shortened(was.cluster_name)} would be disabled, and its mappings were not checked"
