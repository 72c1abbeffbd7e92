"""Verifies that a fix is safe: nothing that Tarmak uses changes, and nobody's access.

Compared are what Tarmak reads, what it makes of every cluster, the settings, what the authenticator reads apart from
entries, and what every principal may become.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tarmak_iam.access.diff import Effect, effects
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.changed_values import changed_values
from tarmak_iam.document import Document
from tarmak_iam.document.nodes import Alias, Mapping, Node, Scalar, walk
from tarmak_iam.document.plain_values import same, value_at
from tarmak_iam.identity.authenticator import Authenticator
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.fix_effects import DAEMON_KEYS, LOGS, RELEASES, authenticator_of, used_logs
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.mappings.mappings_file import Mappings
from tarmak_iam.routes import Route

_Steps = tuple[str | int, ...]

_API_SERVER = ("kubernetes", "apiServer")

_OF_DAEMON = ("cluster_id", *DAEMON_KEYS)
"""What of the authenticator's configuration is compared, besides access."""

_OTHER_SETTINGS = "the authenticator reads other settings"


def why_unsafe(before: Sequence[Subjects], after: Sequence[Subjects], fixes: Iterable[Fix]) -> str:
    """What changes through fixes that should be safe, as one clause; empty if nothing does. The subjects of both sides
    are those of the same clusters, in the same order."""
    old, new = before[0].config, after[0].config
    if old is not None and new is not None and old is not new:
        named = (Route.of(path).plain for fix in fixes for path in fix.about)
        about = [path for each in named for path in _without_effect(old, new, each)]
        if why := _of_config(old, new, about):
            return why
    for one, two in zip(before, after, strict=True):
        if one.settings is not two.settings and not same(_plain(one), _plain(two)):
            return "the settings change"
        if _derived(one) != _derived(two):
            return "what follows from tarmak.yaml changes"
        if why := _of_access(one, two):
            return why
    return ""


def _without_effect(old: TarmakConfig, new: TarmakConfig, about: _Steps) -> Iterable[_Steps]:
    """The values below a path that may have no effect: access logs, and null that becomes what Tarmak takes it for.
    Nothing else is, whatever a fix says."""
    start, below = about[:2], about[2:]
    if logs := [each for each in LOGS if each[: len(below)] == below]:
        return [(*start, *each) for each in logs]
    if any(below[: len(each)] == each for each in LOGS):
        return [about]
    is_same = value_at(old.data, about) is None and all(
        each.steps[: len(about)] != about for each in changed_values(old, new)
    )
    return [about] if is_same else ()


def _derived(subjects: Subjects) -> Any:
    made = subjects.installation
    if made is None:
        return None
    texts = (made.cluster_id, made.region, made.partition, made.kubernetes_text, made.webhook_file, made.public_address)
    return (*texts, made.daemon_version, made.image, made.is_hub, made.cluster.authenticator_init)


def _plain(subjects: Subjects) -> Any:
    return subjects.settings.shared_data if subjects.settings is not None else None


def _of_config(old: TarmakConfig, new: TarmakConfig, about: Sequence[_Steps]) -> str:
    if not same(_without(old.data, about), _without(new.data, about)):
        return "Tarmak reads other values"
    for one, two in zip(old.clusters, new.clusters, strict=True):
        if not same(_effective(one, about), _effective(two, about)):
            return f"{one.cluster_name} changes"
    return ""


def _effective(cluster: Cluster, about: Sequence[_Steps]) -> dict[str, Any]:
    """What Tarmak does with the cluster. Of a value without effect, only the API server's JSON has something."""
    found = cluster.effective()
    start = (*cluster.route.plain, *_API_SERVER)
    inner = [path[len(start) :] for path in about if path[: len(start)] == start]
    return {**found, "apiServer": _without(found["apiServer"], inner), "terraform": used_logs(cluster)}


def _without(data: Any, paths: Iterable[_Steps]) -> Any:
    for path in paths:
        data = _less(data, path)
    return data


def _less(data: Any, path: _Steps) -> Any:
    """The data without what a path leads to, and without the mappings that are empty then."""
    if not path:
        return None
    step, *rest = path
    if isinstance(data, dict) and step in data:
        inner = _less(data[step], tuple(rest))
        others = {key: value for key, value in data.items() if key != step}
        return others if inner in (None, {}) else {**others, step: inner}
    if isinstance(data, list):
        return [_less(item, tuple(rest)) if index == step else item for index, item in enumerate(data)]
    return data


def _of_access(old: Subjects, new: Subjects) -> str:
    if old.mappings is None or new.mappings is None or _reads_the_same(old.mappings, new.mappings):
        return ""
    if old.installation is not None and new.installation is not None:
        if _server(old.installation) != _server(new.installation):
            return _OTHER_SETTINGS
        found = effects(old.installation, new.installation)
        return _difference(found, old.installation.loaded, new.installation.loaded)
    for version in RELEASES:
        one, two = authenticator_of(old.mappings, version), authenticator_of(new.mappings, version)
        if why := _difference(effects(one, two), one, two):
            return why
    return ""


def _reads_the_same(one: Mappings, two: Mappings) -> bool:
    """Whether only comments differ, and what comes after the first document. Releases treat duplicate keys
    differently."""
    if one is two:
        return True
    old, new = one.document, two.document
    return _tree(old) == _tree(new)


def _tree(document: Document) -> list[tuple[str | int, str, str | None, str | None]]:
    """The nodes in file order. The number of children of each says where it ends: a key that moves from the end of one
    mapping to the end of the next one would make no difference otherwise."""
    nodes = walk(document.root) if document.root is not None else ()
    return [(*_content(each), each.tag, each.anchor) for each in nodes]


def _content(node: Node) -> tuple[str | int, str]:
    if isinstance(node, Scalar):
        return node.text, node.style
    if isinstance(node, Alias):
        return node.name, "alias"
    return (len(node.entries), "mapping") if isinstance(node, Mapping) else (len(node.items), "list")


def _difference(found: Sequence[Effect], one: Authenticator, two: Authenticator) -> str:
    if found:
        return f"access changes: {found[0].text}"
    if one.failure is not None and two.failure is not None:
        return "the authenticator does not start, so that nobody's access can be compared"
    return "" if _of_daemon(one) == _of_daemon(two) else _OTHER_SETTINGS


def _server(installation: Installation) -> Any:
    try:
        return installation.server
    except DaemonNotStarted as stop:
        return stop.reason


def _of_daemon(authenticator: Authenticator) -> list[Any]:
    config = authenticator.config
    return [] if config is None else [getattr(config, name) for name in _OF_DAEMON]
