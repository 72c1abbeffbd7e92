"""Repairs that disable IAM login, in a tarmak.yaml that Tarmak rejected.

Tarmak could apply nothing of such a file, so that nothing says whether IAM login to a cluster is enabled now. A repair
is taken for a change of a cluster on which it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.repairs import Repair
from tarmak_iam.document import Set
from tarmak_iam.findings import Subject
from tarmak_iam.lint.edited_subjects import with_document
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.text import shortened


def before_repairs(subjects: Sequence[Subjects], repairs: Sequence[Repair]) -> tuple[Subjects, ...]:
    """The subjects with IAM login enabled where a repair disables it. Raises EditRefused."""
    config = subjects[0].config
    enabled = [Set(repair.route, True) for repair in repairs if not repair.is_safe]
    if config is None or not enabled:
        return tuple(subjects)
    return with_document(subjects, Subject.CONFIG, config.document.edit(*enabled))


def repair_effects(config: TarmakConfig, repairs: Sequence[Repair]) -> Iterator[str]:
    """One line for each cluster whose IAM login a repair disables."""
    for repair in repairs:
        if repair.is_safe:
            continue
        _, index, *keys = repair.route.plain
        assert isinstance(index, int)
        cluster = f"{shortened(config.clusters[index].cluster_name)}: " if len(config.clusters) > 1 else ""
        yield f"{cluster}{'.'.join(map(str, keys))}: not usable -> false (IAM login is disabled)"
