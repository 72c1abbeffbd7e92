"""Edits of a section and of `awsIAMAuthenticatorInit`, checked by the model, by Tarmak's validation and by reading the
result again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from tarmak_iam.command_line import CommandLine
from tarmak_iam.config.cluster import Cluster, Issue, ReadFile, api_server_issues
from tarmak_iam.config.cluster_validation import cluster_issues
from tarmak_iam.config.section_keys import SectionKey
from tarmak_iam.config.sections import Section
from tarmak_iam.config.unknown_keys import check_spelling
from tarmak_iam.document import Document, Set
from tarmak_iam.document.nodes import Alias, Node, Sequence
from tarmak_iam.document.plain_values import same
from tarmak_iam.errors import ConfigError, EditRefused
from tarmak_iam.routes import Route

_File = TypeVar("_File", bound=ReadFile)


def authenticator_init_route(cluster: Cluster) -> Route:
    """The route of `awsIAMAuthenticatorInit`, whether it is set or not."""
    return Route.of((*cluster.route.plain, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit"))


def enable_authenticator_init(document: Document, cluster: Cluster, command_line: CommandLine) -> Document:
    """Turns `awsIAMAuthenticatorInit` on. Returns the same document if it is on. Raises EditRefused."""
    if cluster.authenticator_init:
        return document
    route = authenticator_init_route(cluster)
    check_spelling(document, route, command_line)
    return document.set(route, True)


def disable_authenticator_init(document: Document, cluster: Cluster) -> Document:
    """Turns `awsIAMAuthenticatorInit` off. Returns the same document if it is off. Raises EditRefused."""
    if not cluster.authenticator_init:
        return document
    route = authenticator_init_route(cluster)
    comments = document.comments_of(route)
    if any(comment.setting == "awsIAMAuthenticatorInit" for comment in comments):
        comments = tuple(comment for comment in comments if not comment.own_line)  # they are about that line
    if comments or not document.has(route):  # not has: the value comes from a merge key
        return document.set(route, False)
    return remove_entry(document, route)


def reads_differently(document: Document, route: Route) -> bool:
    """Whether the value at the route is written there, without an alias, and other readers of YAML read it differently:
    then it is written anew although it is set."""
    is_alias = isinstance(document.node(route), Alias)
    return not is_alias and document.has(route) and bool(document.other_readings(route))


def remove_entry(document: Document, route: Route) -> Document:
    """Removes the entry at the route, and the parents that are empty then. A cluster that becomes empty stays, because
    the clusters after it would get other indices. Raises EditRefused."""
    removed = document.remove(route, prune=True)
    return removed if len(_clusters(removed)) == len(_clusters(document)) else document.remove(route)


def _clusters(document: Document) -> tuple[Node, ...]:
    node = document.node(("clusters",))
    return node.items if isinstance(node, Sequence) else ()


_MISSING = object()


def edit_section(
    file: _File,
    cluster: Cluster,
    section: Section[Any],
    edits: Iterable[tuple[SectionKey, Any]],
    command_line: CommandLine,
) -> _File:
    """Sets keys. Returns the same file if they have these values for all readers of YAML. Raises ConfigError and
    EditRefused, which names a command of `command_line`."""
    todo = [
        (chosen, value)
        for chosen, value in edits
        if not _has(cluster, chosen, value) or reads_differently(file.document, _route(cluster, chosen))
    ]
    if not todo:
        return file
    for chosen, _ in todo:
        check_spelling(file.document, _route(cluster, chosen), command_line)
    document = file.document.edit(*(Set(_route(cluster, chosen), value, rewrite=True) for chosen, value in todo))
    edited = _checked(file, file.with_document(document), cluster, section)
    for chosen, value in todo:
        if not _has(edited.clusters[cluster.index], chosen, value):
            raise _unreachable(file, cluster, chosen, command_line)
    return edited


def clear_section(file: _File, cluster: Cluster, chosen: SectionKey, command_line: CommandLine) -> _File:
    """Removes a key. Returns the same file if it is not set. Raises ConfigError and EditRefused."""
    route = _route(cluster, chosen)
    if file.document.node(route) is None:
        if _value(cluster, chosen) is not _MISSING:
            raise _unreachable(file, cluster, chosen, command_line)
        return file
    edited = file.with_document(remove_entry(file.document, route))
    if _value(edited.clusters[cluster.index], chosen) is not _MISSING:
        raise _unreachable(file, cluster, chosen, command_line)
    return _checked(file, edited, cluster, chosen.section)


def _checked(before: ReadFile, after: _File, cluster: Cluster, section: Section[Any]) -> _File:
    """The edited file. Raises ConfigError if the cluster has an issue that it did not have before."""
    known = _issues(cluster, section)
    for path, message, remedy in _issues(after.clusters[cluster.index], section):
        if (path, message, remedy) not in known:
            place = before.document.position((*cluster.route.plain, *path))
            raise ConfigError(f"the edit was refused: {message}", remedy=remedy, place=place)
    return after


def _issues(cluster: Cluster, section: Section[Any]) -> list[Issue]:
    """The issues because of which Tarmak rejects the cluster, and the problems that a plugin's section reports."""
    own = [((*section.path, *each.path), each.message, each.remedy) for each in cluster.problems(section)]
    tarmaks = [*api_server_issues(cluster), *cluster_issues(cluster)]
    return [*tarmaks, *(issue for issue in own if issue not in tarmaks)]


def _value(cluster: Cluster, chosen: SectionKey) -> Any:
    """The value of the key in the file, as it is read."""
    data = chosen.section.data(cluster.data_with_unknown_keys)
    for key in chosen.path:
        data = data.get(key, _MISSING) if isinstance(data, dict) else _MISSING
    return data


def _has(cluster: Cluster, chosen: SectionKey, value: Any) -> bool:
    return same(_value(cluster, chosen), value)


def _route(cluster: Cluster, chosen: SectionKey) -> Route:
    return Route.of((*cluster.route.plain, *chosen.section.path, *chosen.path))


def _unreachable(file: ReadFile, cluster: Cluster, chosen: SectionKey, command_line: CommandLine) -> EditRefused:
    return EditRefused(
        f"the value of {chosen.key} comes from another place: a duplicate key or a merge key",
        remedy=f"fix that first; `{command_line.tarmak_iam('check')}` shows the place",
        place=file.document.position(_route(cluster, chosen)),
    )
