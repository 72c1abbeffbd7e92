"""What an edit of tarmak.yaml must not bring: keys that Tarmak ignores, and values that it rejects or does not use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as SequenceOf
from itertools import islice, product
from typing import Any, NamedTuple

from tarmak_iam.config import cluster_validation as clusters
from tarmak_iam.config import instance_pools as pools
from tarmak_iam.config.api_server import Issue, api_server_issues
from tarmak_iam.config.cluster import Cluster, ReadFile
from tarmak_iam.config.ignored_content import IgnoredContent, UnknownKey
from tarmak_iam.config.path_lookup import items_of
from tarmak_iam.config.section_keys import check_plain, load_sections, owned_paths
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import Field, TypePath, type_path
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place, SelectionError
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

FORK = "if only your fork of Tarmak knows it, use --force (in Python: force=True)"
_MOST_FLAWS = 5000


class _Flaw(NamedTuple):
    """`kind` is the check that found it. Flaws of a kind with the same path of types and text are equal."""

    kind: object
    route: Route
    what: str
    remedy: str

    @property
    def place(self) -> tuple[object, TypePath]:
        return self.kind, type_path(self.route.plain)


def check_edit(before: ReadFile, after: ReadFile, edited: Iterable[Route], *, force: bool = False) -> None:
    """Raises ConfigError for the first flaw that the edited configuration has and the one before it has not. `edited`
    are the routes that were edited. A flaw elsewhere is not new if one of the same kind was at a place of the same
    kind: its text names a number that the edit has changed. With `force`, unknown keys are accepted."""
    routes, sections = tuple(edited), load_sections()
    old = list(islice(_flaws(before, before, sections, force=force), _MOST_FLAWS + 1))
    if len(old) > _MOST_FLAWS:
        what = f"the file has more than {_MOST_FLAWS:,} findings, which is the limit for edits"
        raise ConfigError(what, remedy=f"fix them first: {old[0].what}", place=before.document.position(old[0].route))
    known, similar = Counter((flaw.place, flaw.what) for flaw in old), Counter(flaw.place for flaw in old)
    others: list[_Flaw] = []
    for flaw in _flaws(after, before, sections, force=force):
        if known[flaw.place, flaw.what] > 0:
            known[flaw.place, flaw.what] -= 1
            similar[flaw.place] -= 1
        else:
            others.append(flaw)
    for flaw in others:
        if any(route.leads_to(flaw.route) for route in routes) or similar[flaw.place] <= 0:
            place = place_before(before.document, after.document, flaw.route)
            raise ConfigError(f"the edit was refused: {flaw.what}", remedy=flaw.remedy, place=place)
        similar[flaw.place] -= 1


def place_before(before: Document, after: Document, route: Route) -> Place:
    """The place in the text before an edit of a route in the text after it: that of the deepest node that is certainly
    the same, because no list on the way has got or lost items."""
    for end, step in enumerate(route.steps):
        above = Route(route.steps[:end])
        lengths = {len(items_of(document.node(above))) for document in (before, after)}
        if isinstance(step, int) and len(lengths) > 1:
            return before.position(above)
    return before.position(route)


_OF_CLUSTERS: tuple[Callable[[Cluster], Iterable[Issue]], ...] = (
    api_server_issues,
    *(clusters.cluster_issues, clusters.cluster_cidr_issues, clusters.range_issues),
    *(pools.pool_type_issues, pools.pool_issues, pools.pool_resource_issues),
    *(clusters.version_format_issues, clusters.hyperkube_issues),
    *(pools.zero_count_issues, pools.label_issues, pools.region_zone_issues, pools.hub_zone_issues),
)
"""The checks of one cluster, with paths below it. They find what is an error for `check`, and values that Tarmak does
not use; what may be meant, such as an unknown region, is not here."""

_OF_COMPLETE_FILES: tuple[Callable[[ReadFile], Iterable[Issue]], ...] = (
    *(clusters.provider_issues, clusters.hub_issues),
    *(clusters.public_zone_issues, clusters.missing_zone_issues),
)
"""An edit that begins to list pools is not the reason for what they report."""

_OF_FILES: tuple[Callable[[ReadFile], Iterable[Issue]], ...] = (
    *(clusters.cidr_issues, clusters.location_issues, clusters.rewrite_issues),
    *(clusters.reference_issues, clusters.ignored_location_issues),
)


def _flaws(config: ReadFile, before: ReadFile, sections: SequenceOf[Section[Any]], *, force: bool) -> Iterator[_Flaw]:
    yield from _ignored(config, force=force)
    for of_cluster in _OF_CLUSTERS:
        for cluster in config.clusters:
            for path, what, remedy in of_cluster(cluster):
                yield _Flaw(of_cluster, Route.of((*cluster.route.plain, *path)), what, remedy)
    for section, cluster in product(sections, config.clusters):
        for problem in cluster.problems(section):
            path, what = (*section.path, *problem.path), problem.message
            what = f"{Route.of(path)} {what}" if what.startswith("must be ") else what
            yield _Flaw("section", Route.of((*cluster.route.plain, *path)), what, problem.remedy)
    for of_file in (*(_OF_COMPLETE_FILES if pools.lists_pools(before) else ()), *_OF_FILES):
        for path, what, remedy in of_file(config):
            yield _Flaw(of_file, Route.of(path), what, remedy)


def _ignored(config: ReadFile, *, force: bool) -> Iterator[_Flaw]:
    ignored = config.ignored_content
    for key in () if force else ignored.unknown:
        yield _Flaw("unknown key", key.route, *unknown_key_text(key))
    for duplicate in ignored.duplicates:
        what = f"{quoted(duplicate.name)} would be a duplicate key"
        yield _Flaw("duplicate", duplicate.route, what, "keep one of them")
    for overridden in ignored.overridden:
        what = f"Tarmak would ignore {quoted(overridden.name)}: a merge key (<<) below it overrides it"
        yield _Flaw("overridden", overridden.route, what, "move the merge key above it, or change the merged mapping")
    if config.data.get("currentCluster"):
        try:
            _ = config.current_cluster
        except SelectionError as error:
            yield _Flaw("selection", Route.of(("currentCluster",)), error.what, error.remedy)


def unknown_key_text(key: UnknownKey) -> tuple[str, str]:
    """What is wrong with a key that Tarmak does not know, and what to write instead."""
    what = f"Tarmak does not know the key {shortened(quoted(key.name))} {key.place_text}"
    first = key.name.replace("[", ".").partition(".")[0]
    is_path = first != key.name and first in Field("struct", struct=key.struct).fields
    nested = "nest the keys, as in {kubernetes: {version: 1.12.9}}; or set this path" if is_path else FORK
    return what, key.question or nested


def check_patch(document: Document, field: Field | None, path: tuple[str, ...], *, force: bool = False) -> None:
    """Raises ConfigError, with its place in the patch, for a key of a patch that Tarmak does not know, and as
    `check_plain`."""
    check_plain(document)
    ignored = IgnoredContent(document, owned_paths(), field=field, path=path)
    for unknown in () if force else ignored.unknown:
        what, remedy = unknown_key_text(unknown)
        raise ConfigError(what, remedy=remedy, place=document.position(unknown.route, at_key=True))
