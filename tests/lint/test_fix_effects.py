"""The effects of unsafe fixes on what Tarmak and the authenticator use and on access, and the lock-outs they refuse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.document import Edit, Remove, Set
from tarmak_iam.findings import Finding, Subject
from tarmak_iam.lint import Rule, Subjects
from tarmak_iam.lint.fix import Fix
from tarmak_iam.lint.fix_effects import effect_lines, lock_outs, why_unsafe, with_document
from tarmak_iam.lint.fixing import FixOutcome, fix_findings
from tarmak_iam.lint.rule import CONFIG, MAPPINGS
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tests.lint.files import CONFIG_NAME, Files, changed_in, outcome, subjects_of
from tests.support import bring_plugins

DEV = (
    "apiVersion: api.tarmak.io/v1alpha1\nkind: Config\ncurrentCluster: dev-cluster\nclusters:\n"
    "- environment: dev\n  metadata:\n    name: cluster\n"
)
OTHER = "- environment: test\n  metadata:\n    name: cluster\n"
ON = "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: true\n"
ROLE = "arn:aws:iam::111122223333:role"
ADMIN = f"server:\n  mapRoles:\n  - {{roleARN: '{ROLE}/Admin', username: admin, groups: ['system:masters']}}\n"
NODES = (
    f"  - {{roleARN: '{ROLE}/Node', username: 'system:node:{{{{EC2PrivateDNSName}}}}', "
    "groups: ['system:bootstrappers', 'system:nodes']}\n"
)
ANCHORS = "x-a: &a [dev]\nx-b: &b [ops]\n"
GAINS = f"{ROLE}/Admin: can log in as admin with group system:masters"
LAST = f"the last mapping to system:masters would be lost ({ROLE}/Admin)"


def effects_of(files: Files) -> list[str]:
    made = outcome(files, unsafe=True)
    return list(effect_lines(made.before, made.after))


def test_iam_login_is_enabled_by_a_key_in_its_place() -> None:
    text = f"{DEV}  kubernetes:\n    apiServer:\n      awsIAMAuthenticatorInit: true\n"
    assert effects_of({CONFIG_NAME: text, MAPPINGS_NAME: ADMIN}) == [
        "kubernetes.apiServer.amazon.awsIAMAuthenticatorInit: false -> true (IAM login is enabled)",
        GAINS,
    ]
    several = text + OTHER + "  Location: eu-west-1\n"
    assert effects_of({CONFIG_NAME: several}) == [
        "dev-cluster: kubernetes.apiServer.amazon.awsIAMAuthenticatorInit: false -> true (IAM login is enabled)",
        "test-cluster: location: not set -> eu-west-1",
    ]


def test_access_is_that_of_a_cluster_with_iam_login() -> None:
    """Where it is not enabled, the access that the mappings are meant to give is compared."""
    wrong = f"clusterID: other-x\n{ADMIN}"
    accepted = "clusterID: other-x -> dev-cluster (tokens for this cluster are accepted)"
    assert effects_of({CONFIG_NAME: DEV + ON, MAPPINGS_NAME: wrong}) == [accepted, GAINS]
    assert effects_of({CONFIG_NAME: DEV, MAPPINGS_NAME: wrong}) == [accepted]
    path = ADMIN.replace("role/Admin", "role/team/Admin")
    assert effects_of({CONFIG_NAME: DEV, MAPPINGS_NAME: path}) == [GAINS]


def test_settings_of_the_authenticator() -> None:
    image = "public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator"
    reserved = "  reservedPrefixConfig:\n  - {backendMode: mountedfile, usernamePrefixReserveList: [x]}\n"
    before, after = (subjects_of({MAPPINGS_NAME: ADMIN + each}) for each in ("", "  port: 21363\n  address: 0.0.0.0\n"))
    assert list(effect_lines([before], [after])) == [
        "server.address: 127.0.0.1 -> 0.0.0.0",
        "server.port: 21362 -> 21363",
    ]
    fixed = reserved.replace("mountedfile", "MountedFile")
    settings = "daemonVersion: v0.7.9\n"
    before, after = (subjects_of({MAPPINGS_NAME: ADMIN + each, "tarmak-iam.yaml": settings}) for each in (fixed, ""))
    assert list(effect_lines([before], [after])) == ["server.reservedPrefixConfig: {MountedFile: [x]} -> {}"]
    before, after = (
        subjects_of({MAPPINGS_NAME: ADMIN, "tarmak-iam.yaml": each}) for each in (settings, "daemonVersion: v0.7.8\n")
    )
    assert list(effect_lines([before], [after])) == [
        f"image: {image}:v0.7.9-eks-1-34-12 -> {image}:v0.7.8-eks-1-35-2",
        "daemonVersion: v0.7.9 -> v0.7.8",
    ]


def test_a_mappings_file_that_could_not_be_read() -> None:
    subjects = subjects_of({MAPPINGS_NAME: ADMIN})
    assert list(effect_lines([subjects], [subjects], [MAPPINGS_NAME])) == [GAINS]
    assert list(effect_lines([subjects], [subjects])) == []
    alone = Subjects(mappings=Mappings.parse(ADMIN))
    assert list(effect_lines([alone], [alone], [MAPPINGS_NAME])) == [
        f"in a cluster that reads {MAPPINGS_NAME}: {GAINS}"
    ]


def test_access_logs_without_effect_are_not_reported() -> None:
    text = (
        "  kubernetes:\n    version: v1.12.9\n    apiServer:\n      allowCIDRs: [10.0.0.0/8]\n      amazon:\n"
        "        publicELBAccessLogs: {bucket: x}\n        awsIAMAuthenticatorInit: false\n"
    )
    assert effects_of({CONFIG_NAME: DEV + text}) == ["kubernetes.version: v1.12.9 -> 1.12.9"]


def rule_of(*edits: Edit, is_safe: bool = False) -> Rule:
    """Fixes a project named `bad`."""

    def check(rule: Rule, part: TarmakConfig) -> Iterator[Finding]:
        if part.data.get("project") == "bad":
            yield rule.finding(Subject.CONFIG, ("project",), "bad")

    fix = Fix("fix it", (Set(("project",), "good"), *edits), is_safe)
    return CONFIG.error("TEST001", "test-rule", "a test", fix=lambda _finding, _subjects: fix)(check)


INIT = ("clusters", 0, "kubernetes", "apiServer", "amazon", "awsIAMAuthenticatorInit")


def made(*subjects: Subjects) -> FixOutcome:
    return fix_findings(*subjects, unsafe=True)


@pytest.mark.parametrize("edit", [Set(INIT, False), Remove(INIT)])
def test_no_fix_disables_the_login_of_admins_and_nodes(monkeypatch: pytest.MonkeyPatch, edit: Edit) -> None:
    bring_plugins(monkeypatch, "tarmak_iam.rules", rule_of(edit))
    text = f"{DEV}{ON}project: bad\n"
    found = made(subjects_of({CONFIG_NAME: text, MAPPINGS_NAME: ADMIN + NODES}))
    assert changed_in(found) == ()
    assert [each.why for each in found.dropped] == [f"{LAST}; the nodes of {ROLE}/Node could no longer join"]
    assert made(subjects_of({CONFIG_NAME: text})).dropped == ()  # nobody is mapped
    unknown = made(Subjects(TarmakConfig.parse(text)))
    assert [each.why for each in unknown.dropped] == [
        "IAM login to dev-cluster would be disabled, and its mappings were not checked"
    ]


def mappings_rule(*edits: Edit) -> Rule:
    """Fixes mappings with an entry."""

    def check(rule: Rule, mappings: Mappings) -> Iterator[Finding]:
        if mappings.entries:
            yield rule.finding(Subject.MAPPINGS, ("server",), "bad", fix=Fix("fix it", edits, is_safe=False))

    return MAPPINGS.error("TEST002", "test-mappings", "a test")(check)


REMOVED = Remove(("server", "mapRoles", 0))


def test_no_fix_locks_out_who_is_meant_to_have_access(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where clusterID is another one's, nobody can log in, before a fix writes the right one."""
    wrong = subjects_of({CONFIG_NAME: DEV + ON, MAPPINGS_NAME: f"clusterID: other-x\n{ADMIN}"})
    bring_plugins(monkeypatch, "tarmak_iam.rules", mappings_rule(Set(("clusterID",), "dev-cluster"), REMOVED))
    assert [each.why for each in made(wrong).dropped] == [LAST]
    empty = subjects_of({CONFIG_NAME: DEV + ON, MAPPINGS_NAME: "clusterID: dev-cluster\nserver:\n  mapRoles: []\n"})
    assert list(lock_outs([wrong], [empty])) == [LAST]


def test_no_fix_of_a_mappings_file_without_a_cluster_locks_out(monkeypatch: pytest.MonkeyPatch) -> None:
    bring_plugins(monkeypatch, "tarmak_iam.rules", mappings_rule(REMOVED))
    assert [each.why for each in made(Subjects(mappings=Mappings.parse(ADMIN))).dropped] == [LAST]


API = "kubernetes.apiServer"


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (Set(INIT, True), f"{API}.amazon.awsIAMAuthenticatorInit: false -> true (IAM login is enabled)"),
        (Set((*INIT[:-2], "authTokenWebhookFile"), "/etc/x"), f"{API}.authTokenWebhookFile: not set -> /etc/x"),
        (Set(("currentCluster",), "dev-other"), "/currentCluster: dev-cluster -> dev-other"),
        (Set(("clusters", 0, "location"), "eu-west-1"), "location: not set -> eu-west-1"),
        (Set(("environments", 0, "location"), "eu-west-1"), "/environments[0].location: not set -> eu-west-1"),
        (
            Set(("clusters", 0, "kubernetes", "calico"), {"enableTypha": True}),
            "kubernetes.calico.enableTypha: false -> true",
        ),
        # logs of a load balancer that exists
        (
            Set((*INIT[:-1], "internalELBAccessLogs", "bucket"), "two"),
            f"{API}.amazon.internalELBAccessLogs.bucket: one -> two",
        ),
        # null is what Tarmak takes it for
        (Set(("clusters", 0, "kubernetes", "calico"), {}), ""),
        (Set(INIT, None), ""),
    ],
)
def test_values_that_tarmak_uses(edit: Set, why: str) -> None:
    text = f"{DEV}{ON.replace('true', 'false')}        internalELBAccessLogs: {{bucket: one}}\n    calico:\n"
    old = subjects_of({CONFIG_NAME: f"{text}  location:\nenvironments:\n- location:\n"})
    assert old.config is not None
    (new,) = with_document([old], Subject.CONFIG, old.config.document.edit(edit))
    assert why_unsafe([old], [new]) == why


def test_what_tarmak_rejects_is_compared() -> None:
    """Access logs that it would not use have no effect, but it rejects the cluster because of them."""
    logs = (*INIT[:-1], "publicELBAccessLogs")
    old = subjects_of({CONFIG_NAME: f"{DEV}{ON}        publicELBAccessLogs: {{enabled: true, interval: 7}}\n"})
    assert old.config is not None
    (new,) = with_document([old], Subject.CONFIG, old.config.document.edit(Remove(logs)))
    assert why_unsafe([old], [new]) == "what Tarmak does with dev-cluster changes"


@pytest.mark.parametrize(
    ("before", "after", "why"),
    [
        # The same texts in the same order, in another structure.
        (f"{ADMIN}  clusterID: other-x\n", f"{ADMIN}clusterID: other-x\n", "clusterID: not set -> other-x"),
        (
            ANCHORS + ADMIN.replace("['system:masters']", "*a"),
            ANCHORS + ADMIN.replace("['system:masters']", "*b"),
            f"{ROLE}/Admin: gains ops; loses dev",
        ),
        (ADMIN, f"{ADMIN}  port: 21363\n", "server.port: 21362 -> 21363"),
        (ADMIN, f"# why\n{ADMIN}  # why\n", ""),
        # The authenticator does not start.
        (f"{ADMIN}clusterID: [1]\n", f"{ADMIN}clusterID: [1]  # why\n", ""),
        (
            f"{ADMIN}clusterID: [1]\n",
            f"{ADMIN.replace('admin', 'other')}clusterID: [1]\n",
            "the authenticator does not start, so access cannot be compared",
        ),
        (
            f"{ADMIN}x: 1\nx: 1\nx: 1\n",
            f"{ADMIN}x: 1\nx: 1\n",
            "the authenticator does not start, so access cannot be compared",
        ),
    ],
)
def test_mappings_that_are_read_otherwise(before: str, after: str, why: str) -> None:
    old, new = (subjects_of({CONFIG_NAME: DEV, MAPPINGS_NAME: each}) for each in (before, after))
    assert why_unsafe([old], [new]) == why


def test_settings_that_differ() -> None:
    old, new = (subjects_of({CONFIG_NAME: DEV, "tarmak-iam.yaml": each}) for each in ("exec: aws\n", "{}\n"))
    assert why_unsafe([old], [new]) == "exec: aws -> aws-iam-authenticator"


def test_a_hub_has_no_iam_login(monkeypatch: pytest.MonkeyPatch) -> None:
    hub = (DEV + ON).replace("name: cluster", "name: hub").replace("dev-cluster", "dev-hub")
    hub += "- environment: dev\n  metadata:\n    name: one\n"
    assert effects_of({CONFIG_NAME: hub, MAPPINGS_NAME: f"clusterID: other-x\n{ADMIN}"}) == [
        "clusterID: other-x -> dev-hub (tokens for this cluster are accepted)"
    ]
    bring_plugins(monkeypatch, "tarmak_iam.rules", rule_of(Set(INIT, False)))
    assert made(Subjects(TarmakConfig.parse(f"{hub}project: bad\n"))).dropped == ()
