"""Edits of a section and of `awsIAMAuthenticatorInit`, checked by the model, by Tarmak's validation and by reading the
result again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from typing import Any, TypeVar

from tarmak_iam.config.cluster import Cluster, Issue, ReadFile, api_server_issues
from tarmak_iam.config.cluster_validation import cluster_issues
from tarmak_iam.config.section_keys import SectionKey
from tarmak_iam.config.sections import Section
from tarmak_iam.config.unknown_keys import check_spelling
from tarmak_iam.document import Document, Remove, Set
from tarmak_iam.document.nodes import Alias, Mapping, dereference
from tarmak_iam.document.plain_values import same, value_at
from tarmak_iam.errors import ConfigError, EditRefused
from tarmak_iam.routes import Route
from tarmak_iam.text import CommandLine

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
    return document.edit(*removals(document, [route]))


def reads_differently(document: Document, route: Route) -> bool:
    """Whether the value at the route is written there, without an alias, and other readers of YAML read it differently:
    then it is written anew although it is set."""
    is_alias = isinstance(document.node(route), Alias)
    return not is_alias and document.has(route) and bool(document.other_readings(route))


def removals(document: Document, routes: Iterable[Route], written: SequenceOf[Route] = ()) -> Iterator[Remove]:
    """The edits that remove what is at these routes, the last items of lists first, with the parents that are empty
    then. An item of a list that would be empty stays, because the items after it would get other indices; and so does
    an empty list: it has another meaning than a missing one. `written` are the routes of what is added or set."""
    removed: set[int] = set()
    for route in sorted(
        routes, key=lambda route: [step if isinstance(step, int) else 0 for step in route], reverse=True
    ):
        top = route
        while not isinstance(top.steps[-1], int):
            removed.add(id(document.entry(top)))
            above, node = top.parent, document.node(top.parent)
            parent = None if node is None else dereference(node)
            is_empty = isinstance(parent, Mapping) and all(id(entry) in removed for entry in parent.entries)
            if not above.steps or not is_empty or any(map(above.leads_to, written)):
                break
            top = above
        yield Remove(route, prune=not isinstance(top.steps[-1], int))


def edit_section(
    file: _File,
    cluster: Cluster,
    section: Section[Any],
    values: Iterable[tuple[SectionKey, Any]],
    command_line: CommandLine,
) -> _File:
    """Sets keys, or removes those whose value is None. Returns the same file if they have these values for all readers
    of YAML. Raises ConfigError, and EditRefused, which names a command of `command_line`."""
    document = file.document
    wanted: list[tuple[SectionKey, Route, Any]] = []
    for key, value in values:
        route, present = Route.of((*cluster.route.plain, *section.path, *key.path)), _value(cluster, key)
        if value is not None and not (same(present, value) and not reads_differently(document, route)):
            check_spelling(document, route, command_line)
            wanted.append((key, route, value))
        elif value is None and (document.node(route) is not None or present is not None):
            wanted.append((key, route, value))
    if not wanted:
        return file
    document = document.edit(*(Set(route, value, rewrite=True) for _, route, value in wanted if value is not None))
    removed = [route for _, route, value in wanted if value is None and document.node(route) is not None]
    document = document.edit(*removals(document, removed))
    edited = file.with_document(document)
    after = edited.clusters[cluster.index]
    for key, route, value in wanted:
        if not same(_value(after, key), value):
            what = f"the value of {key.key} comes from another place: a duplicate key or a merge key"
            remedy = f"fix that first; `{command_line.tarmak_iam('check')}` shows the place"
            raise EditRefused(what, remedy=remedy, place=file.document.position(route))
    _check_issues(file, cluster, after, section)
    return edited


def _check_issues(file: ReadFile, cluster: Cluster, after: Cluster, section: Section[Any]) -> None:
    """Raises ConfigError if the edited cluster has an issue that it did not have before."""
    known = _issues(cluster, section)
    for path, message, remedy in _issues(after, section):
        if (path, message, remedy) not in known:
            place = file.document.position((*cluster.route.plain, *path))
            raise ConfigError(f"the edit was refused: {message}", remedy=remedy, place=place)


def _value(cluster: Cluster, key: SectionKey) -> Any:
    """The value of the key in the file, as it is read; None if it is not set."""
    return value_at(key.section.data(cluster.data_with_unknown_keys), key.path)


def _issues(cluster: Cluster, section: Section[Any]) -> list[Issue]:
    """The issues because of which Tarmak rejects the cluster, and the problems that a plugin's section reports."""
    problems = [
        ((*section.path, *problem.path), problem.message, problem.remedy) for problem in cluster.problems(section)
    ]
    return [*api_server_issues(cluster), *cluster_issues(cluster), *problems]
