"""kubeconfig: what the people who log in get, printed or merged into what they have."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tarmak_iam.cli.completion import files
from tarmak_iam.cli.console import log_variables, note, print_diff_text, print_json, print_payload, record_written
from tarmak_iam.cli.file_edits import in_turn
from tarmak_iam.cli.installation_notes import note_role, note_tunnel
from tarmak_iam.cli.options import dry_run_option, format_option, kubeconfig_options
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.document.dump import yaml_bytes
from tarmak_iam.document.file_lock import lock_file_of
from tarmak_iam.document.files import Replacement, make_directory, read_if_present, replace_files
from tarmak_iam.emit.kubeconfig import client_kubeconfig
from tarmak_iam.errors import FileError, Place
from tarmak_iam.installation.backend_payloads import Manifest
from tarmak_iam.kubeconfig.file import KubeconfigFile, default_file, kubectl_files
from tarmak_iam.kubeconfig.merge import Merge, merge_kubeconfig
from tarmak_iam.kubeconfig.redacted_diff import redacted_diff

_CHANGE_WORDS = {
    "added": ("added", "to"),
    "updated": ("updated", "in"),
    "replaced": ("replaced", "in"),
    "unchanged": ("unchanged:", "in"),
}


@dataclass(frozen=True)
class KubeconfigMergePlan:
    """What is to be done to which files: worked out for all of them before the first is written."""

    paths: list[Path]
    existing: list[bytes | None]
    merge: Merge
    wanted: Manifest

    @classmethod
    def of(cls, paths: list[Path], wanted: Manifest, *, force: bool, use: bool) -> KubeconfigMergePlan:
        """Raises TarmakIamError."""
        existing = [read_if_present(path) for path in paths]
        files = [
            KubeconfigFile.new(str(path)) if data is None else KubeconfigFile.parse(data, str(path))
            for path, data in zip(paths, existing, strict=True)
        ]
        default = default_file([data is not None for data in existing])
        merge = merge_kubeconfig(files, wanted, default=default, force=force, use=use)
        return cls(paths, existing, merge, wanted)

    @property
    def changed(self) -> list[int]:
        return [index for index in range(len(self.paths)) if self.merge.is_changed(index)]

    def check(self, own: list[Path], recovery_hint: str) -> None:
        """Raises FileError for a file of the cluster itself: Tarmak's own kubeconfig is the way back in."""
        resolved = set(map(os.path.realpath, own))
        for index in self.changed:
            if os.path.realpath(self.paths[index]) in resolved:
                what = "this is a file of the cluster itself; nothing was written"
                raise FileError(what, remedy="name another FILE for --merge", place=Place(str(self.paths[index])))
        for entry in self.merge.entries:
            if entry.change == "replaced":
                where = self.paths[entry.file]
                note(f"forced: the {entry.kind} '{entry.name}' of {where} was not ours; {recovery_hint}")

    def write(self) -> None:
        """All of them or none. Raises FileError."""
        files = [
            Replacement(self.paths[index], self.merge.after[index].to_bytes(), self.existing[index], mode=0o600)
            for index in self.changed
        ]
        for each in files:
            if each.before is None:
                make_directory(each.path.parent, 0o700)
        replace_files(files)
        record_written(*(each.path for each in files))

    def show(self, *, dry_run: bool, as_json: bool) -> None:
        diffs = {index: self._diff(index) for index in self.changed}
        if as_json:
            print_json(self._as_json(diffs))
        else:
            for diff in diffs.values():
                print_diff_text(diff)
        for index, path in enumerate(self.paths):
            if not dry_run or index not in diffs:
                self._note_done(index, path)
            if index in diffs and self.existing[index] is not None and path.stat().st_mode & 0o077:
                note(f"others may read {path}, and kubeconfigs hold credentials: chmod 600 {path}")
            if index in diffs and self.merge.after[index].next_document is not None:
                note(f"{path} has several documents, of which kubectl reads the first")
        if dry_run and diffs:
            note("dry run: nothing was written")

    def _diff(self, index: int) -> str:
        before = None if self.existing[index] is None else self.merge.before[index].document
        return redacted_diff(before, self.merge.after[index], self.wanted)

    def _note_done(self, index: int, path: Path) -> None:
        """A line for each kind of change to the file; one that says `unchanged` if there was none."""
        entries = [each for each in self.merge.entries if each.file == index]
        is_changed = False
        for change, (verb, place) in _CHANGE_WORDS.items():
            names = ", ".join(f"{each.kind} {each.name}" for each in entries if each.change == change)
            if names and (change != "unchanged" or not is_changed):
                note(f"{verb} {names} {place} {path}")
                is_changed = True
        for each in entries:
            if each.kept_role is not None:
                note(f"the user {each.name} keeps its role {each.kept_role}; --role makes another of its own")
        if self.merge.uses == index:
            note(f"made {self.wanted['current-context']} the current context in {path}")

    def _as_json(self, diffs: dict[int, str]) -> dict[str, Any]:
        uses = self.merge.uses
        return {
            "changed": bool(diffs),
            "entries": [
                {"kind": each.kind, "name": each.name, "change": each.change, "file": str(self.paths[each.file])}
                for each in self.merge.entries
            ],
            "currentContext": None if uses is None else str(self.paths[uses]),
            "diff": "".join(diffs.values()),
        }


_KUBECTLS = "\0"  # no file has this name


@click.command(
    epilog="\b\nExamples:\n  tarmak-iam kubeconfig --role arn:aws:iam::111122223333:role/Admin \\\n"
    "      > admin.kubeconfig\n"
    "  tarmak-iam kubeconfig --merge --use"
)
@kubeconfig_options
@click.option(
    "--merge",
    "merge_into",
    metavar="[FILE]",
    shell_complete=files,
    is_flag=False,
    flag_value=_KUBECTLS,
    help="Add it to this kubeconfig, or bring it up to date there. Without FILE: where kubectl would, KUBECONFIG or "
    "~/.kube/config.",
)
@click.option("--use", is_flag=True, help="With --merge: make its context the current one.")
@click.option("--force", is_flag=True, help="With --merge: replace entries of the same name that are not ours.")
@dry_run_option
@format_option("yaml", "json")
@pass_session
def kubeconfig(
    session: Session,
    /,
    merge_into: str | None,
    use: bool,
    force: bool,
    dry_run: bool,
    output: str,
    **login: str | None,
) -> None:
    """A kubeconfig that gets its tokens from `aws-iam-authenticator token`, or another command (--exec).

    With --merge it goes into an existing one: other entries, comments and the current context stay as they are,
    and what is not ours is not shown.
    """
    config = session.config()
    cluster = session.cluster(config)
    installation = session.installation_of(config, cluster, login, with_admin=True)
    made = client_kubeconfig(installation)
    if merge_into is None:
        for name, given in (("--use", use), ("--force", force), ("--dry-run", dry_run)):
            if given:
                raise click.UsageError(f"{name} needs --merge")
        if output == "json":
            print_json(made)
        else:
            print_payload(yaml_bytes(made))
    else:
        own = [path for path in (*session.files(config, cluster).own, config.path) if path]
        if not merge_into:
            raise click.UsageError("--merge '' names no file")
        log_variables("KUBECONFIG")
        paths = kubectl_files(os.environ) if merge_into == _KUBECTLS else [Path(merge_into)]

        def merge() -> None:
            plan = KubeconfigMergePlan.of(paths, made, force=force, use=use)
            plan.check(own, installation.recovery_hint if force else "")
            if not dry_run:
                plan.write()
            plan.show(dry_run=dry_run, as_json=output == "json")

        if dry_run:
            merge()
        else:
            in_turn(lock_file_of(paths[0]), merge, "is editing this kubeconfig")
    note_role(installation)
    note_tunnel(installation)
