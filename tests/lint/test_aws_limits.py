"""Pools, volumes and address ranges that Tarmak passes on and Terraform, AWS, Puppet or Kubernetes refuse."""

from __future__ import annotations

import pytest

from tests.lint.environments import CHANGES, HEAD, ROOT, SINGLE, cluster, found, with_pool


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("size: big", ("size", "'big' is not an EC2 instance type", "write tiny, small, medium, large or a type")),
        (
            "size: xlarge",
            ("size", "'xlarge' is not an EC2 instance type", "write tiny, small, medium, large or a type"),
        ),
        ("size: Small", ("size", "'Small' is not an EC2 instance type", "did you mean small?")),
        ("size: smal", ("size", "'smal' is not an EC2 instance type", "did you mean small?")),
        ("size: M5.Large", ("size", "'M5.Large' is not an EC2 instance type", "write m5.large")),
        (
            "metadata: {name: a b}",
            ("metadata", "'a b' cannot be part of the name of a Terraform resource", "use letters"),
        ),
        (
            "metadata: {name: a.b}",
            ("metadata", "'a.b' cannot be part of the name of a Terraform resource", "use letters"),
        ),
    ],
)
def test_a_pool_that_aws_refuses(line: str, expected: tuple[str, str, str]) -> None:
    _, what, remedy = expected
    (finding,) = found(with_pool(f"{{type: worker, minCount: 3, {ROOT}, {line}}}"))
    assert " IAM027 dev-cluster: pool " in finding
    assert f": {what}{CHANGES}{remedy}" in finding


@pytest.mark.parametrize("size", ["tiny", "large", "m5.large", "m5d.24xlarge", "u-6tb1.metal", "c5n.metal", "''", ""])
def test_a_size_that_aws_has(size: str) -> None:
    assert found(with_pool(f"{{type: worker, minCount: 3, {ROOT}, size: {size}}}")) == []


@pytest.mark.parametrize(
    ("volume", "what", "remedy"),
    [
        ("type: hdd", "Tarmak translates the volume type hdd to st2, which EBS does not have", "write ssd"),
        ("type: sdd", "'sdd' is not an EBS volume type", "write ssd, or an EBS volume type such as gp2"),
        ("type: SSD", "'SSD' is not an EBS volume type", "did you mean ssd?"),
        ("type: io1", "a volume of type io1 requires a number of IOPS, which Tarmak does not set", "write ssd"),
        ("size: 10", "Tarmak reads the volume size '10' as 0 GiB", "did you mean 10Gi?"),
        ("size: 0.5Gi", "Tarmak reads the volume size '0.5Gi' as 0 GiB", "write 1Gi or more"),
        ("size: 500Mi", "Tarmak reads the volume size '500Mi' as 0 GiB", "write 1Gi or more"),
        ("size: 1G", "Tarmak reads the volume size '1G' as 0 GiB", "write 1Gi or more"),
        ("size: '-5Gi'", "Tarmak reads the volume size '-5Gi' as 0 GiB", "write 1Gi or more"),
        ("size: 1e3", "Tarmak reads the volume size '1e3' as 0 GiB", "did you mean 1000Gi?"),
    ],
)
def test_a_volume_that_aws_refuses(volume: str, what: str, remedy: str) -> None:
    pool = f"{{type: worker, minCount: 3, volumes: [{{metadata: {{name: root}}, {volume}}}]}}"
    (finding,) = found(with_pool(pool))
    assert finding.partition(" pool 'worker': ")[2] == f"{what}{CHANGES}{remedy}"


@pytest.mark.parametrize("volume", ["size: 1Gi", "size: 16G", "size: 2e10", "size: 1Ti", "type: gp2", "type: st1"])
def test_a_volume_that_aws_has(volume: str) -> None:
    assert found(with_pool(f"{{type: worker, minCount: 3, volumes: [{{metadata: {{name: root}}, {volume}}}]}}")) == []


def test_names_that_terraform_refuses() -> None:
    second = f"  - {{type: worker, minCount: 3, {ROOT}}}\n"
    twice = "and Terraform rejects two resources with the same name"
    unnamed = "(without metadata.name, the type is the name)"
    give = "set another metadata.name"
    assert found(SINGLE + second) == [
        f"12:5 IAM027 dev-cluster: a second pool is named 'worker', {twice} {unnamed}{CHANGES}{give}"
    ]
    assert found(SINGLE + second.replace("type:", "metadata: {name: big}, type:")) == []
    named = second.replace("type:", "metadata: {name: master}, type:")
    assert found(SINGLE + named) == [
        f"12:23 IAM027 dev-cluster: a second pool is named 'master', {twice}{CHANGES}{give}"
    ]
    # Its resources do not begin with kubernetes_.
    assert found(SINGLE + named.replace("master", "bastion")) == []
    volumes = "volumes: [{metadata: {name: root}}, {metadata: {name: a}}, {metadata: {name: a}}]"
    assert [
        each.partition("'worker': ")[2] for each in found(with_pool(f"{{type: worker, minCount: 3, {volumes}}}"))
    ] == [f"a second volume is named 'a'{CHANGES}set a different metadata.name for each volume"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ("minCount: -1", ["minCount is negative"]),
        ("minCount: -1, maxCount: 3", ["minCount is negative"]),
        ("maxCount: -2", ["maxCount is negative"]),
        ("minCount: 1, maxCount: 2", []),
    ],
)
def test_negative_counts(counts: str, expected: list[str]) -> None:
    findings = found(with_pool(f"{{type: worker, {counts}, {ROOT}}}"))
    assert [each.partition("'worker': ")[2].partition(CHANGES)[0] for each in findings] == expected


DNS = "the API server or the cluster's DNS does not work"
VPC = "tarmak clusters apply fails: AWS cannot create such a VPC, or public subnets in it"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "kubernetes: {podCIDR: 10.0.0.0}",
            (
                "IAM015 dev-cluster: podCIDR '10.0.0.0' has no mask; Puppet fails on every etcd node, master and "
                "worker; write an IPv4 address with its mask, as in 100.64.0.0/16"
            ),
        ),
        (
            "kubernetes: {podCIDR: 10.0.0.0/x}",
            (
                "IAM015 dev-cluster: podCIDR '10.0.0.0/x' is not a valid CIDR; Puppet fails on every etcd node, master "
                "and worker; write an IPv4 address with its mask, as in 100.64.0.0/16"
            ),
        ),
        (
            "kubernetes: {podCIDR: 10.0.0.0/33}",
            (
                "IAM015 dev-cluster: podCIDR '10.0.0.0/33' is not a valid CIDR; pods get no network; "
                "write an IPv4 address with its mask, as in 100.64.0.0/16"
            ),
        ),
        (
            "kubernetes: {serviceCIDR: 10.0.0.0}",
            (
                "IAM015 dev-cluster: serviceCIDR '10.0.0.0' has no mask; Tarmak ignores it, and services get "
                "10.254.0.0/16; write an IPv4 address with its mask, as in 10.254.0.0/16"
            ),
        ),
        (
            "kubernetes: {serviceCIDR: 10.0.0.300/16}",
            (
                "IAM015 dev-cluster: serviceCIDR '10.0.0.300/16' is not a valid CIDR; the API server does not start; "
                "write an IPv4 address with its mask, as in 10.254.0.0/16"
            ),
        ),
        (
            "kubernetes: {serviceCIDR: 10.0.0.0/8}",
            (
                f"IAM028 dev-cluster: serviceCIDR '10.0.0.0/8' is too large; {DNS}; "
                "write a mask from /12 to /28, as in 10.254.0.0/16"
            ),
        ),
        (
            "kubernetes: {podCIDR: 'fd00::/64'}",
            (
                "IAM028 dev-cluster: podCIDR 'fd00::/64' is not an IPv4 range; pods get no network; "
                "write an IPv4 range, as in 100.64.0.0/16"
            ),
        ),
        (
            "network: {cidr: 10.0.0.0/24}",
            (
                f"IAM028 dev-cluster: the network '10.0.0.0/24' is too small; {VPC}; "
                "write a mask from /16 to /22, as in 10.99.0.0/16"
            ),
        ),
        (
            "network: {cidr: 10.0.0.0/8}",
            (
                f"IAM028 dev-cluster: the network '10.0.0.0/8' is too large; {VPC}; "
                "write a mask from /16 to /22, as in 10.99.0.0/16"
            ),
        ),
    ],
)
def test_address_ranges_of_a_cluster(text: str, expected: str) -> None:
    cluster_alone = HEAD + "- environment: dev\n  metadata: {name: cluster}\n"
    (finding,) = found(f"{cluster_alone}  {text}\n")
    assert finding.partition(" ")[2] == expected


@pytest.mark.parametrize(
    "text",
    [
        "kubernetes: {podCIDR: 100.64.0.0/16, serviceCIDR: 10.254.0.0/16}",
        "kubernetes: {podCIDR: 10.0.0.0/8, serviceCIDR: 10.96.0.0/12}",
        "kubernetes: {podCIDR: '', serviceCIDR: }",
        "network: {cidr: 10.0.0.0/22}",
        "network: {cidr: 172.31.0.0/16}",
        "network: {cidr: 10.0.0.0/24, metadata: {annotations: {tarmak.io/existing-vpc-id: vpc-1}}}",
    ],
)
def test_address_ranges_that_are_right(text: str) -> None:
    assert found(HEAD + f"- environment: dev\n  metadata: {{name: cluster}}\n  {text}\n") == []


def test_ranges_of_clusters_with_a_hub() -> None:
    hub, blue = cluster("hub", "bastion", "vault"), cluster("blue", "etcd", "master", "worker")
    assert found(HEAD + hub + "  kubernetes: {podCIDR: 10.0.0.0}\n" + blue + "  network: {cidr: 10.0.0.0/24}\n") == []
    assert [each.split()[1] for each in found(HEAD + hub + "  network: {cidr: 10.0.0.0/24}\n" + blue)] == ["IAM028"]
