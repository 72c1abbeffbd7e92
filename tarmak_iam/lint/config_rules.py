"""Rules about tarmak.yaml: what Tarmak ignores or misreads, clusters and versions, environments with their pools and
address ranges, and the sections of plugins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config import cluster_validation as environments
from tarmak_iam.config import instance_pools as pools
from tarmak_iam.config.api_server import (
    AMAZON,
    DEFAULT_WEBHOOK_FILE,
    INIT_DIRECTORY,
    Issue,
    api_server_issues,
    authenticator_init_route,
    webhook_file,
    webhook_file_doubt,
    webhook_file_flaw,
    webhook_file_is_not_copied,
)
from tarmak_iam.config.ignored_content import IgnoredContent, UnknownKey
from tarmak_iam.config.kubernetes_versions import is_release
from tarmak_iam.config.section_keys import block_of, load_sections
from tarmak_iam.config.sections import Path, Section, SectionRule, validation_error
from tarmak_iam.config.tarmak_types import CLUSTER_FIELD, INTERVALS, ITEM
from tarmak_iam.document import Document, Move, Rename, Set
from tarmak_iam.document.nodes import Mapping, Sequence, dereference
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.errors import SelectionError
from tarmak_iam.findings import At, Finding, Subject
from tarmak_iam.lint.fix import Fix, next_document_as_comment, removed, without_key, written
from tarmak_iam.lint.messages import early_end
from tarmak_iam.lint.rule import CONFIG, DOCUMENT, Rule, Scope
from tarmak_iam.routes import Route
from tarmak_iam.text import did_you_mean, quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.sections import SectionModel

# Content that Tarmak ignores, or reads in an unexpected way.


@DOCUMENT.warning("IAM030", "unknown-tarmak-key", "an unknown key in tarmak.yaml")
def unknown_tarmak_key(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.unknown:
        guess = key.guess
        if guess is None or not guess.is_sure:
            what = f"Tarmak ignores the unknown key {quoted(key.name)} {key.place_text}"
            remedy = "remove it, or make it a comment: Tarmak drops it when it rewrites the file"
            yield rule.finding(Subject.CONFIG, key.route, what, key.question or remedy, at=At.KEY)


@DOCUMENT.error("IAM031", "misplaced-tarmak-key", "a misspelt or misplaced key in tarmak.yaml")
def misplaced_tarmak_key(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.unknown:
        guess = key.guess
        if guess is not None and guess.is_sure:
            what = f"Tarmak ignores {quoted(key.name)} {key.place_text}"
            fix = partial(_in_its_place, survey, key)
            yield rule.finding(Subject.CONFIG, key.route, what, key.question, at=At.KEY, fix=fix)


def _in_its_place(survey: IgnoredContent, key: UnknownKey) -> Fix | None:
    """The key that was meant, in its place, unless there is one already. Tarmak then uses it."""
    target = key.certain_target
    if target is None or survey.document.node(target) is not None or key.guess is None or not key.guess.fits:
        return None
    if target[:-1] == key.route.plain[:-1]:
        return Fix(f"rename {quoted(key.name)} to {target[-1]}", (Rename(key.route, str(target[-1])),), is_safe=False)
    return Fix(f"move {quoted(key.name)} to {Route.of(target)}", (Move(key.route, target),), is_safe=False)


@DOCUMENT.error("IAM032", "duplicate-tarmak-key", "a duplicate key in tarmak.yaml")
def duplicate_tarmak_key(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.duplicates:
        wins = "Tarmak uses only this one"
        if survey.document.is_json:
            wins = "Tarmak's JSON reader merges objects and lists, and otherwise uses the last value"
        elif key.winner != key.route:
            wins = f"Tarmak uses only the one in line {_line(survey, key.winner)}"
        what = f"duplicate key {quoted(key.name)}, already in line {_line(survey, key.first)}: {wins}"
        values = [survey.document.node(route) for route in (key.first, key.route)]
        kinds = {type(dereference(value)) for value in values if value is not None}
        remedy = "keep one of them"
        if kinds in ({Mapping}, {Sequence}):
            remedy = f"merge their contents under one {shortened(key.name)}"
        loser = key.first if key.winner == key.route else key.route
        name = f"the key {quoted(key.name)} in line {_line(survey, loser)}"
        why = f"Tarmak uses the one in line {_line(survey, key.winner)}"
        # Tarmak's JSON reader merges duplicates.
        fix = None if survey.document.is_json else partial(without_key, survey.document, loser, name, why)
        yield rule.finding(Subject.CONFIG, key.route, what, remedy, at=At.KEY, fix=fix)


@DOCUMENT.error("IAM033", "merge-key-override", "a key that a merge key overrides")
def merge_key_override(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    for key in survey.overridden:
        what = f"{quoted(key.name)}{' of this merge key' if key.is_merged else ''} is ignored"
        line, name = _line(survey, key.merge), quoted(key.name)
        what = f"{what}: Tarmak lets the later merge key in line {line} override it"
        remedy = "move the merge key (<<) above it"
        fix = partial(without_key, survey.document, key.route, name, f"the merge key in line {line} overrides it")
        if key.is_merged:
            remedy = "use one merge key with a list: its first entry takes effect"
        yield rule.finding(Subject.CONFIG, key.route, what, remedy, at=At.KEY, fix=None if key.is_merged else fix)


@DOCUMENT.warning("IAM034", "tarmak-second-document", "content after the first YAML document")
def tarmak_second_document(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    if survey.document.next_document is not None:
        what = "Tarmak reads only the first document of the file, and ignores everything below this line"
        remedy = "put it into the first document, or remove it: Tarmak drops it when it rewrites the file"
        early = early_end(survey.document)
        if early is not None:
            cause, remedy = early
            what = f"Tarmak stops reading here, without an error: {cause}"
        fix = partial(next_document_as_comment, survey.document)
        yield rule.finding(Subject.CONFIG, Route(), what, remedy, at=At.NEXT_DOCUMENT, fix=fix)


@DOCUMENT.warning("IAM035", "octal-number", "a number that YAML reads as octal")
def octal_number(rule: Rule, survey: IgnoredContent) -> Iterator[Finding]:
    """YAML 1.1: a leading zero makes a number octal, and 074 is 60."""
    for scalar in survey.scalars:
        digits = scalar.node.text.lstrip("+-").replace("_", "")
        is_octal = scalar.field.holds_numbers and isinstance(scalar.value, int) and digits.isdecimal()
        if is_octal and abs(scalar.value) != int(digits):
            text, read = shortened(scalar.node.text), shortened(scalar.value)
            what = f"Tarmak reads {text} as {read}: a leading zero makes a number octal"
            remedy = f"write {read}, or remove the leading zero"
            fix = Fix(f"write {read}, as Tarmak reads {text}", (Set(scalar.route, scalar.value, rewrite=True),))
            yield rule.finding(Subject.CONFIG, scalar.route, what, remedy, fix=fix)


def _line(survey: IgnoredContent, route: Route) -> int | None:
    return survey.document.position(route, at_key=True).line


@CONFIG.warning("IAM036", "authenticator-init-without-value", "awsIAMAuthenticatorInit without a value")
def authenticator_init_without_value(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    init = ("clusters", ITEM, *AMAZON.path, "awsIAMAuthenticatorInit")
    for scalar in config.ignored_content.scalars:
        if scalar.path != init or scalar.value is not None:
            continue
        index = scalar.route.steps[1]
        if isinstance(index, int) and not config.clusters[index].authenticator_init:
            what = "awsIAMAuthenticatorInit has no value, which Tarmak reads as false"
            fix = written(scalar.route, False, "write false, as Tarmak reads no value", is_safe=True)
            yield rule.finding(Subject.CONFIG, scalar.route, what, "write true, or remove it", at=At.KEY, fix=fix)


# Clusters.


def _webhook_route(cluster: Cluster) -> Route:
    return Route.of((*cluster.route.plain, "kubernetes", "apiServer", "authTokenWebhookFile"))


@CONFIG.warning("IAM002", "hub-setting", "awsIAMAuthenticatorInit or a webhook file on a hub")
def hub_setting(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        if not cluster.is_hub:
            continue
        hub = f"{shortened(cluster.cluster_name)} is a hub, which has no masters"
        if cluster.authenticator_init:
            what = f"{hub}: awsIAMAuthenticatorInit has no effect"
            remedy = "remove it, and enable IAM login for the other clusters of the environment"
            yield rule.finding(Subject.CONFIG, authenticator_init_route(cluster), what, remedy)
        if cluster.api_server.get("authTokenWebhookFile"):
            what = f"{hub}: the webhook file has no effect"
            remedy = "remove it, and set it for the other clusters of the environment"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, remedy)


@CONFIG.warning("IAM003", "unselectable-cluster", "a cluster that no Tarmak command can select")
def unselectable_cluster(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    first: dict[str, Cluster] = {}
    for cluster in config.clusters:
        earlier = first.setdefault(cluster.cluster_name, cluster)
        for route, name in (("environment",), cluster.environment), (("metadata", "name"), cluster.name):
            if "-" in name:
                what = f"no Tarmak command can select {shortened(cluster.cluster_name)}: {quoted(name)} contains a dash"
                is_listed = route == ("environment",) and bool(cluster.environment_data())
                remedy = f"rename it without a dash{', in environments too' if is_listed else ''}"
                yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *route), what, remedy)
        missing = [key for key, name in (("environment", cluster.environment), ("name", cluster.name)) if not name]
        if missing:
            what = f"no Tarmak command can select this cluster: it has no {' and no '.join(missing)}"
            remedy = "set environment and metadata.name, or remove the cluster"
            yield rule.finding(Subject.CONFIG, cluster.route, what, remedy)
        elif earlier is not cluster:
            path, first_path = ((*part.route.plain, "metadata", "name") for part in (cluster, earlier))
            line = config.document.position(first_path).line
            what = f"{shortened(cluster.cluster_name)} is already defined in line {line}, and Tarmak uses that one"
            yield rule.finding(Subject.CONFIG, path, what, "rename or remove one of them")


@CONFIG.error("IAM047", "duplicate-environment", "an environment or provider that is defined twice")
def duplicate_environment(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for kind in ("environments", "providers"):
        first: dict[str, int] = {}
        for index, item in enumerate(config.data.get(kind) or ()):
            name = ((item or {}).get("metadata") or {}).get("name") or ""
            earlier = first.setdefault(name, index)
            if earlier != index:
                line = config.document.position((kind, earlier, "metadata", "name")).line
                what = f"{kind[:-1]} {quoted(name)} is already defined in line {line}, and Tarmak uses that one"
                route = (kind, index, "metadata", "name")
                yield rule.finding(Subject.CONFIG, route, what, "rename or remove one of them")


@CONFIG.error("IAM005", "current-cluster", "a currentCluster that selects no cluster")
def current_cluster(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """Only where currentCluster is set: --current-cluster and --all-clusters work without it, see `unselected`."""
    if not config.data.get("currentCluster"):
        return
    try:
        _ = config.current_cluster
    except SelectionError as error:
        yield rule.finding(Subject.CONFIG, ("currentCluster",), error.what, error.remedy)


def unselected(config: TarmakConfig) -> Iterator[Finding]:
    """The finding where no cluster's files are checked because currentCluster is not set."""
    if not config.data.get("currentCluster"):
        what = "currentCluster is not set, so no mappings and settings were checked"
        remedy = "set currentCluster, or use --cluster or --all-clusters"
        if not config.selectable_clusters:
            remedy = "add a cluster, and set currentCluster"
        yield current_cluster.finding(Subject.CONFIG, ("currentCluster",), what, remedy)


@CONFIG.error("IAM004", "unsafe-webhook-path", "a webhook file path that does not reach the API server unchanged")
def unsafe_webhook_path(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        path, reason = webhook_file(cluster), webhook_file_flaw(cluster)
        if reason:
            what = f"the webhook file path {shortened(path)!r} does not reach the API server unchanged: {reason}"
            remedy = f"write a plain absolute path such as {DEFAULT_WEBHOOK_FILE}"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, remedy)


@CONFIG.error("IAM041", "webhook-directory", "a webhook file in a directory that is not created")
def webhook_directory(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        if not webhook_file_flaw(cluster) and webhook_file_is_not_copied(cluster):
            path = shortened(webhook_file(cluster))
            what = f"the init unit of awsIAMAuthenticatorInit copies its kubeconfig to {path}"
            what += f", but creates only the directory {INIT_DIRECTORY}: unless the directory of the file already "
            what += "exists on the masters, the API server does not start"
            remedy = "remove authTokenWebhookFile: awsIAMAuthenticatorInit sets its own"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, remedy)


@CONFIG.warning("IAM042", "doubtful-webhook-path", "a webhook file path that is probably a mistake")
def doubtful_webhook_path(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for cluster in config.clusters:
        doubt = webhook_file_doubt(cluster)
        if doubt and not webhook_file_flaw(cluster):
            what = f"the webhook file path {shortened(webhook_file(cluster))!r} is probably a mistake: {doubt}"
            yield rule.finding(Subject.CONFIG, _webhook_route(cluster), what, "write the file's plain absolute path")


# What Tarmak's validation, Terraform, AWS or Puppet rejects, and what Tarmak replaces.

_Check = Callable[[Rule, Any], Iterator[Finding]]
_ALL = "every Tarmak command for its environment fails"
_CHANGES = "tarmak clusters plan and apply fail"


def _of_clusters(*sources: Callable[[Cluster], Iterable[Issue]], then: str = "", any_cluster: bool = False) -> _Check:
    """A check for issues whose paths are below a cluster. Tarmak finds a cluster only through its environment; a
    cluster without one is IAM003, and has no other issues unless `any_cluster`."""

    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for issues in sources:
            for cluster in (cluster for cluster in config.clusters if any_cluster or cluster.environment):
                for path, message, remedy in issues(cluster):
                    what = f"{shortened(cluster.cluster_name)}: {message}{'; ' if then else ''}{then}"
                    yield rule.finding(Subject.CONFIG, (*cluster.route.plain, *path), what, remedy)

    return check


def _of_file(*sources: Callable[[TarmakConfig], Iterable[Issue]], then: str = "") -> _Check:
    """A check for issues whose paths are below the root."""

    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for issues in sources:
            for path, message, remedy in issues(config):
                what = f"{message}{'; ' if then else ''}{then}"
                yield rule.finding(Subject.CONFIG, path, what, remedy)

    return check


def _of_pools(issues: Callable[[Cluster], Iterable[Issue]], then: str = "") -> _Check:
    """Only for a file that lists pools: a file without any is only a part of a configuration."""
    check = _of_clusters(issues, then=then)
    return lambda rule, config: check(rule, config) if pools.lists_pools(config) else iter(())


def _all(*checks: _Check) -> _Check:
    return lambda rule, config: (finding for check in checks for finding in check(rule, config))


def _of_versions(issues: Callable[[Cluster], Iterable[Issue]]) -> _Check:
    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            for path, what, remedy in issues(cluster):
                route, fix = (*cluster.route.plain, *path), None
                text = value_at(config.document.shared_data, route)
                plain = text.lstrip("v") if isinstance(text, str) else ""
                # A version with `v` before it: Puppet downloads another file then, so that it is not a safe fix.
                if rule.id == "IAM040" and is_release(plain) and plain != text:
                    fix = written(Route.of(route), plain, f"write {plain}")
                yield rule.finding(Subject.CONFIG, route, what, remedy, fix=fix)

    return check


invalid_api_server = CONFIG.error("IAM001", "invalid-api-server", "API server settings that fail Tarmak's validation")(
    _of_clusters(api_server_issues, then=_ALL, any_cluster=True)
)
pool_types = CONFIG.error("IAM012", "pool-types", "instance pools that do not form a valid cluster")(
    _of_pools(pools.pool_type_issues, _ALL)
)
invalid_pool = CONFIG.error("IAM013", "invalid-pool", "an instance pool that Tarmak rejects")(
    _of_pools(pools.pool_issues, _ALL)
)
subnet_zone = CONFIG.error("IAM014", "subnet-zone", "a subnet outside the region or the hub's zones")(
    _of_clusters(pools.region_zone_issues, pools.hub_zone_issues, then=_CHANGES)
)
invalid_cidr = CONFIG.error("IAM015", "invalid-cidr", "an address range that is not a CIDR")(
    _all(_of_file(environments.cidr_issues, then=_CHANGES), _of_clusters(environments.cluster_cidr_issues))
)
provider_without_cloud = CONFIG.error("IAM016", "provider-without-cloud", "a provider without an amazon section")(
    _of_file(environments.provider_issues, then="every Tarmak command for its environments fails")
)
missing_hub = CONFIG.error("IAM017", "missing-hub", "an environment with several clusters and no hub")(
    _of_file(environments.hub_issues, then=_CHANGES)
)
invalid_label_or_taint = CONFIG.error("IAM018", "invalid-label-or-taint", "a label or taint that Tarmak rejects")(
    _of_clusters(pools.label_issues, then=_CHANGES)
)
kubernetes_without_hyperkube = CONFIG.error(
    "IAM019", "kubernetes-without-hyperkube", "a Kubernetes version without hyperkube"
)(_of_versions(environments.hyperkube_issues))
empty_address_list = CONFIG.error("IAM025", "empty-address-list", "an empty list of address ranges")(
    _of_file(environments.rewrite_issues)
)
unknown_region = CONFIG.warning("IAM026", "unknown-region", "a region that botocore does not know")(
    _of_file(environments.unknown_location_issues)
)
pool_resources = CONFIG.error("IAM027", "pool-resources", "an instance pool that AWS or Terraform rejects")(
    _of_pools(pools.pool_resource_issues, _CHANGES)
)
cidr_size = CONFIG.error("IAM028", "cidr-size", "an address range that is too large or too small")(
    _of_clusters(environments.range_issues)
)
overridden_value = CONFIG.warning("IAM029", "overridden-value", "a value that Tarmak takes from another key")(
    _all(_of_file(environments.ignored_location_issues), _of_pools(pools.zero_count_issues))
)
kubernetes_version_format = CONFIG.error(
    "IAM040", "kubernetes-version-format", "a Kubernetes version that Puppet misreads"
)(_of_versions(environments.version_format_issues))
unknown_environment = CONFIG.error("IAM043", "unknown-environment", "an environment or provider that does not exist")(
    _of_file(environments.reference_issues)
)
invalid_tarmak_config = CONFIG.error("IAM044", "invalid-tarmak-config", "other settings that fail Tarmak's validation")(
    _of_clusters(environments.cluster_issues, then=_ALL, any_cluster=True)
)
invalid_region_or_zone = CONFIG.error("IAM094", "invalid-region-or-zone", "an invalid region or public zone")(
    _of_file(environments.location_issues, environments.public_zone_issues, environments.missing_zone_issues)
)

# The sections of plugins.


@CONFIG.error("IAM045", "invalid-section", "a plugin's section that fails its validation")
def invalid_section(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    for section in load_sections():
        for cluster in () if section is AMAZON else config.clusters:  # Tarmak validates that section: IAM001
            for problem in cluster.problems(section):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{shortened(cluster.cluster_name)}: {section.name}: {problem.message}"
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy, at=problem.at)


@CONFIG.error("IAM046", "unknown-section-key", "an unknown key in a plugin's section")
def unknown_section_key(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
    """In sections that Tarmak does not know; in all others IAM030 and IAM031 report unknown keys."""
    for section in load_sections():
        if CLUSTER_FIELD.below(*section.path) is not None:
            continue
        for cluster in config.clusters:
            data = section.data(cluster.data_for(section))
            # Without the section, its model is not imported.
            for path, known in _unknown(section.model_class, data, ()) if data is not None else ():
                what = f"unknown key {quoted(path[-1])} in the section {section.name}"
                remedy = did_you_mean(str(path[-1]), known, "its keys are")
                route = (*cluster.route.plain, *section.path, *path)
                yield rule.finding(Subject.CONFIG, route, what, remedy, at=At.KEY)


def _unknown(model: type[SectionModel], data: Any, path: Path) -> Iterator[tuple[Path, list[str]]]:
    """The paths of keys that a model does not have, each with the keys that the model has there."""
    for key, value in data.items() if isinstance(data, dict) else ():
        field = model.model_fields.get(key)
        if field is None:
            if not str(key).startswith("x-"):
                yield (*path, key), list(model.model_fields)
        elif (block := block_of(field)) is not None:
            yield from _unknown(block, value, (*path, key))


def rule_of(section: Section[Any], of_section: SectionRule) -> Rule:
    """A section's own rule. It runs on every cluster whose section its model accepts."""

    def check(rule: Rule, config: TarmakConfig) -> Iterator[Finding]:
        for cluster in config.clusters:
            whole = cluster.data_for(section)
            try:
                model = section.values(whole)
            except validation_error():
                continue  # IAM045 reports it
            if model is None:
                continue
            for problem in section.guarded(lambda values, data: list(of_section.check(values, data)), model, whole):
                path = (*cluster.route.plain, *section.path, *problem.path)
                what = f"{shortened(cluster.cluster_name)}: {problem.message}"
                fix = _fix_of_logs(config.document, Route.of(path), rule.id) if section is AMAZON else None
                yield rule.finding(Subject.CONFIG, path, what, problem.remedy, at=problem.at, fix=fix)

    return Rule(of_section.id, of_section.severity, Scope.CONFIG, of_section.summary, check, name=of_section.name)


def _fix_of_logs(document: Document, route: Route, rule_id: str) -> Fix | None:
    """Access logs without effect go, with the section if that has no other key; an interval becomes the nearer of the
    two: while the logs are disabled it has no effect."""
    name, section, value = route.plain[-1], route.parent, value_at(document.shared_data, route.plain)
    if rule_id == "IAM007" and isinstance(value, int):
        nearest = min(INTERVALS, key=lambda interval: abs(interval - value))
        return written(route, nearest, f"write {nearest}, the nearest valid interval", is_safe=True)
    if rule_id not in ("IAM006", "IAM008") or not document.has(route):
        return None
    others = value_at(document.shared_data, section.plain)
    is_alone = isinstance(others, dict) and len(others) == 1 and document.has(section)
    return removed(section if is_alone else route, f"remove {name}: it has no effect", is_safe=True)
