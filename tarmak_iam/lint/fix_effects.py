"""What fixes change: the values that Tarmak and the authenticator use, and access; and who would be locked out.

A safe fix has no effects. Access is compared with IAM login in mind: nobody has access to a cluster whose API server
does not call the authenticator, or whose authenticator has the ID of another cluster.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tarmak_iam.access.diff import Effect, Loaded, Standings, changes, effects
from tarmak_iam.access.lockout import losses, standing_losses
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.changed_values import changed_values, value_text
from tarmak_iam.config.type_repairs import Repair
from tarmak_iam.document import Document, Set
from tarmak_iam.document.plain_values import same
from tarmak_iam.findings import Subject
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.text import shortened

_AMAZON = ("kubernetes", "apiServer", "amazon")
_INIT = (*_AMAZON, "awsIAMAuthenticatorInit")
_LOGS = tuple((*_AMAZON, name) for name in ("publicELBAccessLogs", "internalELBAccessLogs"))
"""The access logs, which Tarmak ignores in some clusters."""

_SERVER_KEYS = {name: f"server.{name}" for name in ("hostname", "address", "port")} | {"state_dir": "server.stateDir"}

_DAEMON_KEYS = {
    "partition": "server.partition",
    "backends": "server.backendMode",
    "scrubbed": "server.scrubbedAccounts",
    "reserved_prefixes": "server.reservedPrefixConfig",
    "gates": "featureGates",
    "paths": "the files that the backends read",
}
"""What of the authenticator's configuration is compared, besides access and the cluster's ID."""


def with_document(subjects: Sequence[Subjects], subject: Subject, document: Document) -> tuple[Subjects, ...]:
    """The subjects with another text of one file; tarmak.yaml is that of all clusters. Raises TarmakIamError if it
    cannot be used."""
    edited, config = list[Subjects](), None
    for part in subjects:
        old, made = part.text_of(subject), part.installation
        if old is None or old.filename != document.filename:
            edited.append(part)
            continue
        settings = made.settings if made is not None else None
        if subject is Subject.CONFIG and part.config is not None:
            config = config or part.config.with_document(document)
            changed = replace(part, config=config)
        elif subject is Subject.MAPPINGS and part.mappings is not None:
            changed = replace(part, mappings=part.mappings.with_document(document))
        else:
            settings, text = parse_settings(document.to_bytes(), document.filename)
            changed = replace(part, settings=text)
        if made is not None and changed.config is not None:
            same_as: dict[str, Any] = {"admin": made.admin, "now": made.now, "follow_links": made.follow_links}
            cluster = changed.config.clusters[made.cluster.index]
            installation = Installation.of(changed.config, cluster, changed.mappings, settings, **same_as)
            changed = replace(changed, installation=installation)
        edited.append(changed)
    return tuple(edited)


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
        for repair in repairs:
            match repair.route.plain:
                case (_, int(index), *keys) if not repair.is_safe:
                    cluster = f"{shortened(old.clusters[index].cluster_name)}: " if len(old.clusters) > 1 else ""
                    yield f"{cluster}{'.'.join(map(str, keys))}: not usable -> false (IAM login is disabled)"
        yield from _of_config(old, new) if old is not new else ()
    for was, now, unrepaired in zip(before, after, before_repairs(before, repairs), strict=True):
        prefix = ""
        if now.installation is not None:
            prefix = f"{shortened(now.installation.cluster_id)}: " if len(after) > 1 else ""
        elif now.mappings is not None:
            prefix = f"in a cluster that reads {shortened(now.mappings.document.filename)}: "
        is_unreadable = was.mappings is not None and was.mappings.document.filename in unreadable
        of_access = _of_access(unrepaired, now, is_unreadable=is_unreadable)
        lines = (*_of_settings(was, now), *_of_mappings(was, now), *(effect.text for effect in of_access))
        yield from (f"{prefix}{line}" for line in lines)


def why_unsafe(before: Sequence[Subjects], after: Sequence[Subjects]) -> str:
    """What changes through fixes that should be safe, as one clause; empty if nothing does. The subjects of both sides
    are those of the same clusters, in the same order."""
    for line in effect_lines(before, after):
        return line
    old, new = before[0].config, after[0].config
    for was, now in zip(old.clusters, new.clusters, strict=True) if old and new and old is not new else ():
        # Tarmak's JSON shows access logs also where they have no effect.
        used = ({**cluster.effective(), "apiServer": None, "terraform": _used_logs(cluster)} for cluster in (was, now))
        if not same(*used):
            return f"what Tarmak does with {was.cluster_name} changes"
    for subjects, edited in zip(before, after, strict=True):
        if (first := subjects.mappings) and (second := edited.mappings):
            is_started = any(_loaded(part).failure is None for part in (subjects, edited))
            if not is_started and _without_comments(first.document) != _without_comments(second.document):
                return "the authenticator does not start, so access cannot be compared"
    return ""


def _without_comments(document: Document) -> list[str]:
    """The words of a document; the values do not show keys that are there twice."""
    parts, (start, end) = list[str](), (document.root.start, document.root.end) if document.root else (0, 0)
    for comment in (comment for comment in document.comments if start <= comment.span.start < end):
        parts.append(document.text[start : comment.span.start])
        start = comment.span.end
    return "".join((*parts, document.text[start:end])).split()


def before_repairs(subjects: Sequence[Subjects], repairs: Sequence[Repair]) -> tuple[Subjects, ...]:
    """The subjects with IAM login enabled where a repair disables it. Tarmak could apply nothing of a tarmak.yaml that
    it rejected, so that nothing says whether IAM login to a cluster is enabled now. Raises EditRefused."""
    config = subjects[0].config
    enabled = [Set(repair.route, True) for repair in repairs if not repair.is_safe]
    if config is None or not enabled:
        return tuple(subjects)
    return with_document(subjects, Subject.CONFIG, config.document.edit(*enabled))


def _of_config(old: TarmakConfig, new: TarmakConfig) -> Iterator[str]:
    for change in changed_values(old, new):
        if change.cluster is None:
            yield change.text
            continue
        was, now = old.clusters[change.cluster], new.clusters[change.cluster]
        is_of_logs = change.steps[2 : 2 + len(_LOGS[0])] in _LOGS
        if not is_of_logs or _used_logs(was) != _used_logs(now):
            name = f"{shortened(now.cluster_name)}: " if len(new.clusters) > 1 else ""
            login = f" (IAM login is {'enabled' if change.after else 'disabled'})" if change.steps[2:] == _INIT else ""
            yield f"{name}{change.text}{login}"


def _used_logs(cluster: Cluster) -> dict[str, Any]:
    """The variables of access logs that are written: those of a load balancer that exists, and are enabled."""
    variables: dict[str, Any] = cluster.effective()["terraform"]
    which = ("public", "internal") if cluster.api_server.get("public") else ("internal",)
    used = [f"elb_access_logs_{name}_" for name in which if variables[f"elb_access_logs_{name}_enabled"] == "true"]
    return {name: value for name, value in variables.items() if name.startswith(tuple(used))}


def _of_settings(before: Subjects, after: Subjects) -> Iterator[str]:
    was, now = before.installation, after.installation
    if was is None or now is None or was.settings is now.settings:
        return
    old, new = was.settings.effective, now.settings.effective
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
    pairs: list[tuple[Any, Any, dict[str, str]]] = []
    with contextlib.suppress(DaemonNotStarted):
        if before.installation is not None and after.installation is not None:
            pairs.append((before.installation.server, after.installation.server, _SERVER_KEYS))
    for was, now, keys in (*pairs, (_loaded(before).config, _loaded(after).config, _DAEMON_KEYS)):
        for name, key in keys.items() if was is not None and now is not None else ():
            first, second = getattr(was, name), getattr(now, name)
            if first != second:
                yield f"{key}: {value_text(_plain(first))} -> {value_text(_plain(second))}"


def _plain(value: Any) -> Any:
    """Tuples and sets as lists, for a message."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple):
        return list(value)
    return {key: _plain(item) for key, item in value.items()} if hasattr(value, "items") else value


def _loaded(subjects: Subjects) -> Authenticator:
    """The authenticator of the cluster; for mappings whose cluster is not known, that of the default release. Without a
    clusterID it would not start; the manifests add it."""
    if subjects.installation is not None:
        return subjects.installation.loaded
    assert subjects.mappings is not None  # as the callers have checked
    args = () if subjects.mappings.cluster_id else ("--cluster-id=cluster",)
    text = subjects.mappings.document.text
    return Authenticator.load(text, version=str(DEFAULT_RELEASE), args=args, filename="config.yaml")


def _of_access(before: Subjects, after: Subjects, *, is_unreadable: bool) -> Iterable[Effect]:
    """Who gains and who loses access in one cluster. `is_unreadable`: the authenticator could not read the old file."""
    was, now = before.installation, after.installation
    is_same = was is now and before.mappings is after.mappings and not is_unreadable
    if before.mappings is None or after.mappings is None or is_same:
        return ()
    if was is None or now is None:
        new = _loaded(after)
        return changes(Standings(()), Standings.of_daemon(new)) if is_unreadable else effects(_loaded(before), new)
    old_side, new_side = _sides(was, now)
    return effects(_without_access(new_side) if is_unreadable else old_side, new_side)


def _sides(before: Installation, after: Installation) -> tuple[Loaded, Loaded]:
    """The access that both sides give. If IAM login is possible on one side only, the other gives none; if on neither,
    the access that the mappings are meant to give is compared."""
    one, two, was, now = Loaded.of(before), Loaded.of(after), _is_login_possible(before), _is_login_possible(after)
    return _without_access(one) if now and not was else one, _without_access(two) if was and not now else two


def _is_login_possible(installation: Installation) -> bool:
    """Whether the API server calls the authenticator, and it accepts tokens for this cluster."""
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
    for was, now in zip(before, after, strict=True):
        if was.installation is not None and now.installation is not None and was.installation is not now.installation:
            # Those of the mappings as such, else those of IAM login.
            sides = was.installation, now.installation
            yield from losses(*sides) or losses(*_sides(*sides))
        elif was.installation is None and was.mappings is not now.mappings and was.mappings and now.mappings:
            loaded = _loaded(was), _loaded(now)
            if loaded[0].failure is None:
                yield from standing_losses(*map(Standings.of_daemon, loaded))
    old, new = before[0].config, after[0].config
    known = {part.installation.cluster.index for part in before if part.installation is not None}
    for cluster, changed in zip(old.clusters, new.clusters, strict=False) if old and new and old is not new else ():
        is_disabled = cluster.authenticator_init and not changed.authenticator_init and not cluster.is_hub
        if is_disabled and cluster.index not in known:
            yield f"IAM login to {shortened(cluster.cluster_name)} would be disabled, and its mappings were not checked"
