"""The image and the Kubernetes of the manifests: each rule on cases, with its place in the settings."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tarmak_iam.config import TarmakConfig
from tarmak_iam.findings import Finding
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import parse_settings
from tarmak_iam.lint import Subjects, check, examine
from tarmak_iam.lint.image_rules import image_findings
from tests.lint.mapped import CONFIG
from tests.support.installations import installation

ECR = "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon/aws-iam-authenticator"
OWN = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/aws-iam-authenticator:v0.6.20"
EKS_DISTRO = "public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator"
DIGEST = "@sha256:" + "0" * 64


def about_image(made: Installation) -> list[Finding]:
    """Without the security flaws of old releases, which tests/lint/test_advisory_rule.py is about."""
    return [finding for finding in image_findings(made) if finding.id != "IAM131"]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, []),
        ({"registry": "mirror.example.com/public-ecr"}, []),
        ({"image": "x:v0.6.20"}, []),
        ({"image": "x:v0.6.20-7-g0a1b2c3"}, []),
        ({"daemonVersion": "v0.7.9"}, []),
        ({"daemonVersion": "v0.4.0"}, ["IAM089 daemonVersion"]),
        ({"registry": "ecr"}, ["IAM101 registry"]),
        ({"registry": "ecr", "daemonVersion": "v0.5.3"}, ["IAM101 registry"]),
        ({"registry": "ecr", "daemonVersion": "v0.5.2"}, ["IAM102 registry"]),
        ({"image": f"{ECR}:v0.5.27"}, ["IAM102 image"]),
        ({"image": f"{ECR}:v0.5.27{DIGEST}"}, ["IAM101 image"]),  # the tag does not count
        ({"image": f"{ECR}:v0.4.0-scratch"}, ["IAM101 image"]),
        ({"image": OWN}, []),
        ({"image": OWN, "kubernetesVersion": "1.27.0"}, ["IAM101 image"]),
        ({"registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/public-ecr"}, []),
        ({"image": f"444455556666.dkr.ecr.us-east-1.amazonaws.com/x:v0.6.20{DIGEST}"}, []),
        ({"image": "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/x:v0.6.20"}, []),
        ({"image": "602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon/x:v0.6.20"}, ["IAM101 image"]),
        ({"image": "877085696533.dkr.ecr.af-south-1.amazonaws.com/amazon/x:v0.6.20"}, ["IAM101 image"]),
        ({"image": "gcr.io/heptio-images/authenticator:v0.3.0"}, ["IAM102 image"]),
        ({"image": f"{EKS_DISTRO}:v0.6.20-eks-1-30-7"}, []),
        ({"image": f"{EKS_DISTRO}:v0.6.20"}, ["IAM102 image"]),
        ({"image": f"{EKS_DISTRO}:v0.6.20{DIGEST}"}, []),
        ({"image": f"mirror.example.com/{EKS_DISTRO.partition('/')[2]}:v0.6.20"}, []),
        ({"image": f"{EKS_DISTRO[:-2]}er:v0.6.20-eks-1-30-7"}, ["IAM102 image"]),
        ({"image": "public.ecr.aws/acme/aws-iam-authenticator:v0.6.20"}, []),
        ({"image": f"{OWN.replace('.com/', '.com.cn/')}"}, ["IAM102 image"]),
        ({"registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn/public-ecr"}, ["IAM102 registry"]),
        ({"image": "111122223333.dkr.ecr.cn-north-1.amazonaws.com/x:v0.6.20"}, ["IAM104 image"]),
        ({"image": "x:latest", "daemonVersion": "v0.6.20"}, ["IAM103 image"]),
        ({"image": "x", "daemonVersion": "v0.6.20"}, ["IAM103 image"]),
        ({"image": "public.ecr.aws/eks-distro/x:v0.7.4-eks-1-34-latest"}, ["IAM103 image"]),
        ({"image": "x:v0.6", "daemonVersion": "v0.6.20"}, ["IAM103 image"]),
        ({"image": f"x:latest{DIGEST}", "daemonVersion": "v0.6.20"}, []),
        ({"image": f"x{DIGEST}", "daemonVersion": "v0.6.20"}, []),
        ({"image": "x:build-7", "daemonVersion": "v0.6.20"}, []),
        ({"image": "x:mainline-7", "daemonVersion": "v0.6.20"}, []),
        ({"kubernetesVersion": "1.37.9"}, []),
        ({"kubernetesVersion": "1.38.0-alpha.1"}, ["IAM100 kubernetesVersion"]),
        ({"kubernetesVersion": "2.0.0"}, ["IAM100 kubernetesVersion"]),
        ({"kubernetesVersion": "1.9.0"}, []),
        ({"kubernetesVersion": "1.8.15"}, ["IAM100 kubernetesVersion"]),
    ],
)
def test_what_is_found(settings: dict[str, Any], expected: list[str]) -> None:
    assert [f"{each.id} {each.route}" for each in about_image(installation(**settings))] == expected


@pytest.mark.parametrize(
    ("location", "image", "expected"),
    [
        ("cn-north-1", OWN, ["IAM104"]),
        ("us-gov-west-1", OWN, ["IAM104"]),
        ("cn-north-1", "111122223333.dkr.ecr.cn-northwest-1.amazonaws.com.cn/x:v0.6.20", []),
        ("cn-north-1", "918309763551.dkr.ecr.cn-north-1.amazonaws.com.cn/amazon/x:v0.6.20", ["IAM101"]),
        ("us-gov-west-1", "111122223333.dkr.ecr.us-gov-east-1.amazonaws.com/x:v0.6.20", []),
        ("us-gov-west-1", "013241004608.dkr.ecr.us-gov-west-1.amazonaws.com/amazon/x:v0.6.20", ["IAM101"]),
        ("eu-west-1", "111122223333.dkr.ecr.cn-northwest-1.amazonaws.com.cn/x:v0.6.20", ["IAM104"]),
        ("cn-north-1", f"{ECR}:v0.5.27", ["IAM102"]),
        ("cn-north-1", "registry.example.com/x:v0.6.20", []),
        ("", OWN, []),
        ("", f"{ECR}:v0.5.3", ["IAM101"]),
    ],
)
def test_partitions(location: str, image: str, expected: list[str]) -> None:
    assert [each.id for each in about_image(installation(location=location, image=image))] == expected


def test_a_tag_that_nobody_names() -> None:
    (finding,) = about_image(installation(registry="ecr", daemonVersion="v0.6.20"))
    assert finding.message == (
        f"the image {ECR} is in a private ECR repository of account 602401143452: it requires a login; "
        "upstream names the tags v0.4.0, v0.4.0-scratch, v0.5.3, v0.6.26 there, not v0.6.20"
    )


@pytest.mark.parametrize(
    ("version", "expected"), [("1.26.15", []), ("1.27.0-alpha.1", []), ("1.27.0", ["IAM101"]), ("1.30.0", ["IAM101"])]
)
def test_a_kubelet_that_makes_no_login_itself(version: str, expected: list[str]) -> None:
    assert [each.id for each in about_image(installation(image=OWN, kubernetesVersion=version))] == expected


SET = "tarmak-iam settings set image public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator"
COPY = "copy the image to a repository in your own account, and set image to the copy"
SSO = """\
server:
  mapRoles:
  - {roleARN: "arn:aws:iam::111122223333:role/Admin", username: admin, groups: ["system:masters"]}
  - {sso: {permissionSetName: Dev, accountID: "111122223333"}, username: dev, groups: [dev]}
"""


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"registry": "ecr"},
            (
                "use the public image, which is v0.7.18 instead of v0.6.26: tarmak-iam settings set registry public, "
                f"or to keep v0.6.26: {SET}:v0.6.26-eks-1-31-5"
            ),
        ),
        (
            {"registry": "ecr", "daemonVersion": "v0.5.3"},
            "use the public image: tarmak-iam settings set registry public",
        ),
        (
            {"image": f"{ECR}:v0.5.3", "daemonVersion": "v0.5.3"},
            "use the public image: tarmak-iam settings unset image",
        ),
        (
            {"image": f"{ECR}:v0.5.3", "registry": "ecr", "daemonVersion": "v0.5.3"},
            "use the public image: tarmak-iam settings unset image && tarmak-iam settings set registry public",
        ),
        (
            {"image": f"{ECR}:v0.4.0"},
            (f"use the public image, which is v0.7.18 instead of v0.4.0: tarmak-iam settings unset image, or {COPY}"),
        ),
        ({"image": f"{ECR}:v0.4.0", "daemonVersion": "v0.4.0"}, COPY),  # no public image of it
        (  # with the default image the permission set would get in: it is not offered
            {"image": f"{ECR}:v0.6.26", "mappings": SSO},
            f"use the public image of v0.6.26: {SET}:v0.6.26-eks-1-31-5",
        ),
        (
            {"image": "gcr.io/heptio-images/authenticator:v0.3.0", "daemonVersion": "v0.3.0"},
            "push an image of v0.3.0 to your own registry, and set image to it",
        ),
        (
            {"image": f"{ECR}:v0.5.2"},
            (
                "use the public image, which is v0.7.18 instead of v0.5.2: tarmak-iam settings unset image, "
                f"or to keep v0.5.2: {SET}:v0.5.2-eks-1-21-6"
            ),
        ),
    ],
)
def test_the_commands_for_an_image_that_can_be_pulled(settings: dict[str, Any], expected: str) -> None:
    (finding,) = about_image(installation(**settings))
    assert finding.remedy == expected


@pytest.mark.parametrize(
    ("setting", "location", "host"),
    [
        ("image", "eu-west-1", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
        ("registry", "eu-west-1", "111122223333.dkr.ecr.eu-west-1.amazonaws.com"),
        ("image", "cn-north-1", "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_a_host_that_no_kubelet_logs_in_to(setting: str, location: str, host: str) -> None:
    domain = "on.amazonwebservices.com.cn" if location == "cn-north-1" else "on.aws"
    dual = f"111122223333.dkr-ecr.{location}.{domain}"
    rest = "/x:v0.6.20" if setting == "image" else "/mirror"

    def found(name: str) -> list[Finding]:
        values: dict[str, Any] = {setting: name + rest}
        return about_image(installation(location=location, **values))

    (finding,) = found(dual)
    assert finding.text == (f"the kubelet does not log in to {dual}, a dual-stack host of ECR; write {host} instead")
    assert str(finding.route) == setting
    assert found(host) == []


RELEASES = [None, "v0.4.0", "v0.5.2", "v0.5.3", "v0.6.26", "v0.7.9", "v0.6.31"]


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("tag", [None, "v0.4.0", "v0.5.2", "v0.5.3", "v0.6.26"])
def test_the_commands_leave_no_finding(version: str | None, tag: str | None) -> None:
    """As they are typed, over settings that name an image of upstream's, its registry, or both."""
    values: dict[str, Any] = {"registry": "ecr", "daemonVersion": version, "image": tag and f"{ECR}:{tag}"}
    text = "".join(f"{key}: {value}\n" for key, value in values.items() if value)
    parsed = TarmakConfig.parse(CONFIG)
    made = Installation.of(parsed, parsed.clusters[0], None, parse_settings(text)[0])
    if made.release_conflict:
        return  # that is what has to be fixed first
    for finding in about_image(made):
        for commands in re.findall(r": ((?:tarmak-iam settings [^(,]*[^(, ])+)", finding.remedy):
            after = dict(line.split(": ", 1) for line in text.splitlines())
            for words in (command.split() for command in commands.split(" && ")):
                if words[2] == "set":
                    after[words[3]] = words[4]
                else:
                    del after[words[3]]
            settings = parse_settings("".join(f"{key}: {value}\n" for key, value in after.items()))[0]
            assert about_image(Installation.of(parsed, parsed.clusters[0], None, settings)) == []


def test_a_release_without_an_image() -> None:
    (finding,) = about_image(installation(daemonVersion="v0.6.31"))
    assert finding.message == (
        "daemonVersion is v0.6.31, but no image of it is known in the registry, and the image "
        "public.ecr.aws/eks-distro/kubernetes-sigs/aws-iam-authenticator:v0.7.18-cvefix-eks-1-36-9 is v0.7.18: "
        "the manifests are for another release than the image"
    )


OTHER = "registry.example.com/x"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"image": f"{OTHER}:v0.6.20", "daemonVersion": "v0.7.9"},
            (
                f"set an image of v0.7.9: {SET}:v0.7.9-eks-1-34-12, or remove daemonVersion: "
                "tarmak-iam settings unset daemonVersion"
            ),
        ),
        (
            {"daemonVersion": "v0.6.31"},
            "set an image of v0.6.31, or remove daemonVersion: tarmak-iam settings unset daemonVersion",
        ),
        (  # v0.6.20 would not start with the gate
            {"image": f"{OTHER}:v0.6.20", "daemonVersion": "v0.7.9", "featureGates": {"SSORoleMatch": True}},
            f"set an image of v0.7.9: {SET}:v0.7.9-eks-1-34-12",
        ),
        (  # v0.7.9 ends with the permission set's entry neither, but v0.6.20 does
            {"image": f"{OTHER}:v0.6.20", "daemonVersion": "v0.7.9", "mappings": SSO},
            f"set an image of v0.7.9: {SET}:v0.7.9-eks-1-34-12",
        ),
    ],
)
def test_what_to_do_about_another_release(settings: dict[str, Any], expected: str) -> None:
    (finding,) = (each for each in about_image(installation(**settings)) if each.id == "IAM089")
    assert finding.remedy == expected


def report(settings: str, config: str = CONFIG) -> Any:
    parsed = TarmakConfig.parse(config)
    values, document = parse_settings(settings)
    made = Installation.of(parsed, parsed.clusters[0], None, values)
    return examine(Subjects(parsed, None, made, document))


def test_findings_have_a_place_in_the_settings() -> None:
    (finding,) = report("profile: dev\nimage: x:latest\ndaemonVersion: v0.6.20\n").findings
    assert str(finding).startswith("tarmak-iam.yaml:2:8: warning: the tag of the image x:latest can move, and masters")


def test_a_comment_in_the_settings_sets_a_finding_aside() -> None:
    seen = report("registry: ecr  # tarmak-iam: ignore[IAM101] our masters may pull from there\n")
    assert (seen.findings, [each.finding.id for each in seen.suppressed]) == ((), ["IAM101"])
    (finding,) = report("registry: public  # tarmak-iam: ignore[IAM101] once\n").findings
    assert str(finding).startswith("tarmak-iam.yaml:1:19: warning:")
    assert finding.finding.id == "IAM095"


def test_a_kubernetes_of_tarmaks_own_file() -> None:
    parsed = TarmakConfig.parse(CONFIG + "  kubernetes:\n    version: 1.40.1\n")
    unknown, refused = check(Subjects(parsed, None, Installation.of(parsed, parsed.clusters[0])))[::-1]
    assert refused.finding.id == "IAM019"
    assert str(unknown) == (
        "tarmak.yaml:9:14: warning: Kubernetes 1.40.1 is newer than the newest version that tarmak-iam knows: the "
        "manifests are those for 1.37; check its release notes for removed features, "
        "and then suppress this finding [IAM100]"
    )


def test_an_image_that_is_gone_may_still_be_on_a_master() -> None:
    (finding,) = about_image(installation(image="gcr.io/heptio-images/authenticator:v0.3.0"))
    assert finding.message == (
        "the image gcr.io/heptio-images/authenticator:v0.3.0 does not exist: the registry "
        "gcr.io/heptio-images no longer "
        "exists, and had no release after v0.3.0; no master can pull it; "
        "the admin certificate was not examined"
    )


@pytest.mark.parametrize(
    ("settings", "command"),
    [
        (
            {"image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn/x:v0.6.20"},
            "settings set image 111122223333.dkr.ecr.eu-west-1.amazonaws.com/x:v0.6.20",
        ),
        (
            {"registry": "111122223333.dkr.ecr.eu-west-1.amazonaws.com.cn/a"},
            "settings set registry 111122223333.dkr.ecr.eu-west-1.amazonaws.com/a",
        ),
    ],
)
def test_a_host_of_ecr_of_another_partition_is_replaced(settings: dict[str, Any], command: str) -> None:
    (finding,) = about_image(installation(**settings))
    assert finding.remedy.endswith(command)
    key, value = command.split()[-2:]
    after: dict[str, Any] = {key: value}
    assert about_image(installation(**after)) == []
