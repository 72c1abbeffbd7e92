"""Rules about tarmak.yaml."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.effective import api_server_issues
from tarmak_iam.config.switch import switch_route
from tarmak_iam.config.webhook import DEFAULT_WEBHOOK_FILE, unsafe_webhook_file, webhook_file
from tarmak_iam.errors import SelectionError
from tarmak_iam.findings import Finding, Severity, Subject
from tarmak_iam.lint.rule import Rule, Scope

__all__ = ["CONFIG_RULES"]


def _tarmak_validation(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        for path, message, remedy in api_server_issues(cluster.data):
            what = f"{cluster.cluster_name}: {message}; Tarmak refuses every command for its environment"
            yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *path), what, remedy)


def _switch_on_hub(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        if cluster.type == "hub" and cluster.authenticator_init:
            what = f"{cluster.cluster_name} is a hub: it has no masters, so the switch does nothing"
            yield rule.finding(
                Subject.CONFIG, switch_route(cluster), what, "remove it, and enable the environment's clusters"
            )


def _cannot_be_selected(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        for route, name in (("environment",), cluster.environment), (("metadata", "name"), cluster.name):
            if "-" in name:
                what = f"no Tarmak command can select {cluster.cluster_name}: '{name}' has a dash of its own"
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *route), what, "rename it without a dash")


def _selects_nothing(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """A current cluster that is given but leads nowhere; none at all is what `clusters set-current` is for."""
    if not config.data.get("currentCluster"):
        return
    try:
        _ = config.current_cluster
    except SelectionError as error:
        yield rule.finding(Subject.CONFIG, ("currentCluster",), error.what, error.remedy)


def _unsafe_webhook_file(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        path, reason = webhook_file(cluster), unsafe_webhook_file(cluster)
        if reason:
            route = (*cluster.route.plain, "kubernetes", "apiServer", "authTokenWebhookFile")
            what = f"the webhook file {path!r} does not reach the API server as it is written: {reason}"
            yield rule.finding(
                Subject.CONFIG, route, what, f"write a plain absolute path such as {DEFAULT_WEBHOOK_FILE}"
            )


CONFIG_RULES = (
    Rule("IAM001", Severity.ERROR, Scope.CONFIG, "Tarmak's own validation of the API server fails", _tarmak_validation),
    Rule("IAM002", Severity.WARNING, Scope.CONFIG, "the switch is on for a hub", _switch_on_hub),
    Rule(
        "IAM003",
        Severity.WARNING,
        Scope.CONFIG,
        "a cluster whose name no Tarmak command can select",
        _cannot_be_selected,
    ),
    Rule("IAM004", Severity.ERROR, Scope.CONFIG, "a webhook file that is changed on its way", _unsafe_webhook_file),
    Rule("IAM005", Severity.ERROR, Scope.CONFIG, "currentCluster selects no cluster", _selects_nothing),
)
