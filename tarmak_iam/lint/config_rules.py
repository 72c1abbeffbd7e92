"""Rules about tarmak.yaml: clusters, versions and webhook files, and what sections of plugins bring."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.api_server import (
    DEFAULT_WEBHOOK_FILE,
    INIT_DIRECTORY,
    webhook_file,
    webhook_file_doubt,
    webhook_file_flaw,
    webhook_file_is_not_copied,
)
from tarmak_iam.config.cluster_validation import Issue, api_server_issues, cluster_issues
from tarmak_iam.config.instance_pools import pools_of
from tarmak_iam.config.kubernetes_versions import FIRST_WITHOUT_HYPERKUBE, is_release, parse_version
from tarmak_iam.config.section_edits import switch_route
from tarmak_iam.config.section_keys import block_of, load_sections
from tarmak_iam.config.sections import Path, Section, SectionModel, SectionRule
from tarmak_iam.config.tarmak_types import ITEM, field_at
from tarmak_iam.errors import SelectionError
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.rule import CONFIG, Rule, Scope
from tarmak_iam.routes import Route
from tarmak_iam.suggestions import did_you_mean
from tarmak_iam.text import quoted, shortened

_SWITCH = ("clusters", ITEM, *AMAZON.path, "awsIAMAuthenticatorInit")


def _refused_for(issues: Callable[[Cluster], list[Issue]]) -> Callable[[Rule, Any], Iterator[Finding]]:
    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            for path, message, remedy in issues(cluster):
                what = f"{shortened(cluster.cluster_name)}: {message}; Tarmak refuses every command for its environment"
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *path), what, remedy)

    return check


def _switch_on_hub(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        if not cluster.is_hub:
            continue
        hub = f"{shortened(cluster.cluster_name)} is a hub: it has no masters, so"
        if cluster.authenticator_init:
            remedy = "remove it, and enable the environment's clusters"
            yield rule.finding(Subject.CONFIG, switch_route(cluster), f"{hub} the switch does nothing", remedy)
        if cluster.api_server.get("authTokenWebhookFile"):
            remedy = "remove it, and set it for the environment's clusters"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), f"{hub} the webhook file does nothing", remedy)


def _cannot_be_selected(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    first: dict[str, Cluster] = {}
    for cluster in config.clusters:
        earlier = first.setdefault(cluster.cluster_name, cluster)
        for route, name in (("environment",), cluster.environment), (("metadata", "name"), cluster.name):
            if "-" in name:
                what = (
                    f"no Tarmak command can select {shortened(cluster.cluster_name)}: "
                    f"{quoted(name)} has a dash of its own"
                )
                is_listed = route == ("environment",) and bool(cluster.environment_data())
                remedy = f"rename it without a dash{', in environments too' if is_listed else ''}"
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *route), what, remedy)
        missing = [key for key, name in (("environment", cluster.environment), ("name", cluster.name)) if not name]
        if missing:
            what = f"no Tarmak command can select this cluster: it has no {' and no '.join(missing)}"
            remedy = "give it an environment and a metadata.name, or remove it"
            yield rule.finding(Subject.CONFIG, cluster.route, what, remedy)
        elif earlier is not cluster:
            line = config.document.position((*earlier.route.plain, "metadata", "name")).line
            what = f"{shortened(cluster.cluster_name)} is in line {line} already: Tarmak's commands take that one"
            yield rule.finding(
                Subject.CONFIG, (*cluster.route.plain, "metadata", "name"), what, "rename or remove one of them"
            )


def _nowhere(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """A list that is not there at all is a file in the making, not a mistake."""
    for cluster in config.clusters:
        if "environments" in config.data and cluster.environment and not cluster.environment_data():
            what = (
                f"there is no environment {quoted(cluster.environment)}, so Tarmak does not "
                f"find {shortened(cluster.cluster_name)}"
            )
            route = (*cluster.route.plain, "environment")
            remedy = did_you_mean(cluster.environment, _names(config, "environments"))
            yield rule.finding(Subject.CONFIG, route, what, remedy or "add it to environments, or name another one")
    for index, environment in enumerate(config.data.get("environments") or ()):
        provider = (environment or {}).get("provider") or ""
        if "providers" in config.data and not config.provider(provider):
            what = f"there is no provider {quoted(provider)}: Tarmak refuses every command for this environment"
            names = _names(config, "providers")
            remedy = did_you_mean(provider, names) or "add it to providers, or name another one"
            if not provider:
                what = "the environment has no provider: Tarmak refuses every command for it"
                remedy = f"set provider to {' or '.join(map(shortened, names))}" if names else "add one to providers"
            route = ("environments", index, "provider")
            yield rule.finding(Subject.CONFIG, route, what, remedy)


def _names(config: TarmakConfig, kind: str) -> list[str]:
    names = (((each or {}).get("metadata") or {}).get("name") for each in config.data.get(kind) or ())
    return [str(name) for name in names if name]


def _named_twice(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for kind in ("environments", "providers"):
        first: dict[str, int] = {}
        for index, item in enumerate(config.data.get(kind) or ()):
            name = ((item or {}).get("metadata") or {}).get("name") or ""
            earlier = first.setdefault(name, index)
            if earlier != index:
                line = config.document.position((kind, earlier, "metadata", "name")).line
                what = f"{quoted(name)} is among the {kind} in line {line} already: Tarmak takes that one"
                route = (kind, index, "metadata", "name")
                yield rule.finding(Subject.CONFIG, route, what, "rename or remove one of them")


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
        path, reason = webhook_file(cluster), webhook_file_flaw(cluster)
        if reason:
            what = f"the webhook file {shortened(path)!r} does not reach the API server as it is written: {reason}"
            remedy = f"write a plain absolute path such as {DEFAULT_WEBHOOK_FILE}"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, remedy)


def _webhook_file_of_nobody(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        if not webhook_file_flaw(cluster) and webhook_file_is_not_copied(cluster):
            what = (
                "the switch's init unit copies its kubeconfig to "
                f"{shortened(webhook_file(cluster))}, but makes no directory "
                f"except {INIT_DIRECTORY}: unless it is on the masters already, the API server does not start"
            )
            remedy = "remove authTokenWebhookFile: the switch sets its own"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, remedy)


def _doubtful_webhook_file(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        doubt = webhook_file_doubt(cluster)
        if doubt and not webhook_file_flaw(cluster):
            what = f"the webhook file is {shortened(webhook_file(cluster))!r}: {doubt}"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, "write the file's plain absolute path")


def _versions(cluster: Cluster) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The Kubernetes versions that are given for a cluster and its pools, with their paths below it."""
    places: list[tuple[tuple[str | int, ...], Mapping[str, Any]]] = [((), cluster.data)]
    places += [(("instancePools", index), pool) for index, pool in enumerate(pools_of(cluster))]
    for path, item in places:
        version = (item.get("kubernetes") or {}).get("version")
        if version:
            yield (*path, "kubernetes", "version"), version


def _puppet_misreads(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """Puppet downloads `v<version>` and compares the text with release numbers; Tarmak lets more pass, and looks
    at the version only where there is an apiServer."""
    for cluster in config.clusters:
        reported = {path for path, _, _ in api_server_issues(cluster)}
        for path, version in _versions(cluster):
            if path not in reported and not is_release(version):
                what = (
                    f"Kubernetes {quoted(version)} is no release: Puppet would download "
                    f"v{shortened(version)}, as it is written"
                )
                plain = version.lstrip("v")
                remedy = (
                    f"write {shortened(plain)}"
                    if is_release(plain)
                    else "write a release with three numbers, as in 1.12.9"
                )
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *path), what, remedy)


def _without_hyperkube(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """A hub has no nodes that Puppet installs Kubernetes on."""
    for cluster in config.clusters:
        for path, text in () if cluster.is_hub else _versions(cluster):
            version = parse_version(text)
            if is_release(text) and version is not None and version.minor >= FIRST_WITHOUT_HYPERKUBE:
                what = f"Tarmak cannot install Kubernetes {text}: it downloads the hyperkube binary"
                first = ".".join(map(str, FIRST_WITHOUT_HYPERKUBE))
                what += f", which Kubernetes does not publish from {first} on"
                remedy = f"write a version below {first}, as in 1.16.15"
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *path), what, remedy)


def _no_value(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for scalar in config.ignored_content.scalars:
        if scalar.path != _SWITCH or scalar.value is not None:
            continue
        index = scalar.route.steps[1]
        if isinstance(index, int) and not config.clusters[index].authenticator_init:
            what = "awsIAMAuthenticatorInit has no value, which for Tarmak is false"
            yield rule.finding(Subject.CONFIG, scalar.route, what, "write true, or remove it", at=At.KEY)


def _webhook_route(cluster: Cluster) -> Route:
    return Route.of((*cluster.route.plain, "kubernetes", "apiServer", "authTokenWebhookFile"))


CONFIG_RULES = (
    CONFIG.error(
        "IAM001",
        "invalid-api-server",
        "Tarmak's own validation of the API server fails",
        _refused_for(api_server_issues),
    ),
    CONFIG.warning("IAM002", "hub-setting", "a switch or webhook file of a hub", _switch_on_hub),
    CONFIG.warning(
        "IAM003", "unselectable-cluster", "a cluster whose name no Tarmak command can select", _cannot_be_selected
    ),
    CONFIG.error("IAM004", "unsafe-webhook-path", "a webhook file that is changed on its way", _unsafe_webhook_file),
    CONFIG.error("IAM005", "current-cluster", "currentCluster selects no cluster", _selects_nothing),
    CONFIG.warning("IAM036", "authenticator-init-without-value", "the switch without a value", _no_value),
    CONFIG.error(
        "IAM019", "kubernetes-without-hyperkube", "a Kubernetes version without hyperkube", _without_hyperkube
    ),
    CONFIG.error("IAM040", "kubernetes-version-format", "a Kubernetes version that Puppet misreads", _puppet_misreads),
    CONFIG.error("IAM041", "webhook-directory", "a webhook file where nobody makes it", _webhook_file_of_nobody),
    CONFIG.warning("IAM042", "doubtful-webhook-path", "a webhook file that is hardly meant", _doubtful_webhook_file),
    CONFIG.error("IAM047", "duplicate-environment", "an environment or provider that is there twice", _named_twice),
    CONFIG.error("IAM043", "unknown-environment", "an environment or provider that is not there", _nowhere),
    CONFIG.error(
        "IAM044", "invalid-tarmak-config", "Tarmak's validation of another part fails", _refused_for(cluster_issues)
    ),
)


def _validation(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for section in load_sections():
        for cluster in () if section is AMAZON else config.clusters:  # whose validation is Tarmak's: IAM001
            for problem in cluster.problems(section):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{shortened(cluster.cluster_name)}: {section.name}: {problem.message}"
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy, at=problem.at)


def _unknown_key(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """Of sections that Tarmak does not know: of the others the survey finds them."""
    for section in load_sections():
        if field_at("Cluster", section.path) is not None:
            continue
        for cluster in config.clusters:
            for path, known in _unknown(section.model, section.data(cluster.data_with_unknown_keys), ()):
                what = f"the section {section.name} has no key {quoted(path[-1])}"
                remedy = did_you_mean(str(path[-1]), known, "its keys are")
                route = (*cluster.route.plain, *section.path, *path)
                yield rule.finding(Subject.CONFIG, route, what, remedy, at=At.KEY)


def _unknown(model: type[SectionModel], data: Any, path: Path) -> Iterator[tuple[Path, list[str]]]:
    """The paths of keys that a model does not have, with the keys that it has there."""
    for key, value in data.items() if isinstance(data, dict) else ():
        field = model.model_fields.get(key)
        if field is None:
            if not str(key).startswith("x-"):
                yield (*path, key), list(model.model_fields)
        elif (block := block_of(field)) is not None:
            yield from _unknown(block, value, (*path, key))


SECTION_RULES = (
    CONFIG.error("IAM045", "invalid-section", "the validation of a section that a plugin brings fails", _validation),
    CONFIG.error("IAM046", "unknown-section-key", "a key that a plugin's section does not have", _unknown_key),
)


def rules_of(section: Section[Any]) -> list[Rule]:
    """A section's own rules, each run on every cluster that has the section as its model wants it."""
    return [_rule(section, each) for each in section.rules]


def _rule(section: Section[Any], own: SectionRule) -> Rule:
    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            whole = cluster.data_with_unknown_keys
            try:
                model = section.read(whole)
            except ValidationError:
                continue  # which the rule about validation tells
            if model is None:
                continue
            for problem in section.guarded(lambda each, data: list(own.check(each, data)), model, whole):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{shortened(cluster.cluster_name)}: {problem.message}"
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy, at=problem.at)

    return Rule(own.id, own.severity, Scope.CONFIG, own.summary, check, name=own.name)
