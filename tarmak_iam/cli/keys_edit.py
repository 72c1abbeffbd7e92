"""Edits of keys of tarmak.yaml by their paths, in the clusters that the options choose."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.all_clusters import note_skipped, selectable_clusters
from tarmak_iam.cli.console import note
from tarmak_iam.cli.exit_codes import ExitCode
from tarmak_iam.cli.options import all_clusters_edit_option, dry_run_option, with_options
from tarmak_iam.cli.parsing import cluster_suggested
from tarmak_iam.cli.session import Session
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.key_paths import KeyPath, KeyStep
from tarmak_iam.config.key_values import UNSET, written_value
from tarmak_iam.config.patches import RefusedItems
from tarmak_iam.config.path_lookup import APPEND_ONE, FoundKey, NoSuchItem, look_up
from tarmak_iam.document.plain_values import same
from tarmak_iam.document.render import Layout, flow_text
from tarmak_iam.document.shared import IN_PYTHON
from tarmak_iam.errors import ConfigError, SelectionError, TarmakIamError
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.edits import ConfigEdits


root_option = click.option("--root", is_flag=True, help="Begin all paths at the root of the file, with or without /.")

_EDIT_OPTIONS = (
    root_option,
    all_clusters_edit_option,
    click.option("--force", is_flag=True, help="Also write keys that only a fork of Tarmak knows."),
    click.option(
        "--through-alias",
        is_flag=True,
        help="Change a value that is shared through an alias or a merge key (<<) at its anchor, and so every use.",
    ),
    dry_run_option,
)


@dataclass(frozen=True, slots=True)
class EditOptions:
    """What `edit_options` adds to a command."""

    root: bool
    all_clusters: bool
    force: bool
    through_alias: bool
    dry_run: bool


def edit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of all commands that edit keys."""
    return with_options(command, _EDIT_OPTIONS)


def short_value(value: Any) -> str:
    """A value in one line, for messages."""
    return shortened(flow_text(value, Layout()))


@dataclass(frozen=True, slots=True)
class KeysEdit:
    """An edit of the chosen clusters; none are chosen if all paths are absolute."""

    before: TarmakConfig
    clusters: tuple[Cluster, ...]
    paths: tuple[KeyPath, ...]
    options: EditOptions

    @classmethod
    def of(
        cls,
        session: Session,
        options: EditOptions,
        texts: Sequence[str],
        *,
        skips_missing: bool = False,
        skips_hubs: bool = False,
    ) -> KeysEdit:
        """Raises TarmakIamError."""
        with cluster_suggested(texts[0], "PATH"):
            paths = tuple(KeyPath.parse(text, root=options.root) for text in texts)
        before = session.config()
        if all(path.is_absolute for path in paths):
            if options.all_clusters:
                raise click.UsageError("--all-clusters requires a path that begins at a cluster")
            return cls(before, (), paths, options)
        if not options.all_clusters:
            return cls(before, (session.cluster(before),), paths, options)
        relative = [path for path in paths if not path.is_absolute]
        skips_hubs = skips_hubs or any(_is_of_kubernetes(path) for path in relative)
        clusters = _clusters_with(before, relative, skips_missing=skips_missing, skips_hubs=skips_hubs)
        if not clusters:
            raise SelectionError("no cluster with masters found", place=before.document.position(("clusters",)))
        return cls(before, clusters, paths, options)

    def finish(self, build: Callable[[ConfigEdits], ConfigEdits], unchanged: str) -> TarmakConfig:
        """Makes the edits on each cluster, together, and writes the result."""
        from tarmak_iam.cli.config_edits import finish_config_edit

        with errors_for_the_command_line(str(self.paths[0].text)):
            after, clusters = self._applied(build, self.clusters)
        finish_config_edit(self.before, after, clusters=clusters, unchanged=unchanged, dry_run=self.options.dry_run)
        return after

    def _applied(
        self, build: Callable[[ConfigEdits], ConfigEdits], clusters: tuple[Cluster, ...]
    ) -> tuple[TarmakConfig, tuple[Cluster, ...]]:
        """The edited configuration, and the clusters that were edited: a patch of items that other clusters have skips
        those that do not have them, unless it is enough for a new item."""
        edits = self.before.edit(force=self.options.force, through_alias=self.options.through_alias)
        for cluster in clusters or (None,):
            edits = build(edits.on(cluster))
        try:
            return edits.apply(), clusters
        except RefusedItems as error:
            skipped = {each: item for each in clusters for item in error.items if each.route.leads_to(item.route)}
            left = tuple(each for each in clusters if each not in skipped)
            if not left or any(error.count(item) >= len(clusters) for item in error.items):
                raise
            for each, item in skipped.items():
                reason = f"{shortened(each.cluster_name)}: {item.where} has no item {quoted(item.name)}"
                note_skipped(self.before, each, reason)
        return self._applied(build, left)

    def is_of(self, path: KeyPath, cluster: Cluster | None) -> bool:
        """Whether an edit of the path is to be made with those of a cluster: that of an absolute path is made once."""
        return not path.is_absolute or cluster is None or cluster is self.clusters[-1]

    def bases_with(self, path: KeyPath) -> list[Route]:
        """The bases below which the path is in the file."""
        found = []
        for base in self._bases:
            with suppress(SelectionError):
                if look_up(self.before.document, base, path, unknown=True).node is not None:
                    found.append(base)
        return found

    def check_present(self, expected: str | None, wanted: str) -> None:
        """Exits with 1 if the key of the first path has another value than the expected one, and than the wanted one:
        then it is set already."""
        for base in self._bases:
            found, accepted = self._accepted(base, expected, wanted)
            value = written_value(self.before.document, found)
            if any(same(value, each) for each in accepted) or (value is UNSET and expected is None):
                continue
            present = "is not set" if value is UNSET else f"is {short_value(value)}"
            what = "" if expected is None else f", not {short_value(accepted[0])}"
            place = self.before.document.position(found.route)
            note(f"{place}: {self.paths[0]} {present}{what}; nothing was written")
            click.get_current_context().exit(ExitCode.FINDINGS)

    def _accepted(self, base: Route, expected: str | None, wanted: str) -> tuple[FoundKey, list[Any]]:
        """The key of the first path, and the values that it may have before the edit. Raises TarmakIamError."""
        from tarmak_iam.config.edit_checks import FORK
        from tarmak_iam.config.edits import typed_text

        with errors_for_the_command_line(str(self.paths[0].text)):
            found = look_up(self.before.document, base, self.paths[0], unknown=self.options.force, advice=FORK)
            accepted = []
            for text, what in ((expected, "the value of --if: "), (wanted, "")):
                try:
                    accepted += [] if text is None else [typed_text(found, text)]
                except ConfigError as error:
                    remedy = error.remedy
                    if what and text == "":
                        remedy = "for a key that is not set, use --if-unset"
                    place = self.before.document.position(found.route)
                    raise ConfigError(f"{what}{error.what}", remedy=remedy, place=place) from None
            return found, accepted

    def missing(self) -> Iterator[str]:
        """For each path why nothing is there, if that is so."""
        for base in self._bases:
            for path in self.paths:
                try:
                    look_up(self.before.document, base, path, unknown=True)
                except NoSuchItem as error:
                    yield error.what if error.remedy == APPEND_ONE else error.message
                except SelectionError:
                    continue  # reported by the edit itself
                else:
                    yield f"{path} is not set"

    @property
    def _bases(self) -> list[Route]:
        return [cluster.route for cluster in self.clusters] or [Route()]


def _clusters_with(
    before: TarmakConfig, paths: Sequence[KeyPath], *, skips_missing: bool, skips_hubs: bool
) -> tuple[Cluster, ...]:
    """The clusters that have every item of a list that the paths name; a note is printed for each of the others.
    `skips_missing`: an item at the end of a path need not be there. Raises NoSuchItem if no cluster has them."""
    chosen: list[Cluster] = []
    skipped: list[tuple[Cluster, str]] = []
    errors: list[NoSuchItem] = []
    for cluster in selectable_clusters(before):
        name = shortened(cluster.cluster_name)
        if cluster.is_hub and skips_hubs:
            skipped.append((cluster, f"{name} is a hub: it has no masters"))
            continue
        try:
            _check_items(before, cluster, paths, skips_missing=skips_missing)
        except NoSuchItem as missing:
            errors.append(missing)
            skipped.append((cluster, f"{name}: {missing.what}"))
        else:
            chosen.append(cluster)
    if not chosen and errors:
        raise next((each for each in errors if each.remedy.startswith("did you mean")), errors[0])
    for cluster, reason in skipped:
        note_skipped(before, cluster, reason)
    return tuple(chosen)


def _check_items(before: TarmakConfig, cluster: Cluster, paths: Sequence[KeyPath], *, skips_missing: bool) -> None:
    for path in paths:
        try:
            look_up(before.document, cluster.route, path, unknown=True)
        except NoSuchItem as missing:
            if not (skips_missing and missing.is_last):
                raise


def _is_of_kubernetes(path: KeyPath) -> bool:
    first = path.steps[0] if path.steps else None
    return isinstance(first, KeyStep) and first.name == "kubernetes"


@contextmanager
def errors_for_the_command_line(word: str) -> Iterator[None]:
    """Remedies name options, not parameters of Python. `word` is an argument that may be the name of a cluster."""
    try:
        with cluster_suggested(word, "PATH"):
            yield
    except TarmakIamError as error:
        error.remedy = error.remedy.replace(IN_PYTHON, "(--through-alias)").replace(" (in Python: force=True)", "")
        raise
