"""What all commands that change the mappings share: guards, --me and --force, the diff and its effects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import click

from tarmak_iam.cli.completing import callers
from tarmak_iam.cli.console import format_option, note, print_json, wrote
from tarmak_iam.cli.edit import dry_run_option, finish_edit
from tarmak_iam.cli.new_findings import NewFindings
from tarmak_iam.cli.notes import note_misplaced
from tarmak_iam.cli.session import Session
from tarmak_iam.clusterfiles import ClusterFiles
from tarmak_iam.document.textdiff import unified_diff
from tarmak_iam.effects import Effect, Loaded, effect_json, effects
from tarmak_iam.findings import Subject
from tarmak_iam.guards import check_starts, check_ways_in, is_known, losses
from tarmak_iam.identity.mappings import Mappings
from tarmak_iam.installation import Installation

__all__ = ["Change", "Options", "change_options", "strip_path_option"]

strip_path_option = click.option(
    "--strip-path",
    is_flag=True,
    help="Take the path of a role away, which STS leaves out: it then means every role of that name in the account.",
)

_OPTIONS = (
    click.option(
        "--me",
        metavar="ARN",
        shell_complete=callers,
        help="Your own ARN: a change of what it gets needs --force.",
    ),
    click.option("--force", is_flag=True, help="Write it even if the last admin, a node role or --me loses access."),
    dry_run_option,
    format_option("text", "json"),
)


def change_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--me, --force, --dry-run and -o, as in `Options`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@dataclass(frozen=True, slots=True)
class Options:
    me: str | None
    force: bool
    dry_run: bool
    output: str


@dataclass(frozen=True, slots=True)
class Change:
    """The mappings of the chosen cluster on their way to others. `start` is a new file's where there is none."""

    files: ClusterFiles
    before: Installation
    start: Mappings

    @classmethod
    def of(cls, session: Session) -> Change:
        """Raises TarmakIamError."""
        config = session.config()
        cluster = session.cluster(config)
        files, before = session.files(config, cluster), session.installation_of(config, cluster)
        start = before.mappings or Mappings.create(files.cluster_name, str(files.mappings_path))
        return cls(files, before, start)

    def finish(
        self,
        after: Mappings,
        options: Options,
        *,
        unchanged: str,
        mending: bool = False,
        with_findings: bool = False,
        refuse_errors: bool = False,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        """Guards, writes and shows it. `mending` as in `check_starts`; `with_findings`: and what `check` says of it;
        `refuse_errors`: unless it is forced, what `check` calls an error keeps it from being written; `more` goes into
        what -o json prints.

        Raises TarmakIamError, nothing written.
        """
        if after is self.start:
            note(f"unchanged: {unchanged}")
            if options.output == "json":
                print_json({"changed": False, "effects": [], **(more or {})})
            return
        now, then = Loaded.of(self.before), Loaded.of(replace(self.before, mappings=after))
        check_starts(now, then, mending=mending)
        self._guard(now, then, options)
        still = then.authenticator.failure
        if still is not None:
            note(f"authenticator {self.before.daemon_version} would still not start: {still.reason}")
        found = effects(now, then)
        told = NewFindings.of(now.installation, then.installation) if with_findings else NewFindings()
        if refuse_errors and not options.force:
            told.refuse_errors()
        if options.output == "json":
            self._finish_json(after, options, found, more or {})
        else:
            self._finish_text(after, options, found)
        for text in told.lines:
            note(text)
        note_misplaced(self.files, self.before.cluster, Subject.MAPPINGS)

    def _guard(self, now: Loaded, then: Loaded, options: Options) -> None:
        if options.me is not None and not is_known(now, options.me):
            note(f"nothing maps {options.me} so far, so --me has nothing to protect")
        if not options.force:
            check_ways_in(now, then, options.me)
            return
        for loss in losses(now, then, options.me):
            note(f"forced: {loss}; {self.before.way_in}")

    def _finish_text(self, after: Mappings, options: Options, found: tuple[Effect, ...]) -> None:
        old, path = self._old, self.files.mappings_path
        finish_edit(
            old.document if old else None,
            after.document,
            lambda: self._write(after),
            dry_run=options.dry_run,
            done=f"wrote {path}",
            effects=(effect.text for effect in found),
        )

    def _finish_json(
        self, after: Mappings, options: Options, found: tuple[Effect, ...], more: Mapping[str, Any]
    ) -> None:
        if not options.dry_run:
            self._write(after)
            wrote(self.files.mappings_path)
        old = self._old.document.text if self._old else ""
        diff = unified_diff(old, after.document.text, after.document.filename)
        print_json({"changed": True, "diff": diff, "effects": [effect_json(effect) for effect in found], **more})
        for comment in after.document.removed_comments:
            note(f"the comment went with it: {comment.text}")
        note("dry run: nothing was written" if options.dry_run else f"wrote {self.files.mappings_path}")

    @property
    def _old(self) -> Mappings | None:
        return self.before.mappings

    def _write(self, after: Mappings) -> None:
        self.files.write(self.files.mappings_path, after.document, self._old.document if self._old else None)
