"""The files of a cluster for tests of rules: what `check` looks at, and the files after their findings are fixed."""

from __future__ import annotations

from collections.abc import Mapping

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Document
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import SETTINGS_NAME, parse_settings
from tarmak_iam.lint import Subjects, examine
from tarmak_iam.lint.fixing import FixableFinding, FixOutcome, fix_findings, fixable_findings
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tests.lint.mapped import CONFIG

__all__ = ["CONFIG_NAME", "Files", "changed_in", "fixable", "fixed", "outcome", "subjects_of"]

CONFIG_NAME = "tarmak.yaml"

Files = Mapping[str, str]
"""Texts by the name of their file."""


def subjects_of(files: Files) -> Subjects:
    """What `check` looks at, for the cluster of currentCluster."""
    config = TarmakConfig.parse(files.get(CONFIG_NAME, CONFIG), CONFIG_NAME)
    mappings = Mappings.parse(files[MAPPINGS_NAME], MAPPINGS_NAME) if MAPPINGS_NAME in files else None
    settings, text = None, None
    if SETTINGS_NAME in files:
        settings, text = parse_settings(files[SETTINGS_NAME], SETTINGS_NAME)
    try:
        cluster = config.current_cluster
    except LookupError:
        return Subjects(config)
    return Subjects(config, mappings, Installation.of(config, cluster, mappings, settings), text)


def outcome(files: Files, *, unsafe: bool = False) -> FixOutcome:
    return fix_findings(subjects_of(files), unsafe=unsafe)


def changed_in(made: FixOutcome) -> tuple[tuple[Document, Document], ...]:
    """The documents that the fixes change, before and after."""
    return tuple((old, new) for old, new in made.documents if old.text != new.text)


def fixable(files: Files) -> tuple[FixableFinding, ...]:
    subjects = subjects_of(files)
    return fixable_findings(examine(subjects), subjects)


def fixed(files: Files, *, unsafe: bool = False) -> Files:
    """The same files with the fixes."""
    return {**files, **{after.filename: after.text for _, after in changed_in(outcome(files, unsafe=unsafe))}}
