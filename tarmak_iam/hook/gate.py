"""What must not reach a cluster: whatever `check` calls an error about it."""

from __future__ import annotations

from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.config import Cluster
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.lint import Located, Subjects, check
from tarmak_iam.lint.admin_certificate_rules import ADMIN_CERTIFICATE_RULES

__all__ = ["findings_about", "refuse_errors"]


# Of this machine: no certificate is brought to a cluster, and Tarmak has a new one signed for whoever applies.
_OF_THE_WAY_BACK = frozenset(rule.id for rule in ADMIN_CERTIFICATE_RULES)


def findings_about(cluster: Cluster, subjects: Subjects) -> tuple[Located, ...]:
    """What `check` finds, without what is wrong with another cluster of the file, with the choice of one, which is
    chosen, or with the admin certificate here."""
    return tuple(each for each in check(subjects) if _is_about(each, cluster))


def refuse_errors(cluster: Cluster, subjects: Subjects) -> None:
    """Raises ConfigError, at the first of them, for findings that are errors."""
    errors = [each for each in findings_about(cluster, subjects) if each.finding.severity is Severity.ERROR]
    if not errors:
        return
    first, more, check_command = errors[0], len(errors) - 1, _command_line(subjects).tarmak_iam("check")
    others = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    raise ConfigError(
        f"{first.finding.text} [{first.finding.id}]{others}; nothing was changed",
        remedy=f"`{check_command}` shows them all, --no-check goes on all the same",
        place=first.place,
    )


def _command_line(subjects: Subjects) -> CommandLine:
    return subjects.installation.command_line if subjects.installation else PLAIN


def _is_about(located: Located, cluster: Cluster) -> bool:
    finding, plain = located.finding, located.finding.route.plain
    if finding.id in _OF_THE_WAY_BACK:
        return False
    if finding.subject is not Subject.CONFIG:
        return True
    return plain[:1] != ("currentCluster",) and (plain[:1] != ("clusters",) or plain[1:2] in ((), (cluster.index,)))
