"""Checks before an apply: errors that `check` finds, and changes that would lock out every admin or all callers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tarmak_iam.access.diff import Loaded
from tarmak_iam.access.lockout import losses
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation.cluster_files import ClusterFiles
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint import Located, Subjects, all_rules, check
from tarmak_iam.text import PLAIN, one_line


def findings_about(cluster: Cluster, subjects: Subjects) -> tuple[Located, ...]:
    """The findings of `check`, except for those about other clusters of the file, about currentCluster (the cluster is
    already chosen), and about this machine only."""
    elsewhere = {rule.id for rule in all_rules() if not rule.concerns_apply}
    return tuple(
        located for located in check(subjects) if located.finding.id not in elsewhere and _is_about(located, cluster)
    )


def refuse_errors(cluster: Cluster, subjects: Subjects) -> None:
    """Raises ConfigError for the first finding that is an error."""
    errors = [located for located in findings_about(cluster, subjects) if located.finding.severity is Severity.ERROR]
    if not errors:
        return
    command_line = subjects.installation.command_line if subjects.installation else PLAIN
    first, more, check_command = errors[0], len(errors) - 1, command_line.tarmak_iam("check")
    others = f" (and {more} more error{'s' if more > 1 else ''})" if more else ""
    raise ConfigError(
        f"{first.finding.text} [{first.finding.id}]{others}; nothing was changed",
        remedy=f"run `{check_command}` to see all findings, or use --no-check to continue anyway",
        place=first.place,
    )


def _is_about(located: Located, cluster: Cluster) -> bool:
    finding, plain = located.finding, located.finding.route.plain
    if finding.subject is not Subject.CONFIG:
        return True
    return plain[:1] != ("currentCluster",) and (plain[:1] != ("clusters",) or plain[1:2] in ((), (cluster.index,)))


@dataclass(frozen=True, slots=True)
class BeforeReport:
    """The result of `before_apply`. `errors` and `refusal` are reasons not to start tarmak; `warnings` are not.

    `installation` is what `after_apply` applies, None where `tarmak clusters apply` changes nothing about the
    authenticator: awsIAMAuthenticatorInit is off, or the cluster is a hub.
    """

    cluster_name: str
    installation: Installation | None = None
    findings: tuple[Located, ...] = ()
    refusal: str = ""
    """Who would be locked out, and what is known of the admin certificate; empty if no caller would be."""

    @property
    def errors(self) -> tuple[Located, ...]:
        return tuple(located for located in self.findings if located.finding.severity is Severity.ERROR)

    @property
    def warnings(self) -> tuple[Located, ...]:
        return tuple(located for located in self.findings if located.finding.severity is Severity.WARNING)

    @property
    def ok(self) -> bool:
        return not self.errors and not self.refusal


def is_concerned(cluster: Cluster) -> bool:
    """Whether `tarmak clusters apply` rolls out awsIAMAuthenticatorInit: it is on, and the cluster has masters."""
    return cluster.authenticator_init and not cluster.is_hub


def before_apply(
    config: TarmakConfig,
    cluster: Cluster | str,
    *,
    live: Callable[[Installation], Loaded | None] = lambda _: None,
    no_check: bool = False,
    follow_links: bool = False,
) -> BeforeReport:
    """The findings of `check` about one cluster, and whether the change would lock out callers.

    `config` was loaded from a file. `live` returns the access that the cluster grants now, None where that is unknown;
    a change that removes the last admin or the nodes' access is refused. `no_check`: only the installation is loaded.
    `follow_links` as in `ClusterFiles`. Raises TarmakIamError if the cluster does not exist, or its files cannot be
    read.
    """
    chosen = config.cluster(cluster) if isinstance(cluster, str) else cluster
    if not is_concerned(chosen):
        return BeforeReport(chosen.cluster_name)
    subjects = Subjects.of_cluster(config, chosen, ClusterFiles.of(config, chosen, follow_links=follow_links))
    installation = subjects.installation
    assert installation is not None  # of_cluster makes it
    if no_check:
        return BeforeReport(chosen.cluster_name, installation)
    findings = findings_about(chosen, subjects)
    return BeforeReport(chosen.cluster_name, installation, findings, _lockout(installation, live(installation)))


def _lockout(installation: Installation, live: Loaded | None) -> str:
    after = Loaded.of(installation)
    failure = after.authenticator.failure
    if installation.mappings is None:
        lost = [f"{installation.cluster_id} has no mappings, so IAM login would not be possible"]
    elif failure is not None:
        stopped = f"authenticator {installation.daemon_version} would not start: {failure.reason}"
        lost = [f"IAM login would not be possible: {stopped}"]
    elif not after.standings.grants:
        lost = ["no principal is mapped, so IAM login would not be possible"]
    else:
        lost = [] if live is None else [*losses(live, after)]
    return one_line(f"{'; '.join(lost)}; {installation.recovery_hint}") if lost else ""
