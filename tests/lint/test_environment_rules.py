"""Rules about environments, instance pools, addresses and providers: the literal place and message of each."""

from __future__ import annotations

import pytest

from tests.lint.environments import (
    CHANGES,
    DEV,
    EVERY_COMMAND,
    HEAD,
    POOLS,
    ROOT,
    SINGLE,
    cluster,
    environment,
    found,
    with_pool,
)


@pytest.mark.parametrize(
    "text",
    [
        SINGLE,
        SINGLE + environment("  location: eu-west-1\n"),
        HEAD + cluster("hub", "bastion", "vault") + cluster("blue", "etcd", "master", "worker"),
        with_pool("{type: worker, minCount: 3, volumes: [{metadata: {name: root}}, {metadata: {name: a}}]}"),
        with_pool(f"{{type: master-etcd, minCount: 1, {ROOT}}}", "worker") + POOLS["worker"],
        HEAD + "- environment: dev\n  metadata: {name: cluster}\n",
        HEAD + "- environment: dev\n  metadata: {name: cluster}\n  instancePools: []\n",
        DEV + "  - {kubernetes: {version: 1.12.9}}\n",
    ],
)
def test_what_tarmak_accepts_and_parts_of_a_configuration(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            with_pool(f"{{type: workr, minCount: 3, {ROOT}}}"),
            (
                "11:12 IAM012 dev-cluster: a cluster of type cluster-single cannot have a pool of type 'workr'"
                f"{EVERY_COMMAND}did you mean worker?"
            ),
        ),
        (
            with_pool(f"{{minCount: 3, {ROOT}}}"),
            (f"11:5 IAM012 dev-cluster: the pool has no type{EVERY_COMMAND}use worker"),
        ),
        (
            DEV + POOLS["worker"] + POOLS["etcd"],
            (
                "7:3 IAM012 dev-cluster: a cluster of type cluster-single requires pools of type master, bastion and "
                f"vault{EVERY_COMMAND}add them"
            ),
        ),
        (
            SINGLE + POOLS["etcd"],
            (
                "12:12 IAM012 dev-cluster: a cluster of type cluster-single must have exactly one pool of type etcd, "
                f"not 2{EVERY_COMMAND}merge or remove the others"
            ),
        ),
        (
            HEAD + cluster("hub", "bastion", "vault", "master") + cluster("blue", "etcd", "master", "worker"),
            (
                "9:12 IAM012 dev-hub: a cluster of type hub cannot have a pool of type 'master'"
                f"{EVERY_COMMAND}move it to another cluster of the environment, or remove it"
            ),
        ),
        (
            HEAD + cluster("hub", "bastion", "vault") + cluster("blue", "etcd", "master", "worker", "vault"),
            (
                "15:12 IAM012 dev-blue: a cluster of type cluster-multi cannot have a pool of type 'vault'"
                f"{EVERY_COMMAND}move it to the hub, or remove it"
            ),
        ),
        (
            HEAD + cluster("hub", "bastion", "vault") + cluster("blue", "etcd", "master", "worker", "jenkins"),
            (
                "15:12 IAM012 dev-blue: a cluster of type cluster-multi cannot have a pool of type 'jenkins'"
                f"{EVERY_COMMAND}move it to the hub, or remove it"
            ),
        ),
        (
            with_pool(f"{{type: node, minCount: 3, {ROOT}}}"),
            (
                "11:12 IAM012 dev-cluster: a cluster of type cluster-single cannot have a pool of type 'node'"
                f"{EVERY_COMMAND}use worker"
            ),
        ),
        (
            SINGLE + f"  - {{type: node, minCount: 3, {ROOT}}}\n",
            (
                "12:12 IAM012 dev-cluster: a cluster of type cluster-single cannot have a pool of type 'node'"
                f"{EVERY_COMMAND}use master, worker or jenkins"
            ),
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, subnets: [{{zone: EU-WEST-1A}}]}}")
            + environment("  location: eu-west-1\n"),
            f"11:87 IAM014 dev-cluster: 'EU-WEST-1A' is not a zone of eu-west-1{CHANGES}write eu-west-1a",
        ),
        (
            with_pool("{type: worker, minCount: 3}"),
            (
                f"11:5 IAM013 dev-cluster: pool worker: no volume is named root{EVERY_COMMAND}"
                "add {metadata: {name: root}, size: 16Gi, type: ssd}"
            ),
        ),
        (
            with_pool(f"{{type: worker, metadata: {{name: big}}, {ROOT}}}"),
            (
                f"11:5 IAM013 dev-cluster: pool big: minCount and maxCount are missing or 0{EVERY_COMMAND}"
                "set both, as in minCount: 3 and maxCount: 3"
            ),
        ),
        (
            with_pool(f"{{type: worker, minCount: 5, maxCount: 3, {ROOT}}}"),
            (
                f"11:30 IAM013 dev-cluster: pool worker: minCount 5 is larger than maxCount 3{EVERY_COMMAND}"
                "raise maxCount or lower minCount"
            ),
        ),
        (
            with_pool(f"{{type: etcd, minCount: 3, maxCount: 5, {ROOT}}}", "etcd"),
            (
                "9:41 IAM013 dev-cluster: pool etcd: type etcd cannot scale, but minCount is 3 and maxCount is 5"
                f"{EVERY_COMMAND}set both to the same number"
            ),
        ),
        (
            SINGLE + f"  - {{type: all, minCount: 3, {ROOT}}}\n",
            (
                f"12:12 IAM013 dev-cluster: pool all: Tarmak has no role for the type 'all'{EVERY_COMMAND}"
                "use master, worker or jenkins"
            ),
        ),
        (
            with_pool("{type: worker, minCount: 3, volumes: [{metadata: {name: root}}" + ", {}" * 14 + "]}"),
            (
                "11:121 IAM013 dev-cluster: pool worker: Tarmak has device names for 13 volumes in addition to the "
                f"root volume, and panics at the next{EVERY_COMMAND}remove volumes"
            ),
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, subnets: [{{zone: eu-central-1a}}]}}")
            + environment("  location: eu-west-1\n"),
            (
                f"11:87 IAM014 dev-cluster: 'eu-central-1a' is not a zone of eu-west-1{CHANGES}"
                "write a zone such as eu-west-1a"
            ),
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, subnets: [null]}}"),
            f"11:80 IAM014 dev-cluster: the subnet is null, so Tarmak panics{CHANGES}remove it",
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, subnets: [{{}}]}}"),
            f"11:80 IAM014 dev-cluster: the subnet has no zone{CHANGES}write a zone such as eu-west-1a",
        ),
        (
            (HEAD + cluster("hub", "bastion", "vault") + cluster("blue", "etcd", "master", "worker"))
            .replace("type: vault,", "type: vault, subnets: [{zone: eu-west-1a}],")
            .replace("type: etcd,", "type: etcd, subnets: [{zone: eu-west-1a}, {zone: eu-west-1b}],"),
            (
                f"12:55 IAM014 dev-blue: the hub has no subnet in zone 'eu-west-1b'{CHANGES}"
                "use eu-west-1a, or add a subnet of the hub there"
            ),
        ),
        (
            SINGLE + environment("  adminCIDRs: [192.0.2.0/24, office]\n"),
            f"15:30 IAM015 'office' is not a valid CIDR{CHANGES}write an address with its mask, as in 192.0.2.0/24",
        ),
        (
            with_pool(f"{{type: bastion, minCount: 1, {ROOT}, allowCIDRs: [192.0.2.7]}}", "bastion"),
            f"7:84 IAM015 '192.0.2.7' is not a valid CIDR{CHANGES}write an address with its mask, as in 192.0.2.0/24",
        ),
        (
            SINGLE + environment("", "\n"),
            (
                "16:3 IAM016 the provider 'aws' has no amazon section; every Tarmak command for its "
                "environments fails; add it, as in amazon: {profile: NAME}"
            ),
        ),
        (
            HEAD
            + cluster("blue", "etcd", "master", "worker")
            + cluster("green", "etcd", "master", "worker")
            + environment(""),
            (
                f"17:3 IAM017 the environment 'dev' has 2 clusters, but no hub{CHANGES}"
                "add a cluster named hub with pools of type bastion and vault"
            ),
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, labels: [{{key: a b}}]}}"),
            f"11:85 IAM018 dev-cluster: 'a b' is not a valid label key{CHANGES}write it as in team or example.com/team",
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, taints: [{{key: ab, effect: noschedule}}]}}"),
            (
                f"11:97 IAM018 dev-cluster: 'noschedule' is not a taint effect{CHANGES}"
                "write NoSchedule, PreferNoSchedule or NoExecute"
            ),
        ),
        (
            HEAD + "- environment: dev\n  metadata: {name: cluster}\n  kubernetes: {version: 1.17.0}\n",
            (
                "6:25 IAM019 Tarmak cannot install Kubernetes 1.17.0: it downloads the hyperkube binary, which "
                "Kubernetes does not publish for 1.17 and later; write a version below 1.17, as in 1.16.15"
            ),
        ),
        (
            with_pool(f"{{type: worker, minCount: 3, {ROOT}, kubernetes: {{version: 1.21.3}}}}"),
            (
                "11:92 IAM019 Tarmak cannot install Kubernetes 1.21.3: it downloads the hyperkube binary, which "
                "Kubernetes does not publish for 1.17 and later; write a version below 1.17, as in 1.16.15"
            ),
        ),
        (
            SINGLE + environment("  adminCIDRs: []\n"),
            (
                "15:15 IAM025 adminCIDRs is empty: when Tarmak rewrites the file, it removes the list and uses "
                "0.0.0.0/0 instead; list at least one address, as in 192.0.2.1/32"
            ),
        ),
        (
            SINGLE + "  kubernetes: {apiServer: {public: true, allowCIDRs: []}}\n",
            (
                "12:54 IAM025 allowCIDRs is empty: when Tarmak rewrites the file, it removes the list and uses "
                "adminCIDRs of the environment instead; list at least one address, as in 192.0.2.1/32"
            ),
        ),
        (
            with_pool(f"{{type: bastion, minCount: 1, {ROOT}, allowCIDRs: []}}", "bastion"),
            (
                "7:83 IAM025 allowCIDRs is empty: when Tarmak rewrites the file, it removes the list and uses "
                "adminCIDRs of the environment instead; list at least one address, as in 192.0.2.1/32"
            ),
        ),
        (
            SINGLE + f"  - {{type: jenkins, minCount: 1, {ROOT}, allowCIDRs: []}}\n",
            (
                "12:83 IAM025 allowCIDRs is empty: when Tarmak rewrites the file, it removes the list and uses "
                "adminCIDRs of the environment instead; list at least one address, as in 192.0.2.1/32"
            ),
        ),
    ],
)
def test_a_refused_file(text: str, expected: str) -> None:
    assert found(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        SINGLE + "  kubernetes: {apiServer: {allowCIDRs: []}}\n",  # of a private API server, which has no such port
        with_pool(f"{{type: worker, minCount: 3, {ROOT}, allowCIDRs: []}}"),
        SINGLE + environment("  adminCIDRs:\n"),  # the default from the beginning
        SINGLE + environment("") + "- metadata: {name: other}\n",  # a provider that no environment has
        SINGLE + "  location: eu-west-1a\n",  # of an environment that is not there, so that nothing is done with it
        HEAD + cluster("hub", "bastion", "vault") + "  kubernetes: {version: 1.20.0}\n"
        "- environment: dev\n  metadata: {name: blue}\n  instancePools:\n"
        + POOLS["etcd"]
        + POOLS["master"]
        + POOLS["worker"],
        HEAD + "- environment: dev\n  metadata: {name: cluster}\n  kubernetes: {version: 1.16.15}\n",
        with_pool(f"{{type: worker, minCount: 3, {ROOT}, labels: [{{key: example.com/a-b, value: c_d}}]}}"),
        with_pool(f"{{type: worker, minCount: 3, {ROOT}, taints: [{{key: a/b, effect: NoExecute}}]}}"),
        SINGLE
        + environment("  location: us-west-2\n").replace(
            "type: etcd,", "type: etcd, subnets: [{zone: us-west-2-lax-1a}],"
        ),
    ],
)
def test_what_is_no_finding(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("labels: [null]", ["labels has a null item, so Tarmak panics"]),
        ("taints: [null]", ["taints has a null item, so Tarmak panics"]),
        ("labels: [{key: Example.com/a}]", ["'Example.com/a' is not a valid label key"]),
        (f"labels: [{{key: {'a' * 64}}}]", [f"'{'a' * 64}' is not a valid label key"]),
        (f"labels: [{{key: {'a' * 63}}}]", []),
        (f"labels: [{{key: {'a.' * 126}a/b}}]", []),
        (f"labels: [{{key: {'a.' * 127}a/b}}]", [f"'{('a.' * 127)[:77]}...' is not a valid label key"]),
        ("labels: [{key: a, value: -b}]", ["'-b' is not a valid label value"]),
        ("labels: [{key: a, value: ''}]", []),
        ("taints: [{key: a, effect: NoSchedule}]", ["'a' is not a valid taint key"]),
        ("taints: [{key: a\u00e9b, effect: NoSchedule}]", ["'a\u00e9b' is not a valid taint key"]),
        ("taints: [{key: ab, value: c\u00e9d, effect: NoSchedule}]", ["Tarmak rejects the taint value 'c\u00e9d'"]),
        ("taints: [{key: a/b/c, effect: NoSchedule}]", ["'a/b/c' is not a valid taint key"]),
        ("taints: [{key: ab, value: c, effect: NoSchedule}]", ["Tarmak rejects the taint value 'c'"]),
        ("taints: [{key: ab, value: cd, effect: PreferNoSchedule}]", []),
        ("taints: [{key: ab}]", ["'' is not a taint effect"]),
    ],
)
def test_labels_and_taints(labels: str, expected: list[str]) -> None:
    findings = found(with_pool(f"{{type: worker, minCount: 3, {ROOT}, {labels}}}"))
    assert [each.split(": ", 1)[1].partition(CHANGES)[0] for each in findings] == expected


def test_a_subnet_without_a_zone_is_nothing_that_the_hub_lacks() -> None:
    text = HEAD + cluster("hub", "bastion", "vault") + cluster("blue", "etcd", "master", "worker")
    text = text.replace("type: etcd,", "type: etcd, subnets: [{}],")
    assert found(text) == [f"12:28 IAM014 dev-blue: the subnet has no zone{CHANGES}write a zone such as eu-west-1a"]


def test_a_hub_is_not_compared_with_another() -> None:
    first, second = (
        cluster("hub", "bastion", "vault").replace(
            "type: vault,", f"type: vault, subnets: [{{zone: eu-west-1{zone}}}],"
        )
        for zone in "ab"
    )
    assert [each.split()[1] for each in found(HEAD + first + second)] == ["IAM003"]


def test_a_pool_without_a_role_in_the_place_of_one_that_is_missing() -> None:
    """Both findings say the same."""
    assert found(with_pool(f"{{type: hybrid, minCount: 3, {ROOT}}}")) == [
        (
            f"7:3 IAM012 dev-cluster: a cluster of type cluster-single requires pools of type worker{EVERY_COMMAND}"
            "change the pool of type hybrid to type worker"
        ),
        f"11:12 IAM013 dev-cluster: pool hybrid: Tarmak has no role for the type 'hybrid'{EVERY_COMMAND}use worker",
    ]
    lacking = with_pool(f"{{type: hybrid, minCount: 3, {ROOT}}}").replace("type: master", "type: jenkins")
    assert found(lacking)[0].endswith("change the pool of type hybrid to one of these types, and add the others")


@pytest.mark.parametrize("kind", ["worker", "master", "jenkins"])
def test_what_a_remedy_offers_for_a_type_is_right(kind: str) -> None:
    pool = f"  - {{type: {kind}, metadata: {{name: more}}, minCount: 3, {ROOT}}}\n"
    assert found(SINGLE + pool) == []


@pytest.mark.parametrize(
    ("dev", "expected"),
    [
        ("environment: dve", ["3:17 IAM005", "5:16 IAM043"]),
        ("environment: dev", []),
    ],
)
def test_a_cluster_of_an_environment_that_is_not_there(dev: str, expected: list[str]) -> None:
    """Both say the same: the other way round, what one says would undo what the other does."""
    head = HEAD.replace("clusters:", "currentCluster: dev-cluster\nclusters:")
    findings = found(f"{head}- {dev}\n  metadata: {{name: cluster}}\n" + environment("  location: eu-west-1\n"))
    assert [each[:11] for each in findings] == expected
    assert [each.rpartition("; ")[2] for each in findings] == [
        remedy for remedy in ("write environment: dev in line 5", "did you mean dev?") if expected
    ]


REFUSED = "every Tarmak command for this environment fails"


@pytest.mark.parametrize(
    ("provider", "text"),
    [
        (
            "provider: awss",
            "the provider 'awss' does not exist: every Tarmak command for this environment fails; did you mean",
        ),
        (
            "provider: gcp",
            "the provider 'gcp' does not exist: every Tarmak command for this environment fails; add it",
        ),
        ("contact: me", "the environment has no provider: every Tarmak command for it fails; set provider to aws"),
    ],
)
def test_a_provider_that_is_not_there(provider: str, text: str) -> None:
    (finding,) = found(SINGLE + environment("").replace("provider: aws", provider))
    assert finding.partition(" IAM043 ")[2].startswith(text)


@pytest.mark.parametrize(
    ("pool", "expected"),
    [
        ("{type: worker, minCount: 1, maxCount: 3, %s}", None),
        ("{type: worker, maxCount: 3, %s}", None),
        (
            "{type: worker, minCount: 0, maxCount: 3, %s}",
            (
                "minCount is 0, so Tarmak uses maxCount 3 for both; remove minCount, or set it to 1 or more so that "
                "the pool scales"
            ),
        ),
        (
            "{type: worker, minCount: 3, maxCount: 0, %s}",
            (
                "maxCount is 0, so Tarmak uses minCount 3 for both; remove maxCount, or set it to 1 or more so that "
                "the pool scales"
            ),
        ),
        (
            "{type: etcd, minCount: 0, maxCount: 3, %s}",
            "minCount is 0, so Tarmak uses maxCount 3 for both; remove minCount",
        ),
    ],
)
def test_a_count_of_0_is_the_other_one(pool: str, expected: str | None) -> None:
    kind = "etcd" if "etcd" in pool else "worker"
    texts = [each.partition(f": pool {kind}: ")[2] for each in found(with_pool(pool % ROOT, kind))]
    assert texts == ([expected] if expected else [])
