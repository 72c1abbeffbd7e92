"""Edits of a section: judged by its model, by Tarmak's validation and by reading the result again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.cluster import Cluster
from tarmak_iam.config.effective import Issue, api_server_issues
from tarmak_iam.config.options import Option
from tarmak_iam.config.sections import Section
from tarmak_iam.config.switch import take_out
from tarmak_iam.config.validation import other_issues
from tarmak_iam.document import Set
from tarmak_iam.document.construct import same
from tarmak_iam.errors import ConfigError, EditRefused
from tarmak_iam.routes import Route

if TYPE_CHECKING:
    from tarmak_iam.config.config import TarmakConfig

__all__ = ["clear_section", "edit_section"]

_NOT_THERE = object()


def edit_section(
    config: TarmakConfig, cluster: Cluster, section: Section[Any], edits: Sequence[tuple[Option, Any]]
) -> TarmakConfig:
    """Gives keys their values; the same config if they have them. Raises ConfigError and EditRefused."""
    todo = [(chosen, value) for chosen, value in edits if not _has(cluster, chosen, value)]
    if not todo:
        return config
    document = config.document.edit(*(Set(_route(cluster, chosen), value) for chosen, value in todo))
    edited = _judged(config, config.with_document(document), cluster, section)
    for chosen, value in todo:
        if not _has(edited.clusters[cluster.index], chosen, value):
            raise _unreachable(config, cluster, chosen)
    return edited


def clear_section(config: TarmakConfig, cluster: Cluster, chosen: Option) -> TarmakConfig:
    """Takes a key out; the same config if it is not there. Raises ConfigError and EditRefused."""
    route = _route(cluster, chosen)
    if config.document.node(route) is None:
        if _value(cluster, chosen) is not _NOT_THERE:
            raise _unreachable(config, cluster, chosen)
        return config
    edited = config.with_document(take_out(config.document, route))
    if _value(edited.clusters[cluster.index], chosen) is not _NOT_THERE:
        raise _unreachable(config, cluster, chosen)
    return _judged(config, edited, cluster, chosen.section)


def _judged(before: TarmakConfig, after: TarmakConfig, cluster: Cluster, section: Section[Any]) -> TarmakConfig:
    """The edited config, if nothing is wrong with the cluster that was not wrong before. Raises ConfigError."""
    known = _issues(cluster, section)
    for path, message, remedy in _issues(after.clusters[cluster.index], section):
        if (path, message, remedy) not in known:
            place = before.document.position((*cluster.route.plain, *path))
            raise ConfigError(f"it would be refused: {message}", remedy=remedy, place=place)
    return after


def _issues(cluster: Cluster, section: Section[Any]) -> list[Issue]:
    """What Tarmak refuses about the cluster, and what a plugin's section says of itself."""
    own = [((*section.path, *each.path), each.message, each.remedy) for each in cluster.problems(section)]
    tarmaks = [*api_server_issues(cluster.data), *other_issues(cluster.data)]
    return [*tarmaks, *(issue for issue in own if issue not in tarmaks)]


def _value(cluster: Cluster, chosen: Option) -> Any:
    """What the file gives the key, as it is read."""
    data = chosen.section.data(cluster.everything)
    for key in chosen.path:
        data = data.get(key, _NOT_THERE) if isinstance(data, dict) else _NOT_THERE
    return data


def _has(cluster: Cluster, chosen: Option, value: Any) -> bool:
    return same(_value(cluster, chosen), value)


def _route(cluster: Cluster, chosen: Option) -> Route:
    return Route.of((*cluster.route.plain, *chosen.section.path, *chosen.path))


def _unreachable(config: TarmakConfig, cluster: Cluster, chosen: Option) -> EditRefused:
    return EditRefused(
        f"what counts for {chosen.key} comes from another place: a key that is there twice, or a merge",
        remedy=f"fix that first; `{config.command_line(cluster).tarmak_iam('check')}` shows where",
        place=config.document.position(_route(cluster, chosen)),
    )
