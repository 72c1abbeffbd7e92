"""Repairs that decide about IAM login, in a tarmak.yaml that Tarmak rejected.

Tarmak could apply nothing of such a file, so that nothing says whether IAM login to a cluster is enabled now. A repair
is taken for a change from the other value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Set
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.document.repairs import Repair
from tarmak_iam.findings import Subject
from tarmak_iam.lint.edited_subjects import with_document
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.text import shortened


def before_repairs(subjects: Sequence[Subjects], repairs: Sequence[Repair]) -> tuple[Subjects, ...]:
    """The subjects with the other value of every repaired setting of IAM login. Raises EditRefused."""
    config = subjects[0].config
    decisive = [] if config is None else list(_decisive(config, repairs))
    if config is None or not decisive:
        return tuple(subjects)
    others = (Set(repair.route, not value) for repair, value in decisive)
    return with_document(subjects, Subject.CONFIG, config.document.edit(*others))


def repair_effects(config: TarmakConfig, repairs: Sequence[Repair]) -> Iterator[str]:
    """One line for each repaired setting of IAM login."""
    for repair, value in _decisive(config, repairs):
        _, index, *keys = repair.route.plain
        assert isinstance(index, int)
        cluster = f"{shortened(config.clusters[index].cluster_name)}: " if len(config.clusters) > 1 else ""
        state = "true (IAM login is enabled)" if value else "false (IAM login is disabled)"
        yield f"{cluster}{'.'.join(map(str, keys))}: not usable -> {state}"


def _decisive(config: TarmakConfig, repairs: Sequence[Repair]) -> Iterator[tuple[Repair, bool]]:
    """The repairs of such settings, and their values."""
    for repair in repairs:
        if not repair.is_safe:
            yield repair, bool(value_at(config.data, repair.route.plain))
