"""Rules about what the masters run: the image, and the Kubernetes version that the manifests are for."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace

from tarmak_iam.config.kubernetes_versions import NEWEST_KUBERNETES, parse_version
from tarmak_iam.errors import ConfigError
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.identity.advisories import advisories_of
from tarmak_iam.installation.images import (
    ECR_TAGS,
    Ecr,
    Image,
    has_other_domain,
    is_upstream,
    public_image,
    why_unavailable,
)
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.setting_table import REGISTRY
from tarmak_iam.installation.settings import Settings
from tarmak_iam.lint.messages import of_cluster
from tarmak_iam.lint.rule import INSTALLATION, Rule
from tarmak_iam.routes import Route
from tarmak_iam.text import shortened


def public_image_remedy(installation: Installation) -> str:
    """The commands that switch to a public image, if every mapped principal logs in as before, and those that keep the
    release. Where neither exists, the image must be copied, or built if it no longer exists."""
    # `image` overrides `registry`, so that both must be changed where both are set.
    values, changes = installation.settings.chosen, []
    if values.pop("image", None) is not None:
        changes.append(installation.command("settings unset image"))
    if installation.settings.registry != "public":
        values[REGISTRY] = "public"
        changes.append(installation.command(f"settings set {REGISTRY} public"))
    commands, after = " && ".join(changes), Settings(**values)
    old, keeping = installation.running_version, public_image(installation.running_version)
    kept = "" if keeping is None else installation.command("settings set image", keeping)
    if not _is_same_for_all(installation, after):
        return f"use the public image of {old}: {kept}" if kept else _own_copy(installation)
    if after.daemon_version == old:
        return f"use the public image: {commands}"
    changed = f"use the public image, which is {after.daemon_version} instead of {old}: {commands}"
    return f"{changed}, or to keep {old}: {kept}" if kept else f"{changed}, or {_own_copy(installation)}"


def _own_copy(installation: Installation) -> str:
    if why_unavailable(Image.parse(installation.image)):
        return f"push an image of {installation.running_version} to your own registry, and set image to it"
    return "copy the image to a repository in your own account, and set image to the copy"


def _is_same_for_all(installation: Installation, after: Settings) -> bool:
    """Whether every principal logs in as before with the image of other settings, which must exist and fit them."""
    try:
        changed = replace(installation, settings=after, daemon_version=after.daemon_version)
        changed.daemon.check()
    except ConfigError:
        return False
    if changed.release_conflict or why_unavailable(Image.parse(after.effective_image)):
        return False
    before, then = (
        {(grant.key, grant.username, grant.groups, grant.is_sure) for grant in side.loaded.grants}
        for side in (installation, changed)
    )
    return before == then


# Tags that usually move to the newest build, and incomplete versions.
_MOVING = re.compile(r"(.*-)?latest|main|master|head|edge|nightly|dev|canary|stable|v?[0-9]+(\.[0-9]+)?", re.IGNORECASE)


@INSTALLATION.warning("IAM100", "kubernetes-version-support", "an unsupported Kubernetes version")
def kubernetes_version_support(rule: Rule, installation: Installation) -> Iterator[Finding]:
    version, text = parse_version(installation.kubernetes_text), installation.kubernetes_text
    subject, route = Subject.CONFIG, installation.cluster.route / "kubernetes" / "version"
    if installation.settings.kubernetesVersion:
        subject, route = Subject.SETTINGS, Route.of(("kubernetesVersion",))
    if version is not None and version.minor > NEWEST_KUBERNETES:
        newest = ".".join(map(str, NEWEST_KUBERNETES))
        what = f"Kubernetes {shortened(text)} is newer than the newest version that tarmak-iam knows"
        what += f": the manifests are those for {newest}"
        remedy = "check its release notes for removed features, and then suppress this finding"
        yield rule.finding(subject, route, what, remedy)
    asked = installation.mappings or installation.cluster.authenticator_init or installation.settings.kubernetesVersion
    if version is not None and version.is_below(1, 9) and asked and not installation.is_hub:
        what = f"Kubernetes {shortened(text)} has no apps/v1: manifests cannot be generated for it"
        yield rule.finding(subject, route, what, "upgrade the cluster to Kubernetes 1.9 or later first")


@INSTALLATION.warning("IAM101", "image-login", "an image that requires a registry login")
def image_login(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """A mirror in one's own account is fine: Tarmak's nodes may read ECR, and the kubelet logs in. tarmak.yaml does not
    name the account of the cluster; the accounts of AWS itself are known."""
    image = _image(installation)
    if image.ecr is None or _is_elsewhere(installation, image.ecr) or why_unavailable(image):
        return
    version = None
    with contextlib.suppress(ConfigError):  # an invalid version is another finding
        version = installation.kubernetes
    logs_in = version is None or version.is_below(1, 27)  # kubernetes/kubernetes#116329
    if logs_in and ".dkr-ecr" in image.domain.lower():
        # kubernetes/cloud-provider-aws#1069: kubelets do not know these hosts, ecr-credential-provider does since 2025.
        what = f"the kubelet does not log in to {image.domain}, a dual-stack host of ECR"
        yield rule.finding(Subject.SETTINGS, _route(installation), what, f"write {image.ecr.host} instead")
        return
    if logs_in and not image.ecr.is_of_aws:
        return
    what = f"the image {image.name} is in a private ECR repository of account {image.ecr.account}: it requires a login"
    if is_upstream(image) and image.tag not in ECR_TAGS and not image.digest:
        what += f"; upstream names the tags {', '.join(ECR_TAGS)} there, not {image.tag}"
    remedy = public_image_remedy(installation)
    if not logs_in:
        what += f"; the kubelet of Kubernetes {shortened(installation.kubernetes_text)} logs in "
        what += "only with ecr-credential-provider"
        remedy = f"if the masters do not have ecr-credential-provider, {remedy}"
    yield rule.finding(Subject.SETTINGS, _route(installation), what, remedy)


@INSTALLATION.error("IAM102", "image-not-found", "an image that does not exist")
def image_not_found(rule: Rule, installation: Installation) -> Iterator[Finding]:
    image = _image(installation)
    reason = why_unavailable(image)
    if reason is not None:
        what = f"the image {installation.image} does not exist: {reason}; no master can pull it"
        remedy = public_image_remedy(installation)
        yield rule.finding(Subject.SETTINGS, _route(installation), what, remedy, locks_out=True)
    elif image.ecr and has_other_domain(image) and not _is_elsewhere(installation, image.ecr):
        what = f"the host {image.domain} does not exist: the ECR host in {image.ecr.region} is {image.ecr.host}"
        what = f"{what}; no master can pull the image"
        settings = installation.settings
        key, value = ("image", settings.image) if settings.image is not None else (REGISTRY, settings.registry)
        remedy = installation.command(f"settings set {key}", value.replace(image.domain, image.ecr.host, 1))
        yield rule.finding(Subject.SETTINGS, _route(installation), what, remedy, locks_out=True)


@INSTALLATION.warning("IAM103", "moving-image-tag", "an image with a tag that can move")
def moving_image_tag(rule: Rule, installation: Installation) -> Iterator[Finding]:
    image = _image(installation)
    if image.digest or (image.tag and not _MOVING.fullmatch(image.tag)):
        return
    what = f"the tag of the image {installation.image} can move, and masters may then run different images"
    remedy = f"use the tag of a release, or pin the image by its digest: {shortened(installation.image)}@sha256:..."
    yield rule.finding(Subject.SETTINGS, _route(installation), what, remedy)


@INSTALLATION.error("IAM104", "image-partition", "an image in another partition")
def image_partition(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """Credentials of one partition are not valid in another, so that the nodes' role cannot log in there."""
    image = _image(installation)
    if image.ecr is not None and _is_elsewhere(installation, image.ecr) and not why_unavailable(image):
        what = f"the image {image.name} is in partition {image.ecr.partition}, but the cluster is in partition "
        what += f"{installation.partition}: its nodes cannot log in to that registry"
        remedy = "copy the image to a repository in the cluster's partition, and set image to the copy"
        yield rule.finding(Subject.SETTINGS, _route(installation), what, remedy, locks_out=True)


@INSTALLATION.error("IAM089", "daemon-version-mismatch", "a daemonVersion that does not match the image")
def daemon_version_mismatch(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """Everything is checked for daemonVersion, but the cluster runs the image."""
    if installation.release_conflict:
        what = f"{installation.release_conflict}: the manifests are for another release than the image"
        version, values = installation.daemon_version, installation.settings.chosen
        public = public_image(version)
        remedy = f"set an image of {version}"
        remedy += f": {installation.command('settings set image', public)}" if public else ""
        values.pop("daemonVersion", None)
        if _is_same_for_all(installation, Settings(**values)):
            remedy += f", or remove daemonVersion: {installation.command('settings unset daemonVersion')}"
        yield rule.finding(Subject.SETTINGS, Route.of(("daemonVersion",)), what, remedy)


@INSTALLATION.warning("IAM131", "security-advisory", "a release of the authenticator with a known security flaw")
def security_advisory(rule: Rule, installation: Installation) -> Iterator[Finding]:
    """The flaws of the release that runs: the tag of the image, which may differ from daemonVersion."""
    version = installation.running_version
    if installation.is_hub:
        return
    exposures = [(advisory, advisory.affects(installation.loaded)) for advisory in advisories_of(version)]
    fixed = max((advisory.fixed for advisory, affected in exposures if affected is not False), default=version)
    settings = installation.settings
    too = ", and set daemonVersion to its release" if settings.daemonVersion else ""
    remedy = f"use an image of {fixed} or later{too}"
    if settings.daemonVersion and settings.image is None:
        remedy = f"set daemonVersion to {fixed} or later"
    for advisory, affected in exposures:
        if affected is not False:
            known = "is affected by" if affected else f"is affected, if {advisory.undecided}, by"
            what = f"authenticator {version} {known} {advisory.id}: {advisory.effect}"
            yield rule.finding(Subject.SETTINGS, _route(installation), what, remedy)


def _image(installation: Installation) -> Image:
    return Image.parse(installation.image)


def _is_elsewhere(installation: Installation, ecr: Ecr) -> bool:
    return bool(installation.region) and ecr.partition != installation.partition


def _route(installation: Installation) -> Route:
    """The setting that chose the image."""
    chosen = installation.settings.chosen
    return Route.of((next((key for key in ("image", REGISTRY, "daemonVersion") if key in chosen), "image"),))


def image_findings(installation: Installation) -> list[Finding]:
    """The findings about an installation's image and Kubernetes version, whether or not comments suppress them."""
    rules = (daemon_version_mismatch, kubernetes_version_support, image_login, image_not_found, moving_image_tag)
    return [
        of_cluster(finding, installation)
        for rule in (*rules, image_partition, security_advisory)
        for finding in rule.check(rule, installation)
    ]
