"""The rule about mappings and settings in the wrong place or under the wrong name."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tarmak_iam.errors import Place
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.installation import Installation
from tarmak_iam.lint.rule import Rule, Scope
from tarmak_iam.misplaced_files import MisplacedFile
from tarmak_iam.routes import Route

__all__ = ["FILE_PLACE_RULES", "misplaced_findings"]

_KINDS = {Subject.MAPPINGS: "mappings", Subject.SETTINGS: "settings"}


def misplaced_findings(files: Iterable[MisplacedFile], cluster_id: str) -> list[Finding]:
    """What there is to say about the misplaced files of a cluster, whatever its other files say."""
    return [_finding(rule, file, cluster_id) for rule in FILE_PLACE_RULES for file in files]


def _misplaced(rule: Rule, installation: Installation) -> Iterator[Finding]:
    for file in installation.misplaced_files:
        yield _finding(rule, file, installation.cluster_id)


def _finding(rule: Rule, file: MisplacedFile, cluster_id: str) -> Finding:
    subject = Subject(file.name)
    found = rule.finding(subject, Route(), _message(file, _KINDS[subject]), _remedy(file, cluster_id))
    return replace(found, place=Place(str(file.path)))


def _message(file: MisplacedFile, kind: str) -> str:
    """The same for all clusters that the file may be of, so that it is reported once."""
    if len(file.read_from) == 1:
        return f"this file is not read: the {kind} of the cluster are in {file.read_from[0]}"
    return f"this file is not read: the {kind} of a cluster are in its own directory, as {file.name}"


def _remedy(file: MisplacedFile, cluster_id: str) -> str:
    if len(file.read_from) > 1:
        return f"move it to the one that it is for: {' or '.join(map(str, file.read_from))}"
    (target,) = file.read_from
    if target.exists():
        return "move what should count into that file, and remove this one"
    remedy = f"move it: {_move(file.path, target)}"
    return f"if it is for {cluster_id}, {remedy}" if file.is_guess else remedy


def _move(path: Path, target: Path) -> str:
    move = shlex.join(("mv", str(path), str(target)))
    return move if target.parent.is_dir() else f"{shlex.join(('mkdir', '-p', str(target.parent)))} && {move}"


FILE_PLACE_RULES = (
    Rule("IAM098", Severity.WARNING, Scope.INSTALLATION, "mappings or settings that are not read", _misplaced),
)
