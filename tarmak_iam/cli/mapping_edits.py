"""Edits of the mappings file: guards against lock-outs, the effects on access, new findings, and writing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from tarmak_iam.access.diff import Effect, effect_json
from tarmak_iam.cli.completion import callers
from tarmak_iam.cli.console import note, print_json, working
from tarmak_iam.cli.file_edits import finish_edit, read_given
from tarmak_iam.cli.installation_notes import note_incomplete, note_misplaced
from tarmak_iam.cli.options import dry_run_option, format_option, with_options
from tarmak_iam.cli.session import Session
from tarmak_iam.document import Document
from tarmak_iam.files.unified_diff import unified_diff
from tarmak_iam.findings import Subject
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.lint.edit_guard import EditKind, guarded_edit
from tarmak_iam.mappings.formats import Import, read_mappings
from tarmak_iam.mappings.mappings_file import Mappings

strip_path_option = click.option(
    "--strip-path",
    is_flag=True,
    help="Remove the path from the role's ARN, because STS omits it. The mapping then matches every role of that name "
    "in the account.",
)

_MAPPINGS_EDIT_OPTIONS = (
    click.option(
        "--me",
        metavar="ARN",
        shell_complete=callers,
        help="Your own ARN; a change of its access requires --force.",
    ),
    click.option("--force", is_flag=True, help="Apply even if the last admin, a node role or --me loses access."),
    dry_run_option,
    format_option("text", "json"),
)


def mappings_edit_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--me, --force, --dry-run and -o, as in `Options`."""
    return with_options(command, _MAPPINGS_EDIT_OPTIONS)


@dataclass(frozen=True, slots=True)
class MappingsEditOptions:
    me: str | None
    force: bool
    dry_run: bool
    output: str


@dataclass(frozen=True, slots=True)
class MappingsEdit:
    """An edit of the mappings of the selected cluster. `mappings` is what it starts from: those of a new file if there
    is none."""

    files: ClusterFiles
    before: Installation
    mappings: Mappings

    @classmethod
    def of(cls, session: Session) -> MappingsEdit:
        """Raises TarmakIamError."""
        config = session.config()
        cluster = session.cluster_with_masters(config)
        files = session.files(config, cluster)
        with working("reading the mappings"):
            before = session.installation_of(config, cluster)
        start = before.mappings or Mappings.create(files.cluster_name, files.mappings_path, within=files.within)
        return cls(files, before, start)

    def finish(
        self,
        after: Mappings,
        options: MappingsEditOptions,
        kind: EditKind,
        *,
        unchanged: str,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Guards against lock-outs, writes the file, and prints diff, effects and new findings. `more` is added to the
        output of -o json. Raises TarmakIamError before anything is written.
        """
        if after is self.mappings:
            note(f"unchanged: {unchanged}")
            if options.output == "json":
                print_json({"changed": False, "effects": [], **(more or {})})
            return
        with working("checking the mappings"):
            found, new = guarded_edit(self.before, after, kind, me=options.me, force=options.force, tell=note)
        finish_edit(
            self._old,
            after.document,
            after.save,
            dry_run=options.dry_run,
            done=f"wrote {self.files.mappings_path}",
            effects=(effect.text for effect in found),
            show=(lambda: self._print_json(after.document, found, more or {})) if options.output == "json" else None,
        )
        for text in new.lines:
            note(text)
        note_misplaced(self.files, self.before.cluster, Subject.MAPPINGS)

    def _print_json(self, after: Document, found: Iterable[Effect], more: Mapping[str, Any]) -> None:
        diff = unified_diff(self._old.text if self._old else "", after.text, after.filename)
        print_json({"changed": True, "diff": diff, "effects": [effect_json(effect) for effect in found], **more})

    @property
    def _old(self) -> Document | None:
        return self.before.mappings.document if self.before.mappings else None


def read_import(file: str, form: str | None) -> Import:
    """The mappings of a file; `-` is stdin. A warning is printed if an interrupted `render` left it there. Raises
    TarmakIamError."""
    if file != "-":
        note_incomplete(Path(file).parent)
    return read_mappings(*read_given(file), form)
