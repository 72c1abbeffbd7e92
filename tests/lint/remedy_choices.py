"""What a person does where a remedy leaves a choice: which other role, which release, which name.

Each choice names words that the remedy has to have, and its edits are of the bad example on the rule's page. A remedy
that says something else needs another choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.lint.files import Files

__all__ = ["CHOICES", "Choice"]

Edit = Callable[[Files], Files]


@dataclass(frozen=True)
class Choice:
    """`does` has one edit for each thing that the sentence offers; `is_clause`: it is for one of them only."""

    says: str
    does: tuple[Edit, ...]
    is_clause: bool = False


def edit(*texts: str) -> Edit:
    """A text, which is in one file and there once, replaced by the next; and so on with the next two."""

    def edited(files: Files) -> Files:
        made = dict(files)
        for old, new in zip(texts[::2], texts[1::2], strict=True):
            names = [name for name, text in made.items() if text.count(old) == 1]
            assert len(names) == 1, f"{old!r} has to be once in one file, and is in {names or 'none'}"
            made[names[0]] = made[names[0]].replace(old, new)
        return made

    return edited


def elsewhere(files: Files) -> Files:
    """Something that changes no file of the cluster."""
    return files


POOL = "size: small, minCount: 1, maxCount: 1, volumes: [{metadata: {name: root}}]"
ADMIN_ENTRY = '  - roleARN: arn:aws:iam::111122223333:role/Admin\n    username: admin\n    groups: ["system:masters"]\n'
OTHER_ADMIN = "  - roleARN: arn:aws:iam::111122223333:role/ADMIN\n    username: admin\n"
OPS_ENTRY = "  - roleARN: arn:aws:iam::111122223333:role/Ops\n    username: ops\n    groups: [ops]\n"
HOST_ENTRY = (
    "  - roleARN: arn:aws:iam::111122223333:role/Host\n"
    '    username: "system:node:{{EC2PrivateDNSName}}"\n    groups: ["system:nodes"]\n'
)
RESERVED = '  reservedPrefixConfig:\n  - backendMode: MountedFile\n    usernamePrefixReserveList: ["corp:"]\n'
HUB = (
    "- environment: prod\n  metadata: {name: hub}\n  instancePools:\n"
    f"  - {{type: bastion, {POOL}}}\n  - {{type: vault, {POOL}}}\n"
)
OFF = "{authTokenWebhookFile: /etc/kubernetes/webhook.yaml, amazon: {awsIAMAuthenticatorInit: false}}"
LINKED = "aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"
DEV = "arn:aws:iam::111122223333:role/Dev"
ENVIRONMENT = "- metadata:\n    name: prod\n"
PROVIDED = "  provider: aws\n"
SWITCHED = "  kubernetes:\n    apiServer:\n      amazon:\n        awsIAMAuthenticatorInit: true\n"
IMAGE = "image: registry.example.com/aws-iam-authenticator:"


def by_permission_set(files: Files) -> Files:
    entry = edit(
        "roleARN: arn:aws:iam::111122223333:role/AWSReservedSSO_Dev",
        'sso: {accountID: "111122223333", permissionSetName: Dev}',
    )
    return {**entry(files), "tarmak-iam.yaml": f"{IMAGE}v0.7.9\nfeatureGates: {{SSORoleMatch: true}}\n"}


CHOICES: Mapping[str, tuple[Choice, ...]] = {
    "IAM002": (
        Choice("remove it, and enable", (edit(SWITCHED, "", "    name: blue\n", f"    name: blue\n{SWITCHED}"),)),
    ),
    "IAM003": (
        Choice(
            "rename or remove one of them",
            (
                edit(
                    "    name: cluster\n- environment: dev\n  metadata:\n    name: cluster\n",
                    "    name: cluster\n- environment: dev\n  metadata:\n    name: other\n",
                ),
                edit(
                    "- environment: dev\n  metadata:\n    name: cluster\n" * 2,
                    "- environment: dev\n  metadata:\n    name: cluster\n",
                ),
            ),
        ),
    ),
    "IAM006": (
        Choice(
            "set internalELBAccessLogs.bucket, or remove internalELBAccessLogs",
            (
                edit("          interval: 5\n", "          bucket: example-elb-logs\n          interval: 5\n"),
                edit("      amazon:\n        internalELBAccessLogs:\n          interval: 5\n", "      amazon: {}\n"),
            ),
        ),
    ),
    "IAM009": (Choice("write the bucket's name", (edit("s3://example-elb-logs", "example-elb-logs"),)),),
    "IAM010": (
        Choice("use the form arn:", (edit("policy/Dev", "role/Dev"),)),
        Choice("map the roles and users that the policy is attached to", (edit("policy/Dev", "role/Dev"),)),
    ),
    "IAM011": (
        Choice(
            "merge them into one entry",
            (edit(f'    groups: ["system:masters"]\n{OTHER_ADMIN}', ""),),
        ),
    ),
    "IAM012": (
        Choice("add them", (edit("  - {type: master,", f"  - {{type: worker, {POOL}}}\n  - {{type: master,"),)),
    ),
    "IAM017": (
        Choice(
            "add a cluster named hub with pools of type bastion and vault",
            (
                edit(
                    "- environment: prod\n  metadata: {name: blue}\n",
                    f"{HUB}- environment: prod\n  metadata: {{name: blue}}\n",
                ),
            ),
        ),
    ),
    "IAM022": (
        Choice("fix it", (edit("[[dev, ops]]", "[dev, ops]"),)),
        Choice("write it without brackets or a dash", (edit("[[dev, ops]]", "[dev, ops]"),)),
    ),
    "IAM023": (Choice("map a principal of the cluster's partition", (edit("arn:aws-cn:", "arn:aws:"),)),),
    "IAM024": (Choice("use v0.7.18", (edit("v0.7.0", "v0.7.18"),), is_clause=True),),
    "IAM032": (
        Choice(
            "merge their contents under one apiServer",
            (edit("    apiServer:\n      allowCIDRs: [10.0.0.0/8]\n", "      allowCIDRs: [10.0.0.0/8]\n"),),
        ),
    ),
    "IAM033": (
        Choice(
            "move the merge key (<<) above it",
            (edit("  location: eu-central-1\n  <<: *defaults\n", "  <<: *defaults\n  location: eu-central-1\n"),),
        ),
    ),
    "IAM034": (
        Choice(
            "put it into the first document, or remove it",
            (edit("---\n", ""), edit("---\ncontact: ann@example.com\n", "")),
        ),
    ),
    "IAM042": (Choice("write the file's plain absolute path", (edit("/etc/kubernetes/../webhook", "/etc/webhook"),)),),
    "IAM043": (
        Choice(
            "add it to environments, or use another one",
            (
                edit(ENVIRONMENT, f"- metadata:\n    name: dev\n{PROVIDED}{ENVIRONMENT}"),
                edit("- environment: dev\n", "- environment: prod\n", "currentCluster: dev-", "currentCluster: prod-"),
            ),
        ),
    ),
    "IAM045": (Choice("use 1000 or higher", (edit("centre: 12", "centre: 4711"),)),),
    "IAM047": (
        Choice(
            "rename or remove one of them",
            (
                edit(f"    name: dev\n{PROVIDED}providers", f"    name: test\n{PROVIDED}providers"),
                edit(f"- metadata:\n    name: dev\n{PROVIDED}providers", "providers"),
            ),
        ),
    ),
    "IAM051": (
        Choice(
            "map each principal separately",
            (
                edit(
                    "role/*\n    username: dev\n    groups: [dev]\n",
                    f"role/Dev\n    username: dev\n    groups: [dev]\n{OPS_ENTRY}",
                ),
            ),
        ),
    ),
    "IAM052": (Choice("use the form arn:aws:", (edit("arn:aws-china:", "arn:aws:"),)),),
    "IAM053": (
        Choice("check the ARN", (edit("1111222233334", "111122223333"),)),
        Choice("one digit is too many", (edit("1111222233334", "111122223333"),)),
    ),
    "IAM056": (
        Choice(
            "let people assume it",
            (
                edit(
                    "  mapUsers:\n  - userARN: arn:aws:iam::111122223333:root\n    username: ann\n",
                    f"  - roleARN: {DEV}\n    username: dev\n",
                ),
            ),
        ),
    ),
    "IAM059": (
        Choice(
            "keep one of them",
            (
                edit(f"  mapRoles:\n  - roleARN: {DEV}\n    username: dev\n    groups: [dev]\n", ""),
                edit(f"  mapRoles:\n{ADMIN_ENTRY}", ""),
            ),
        ),
        Choice(
            "move the items below it to the end of 'mapRoles'",
            (edit(f"  mapRoles:\n  - roleARN: {DEV}", f"  - roleARN: {DEV}"),),
        ),
    ),
    "IAM066": (
        Choice(
            "see that the masters' role allows it, or name one that does in server.ec2DescribeInstancesRoleARN",
            (
                elsewhere,
                edit("server:\n", "server:\n  ec2DescribeInstancesRoleARN: arn:aws:iam::111122223333:role/Describe\n"),
            ),
        ),
        Choice(
            "set server.ec2DescribeInstancesRoleARN to a role of account 111122223333",
            (edit("444455556666:role/Desc", "111122223333:role/Desc"),),
        ),
    ),
    "IAM067": (
        Choice(
            "remove it, or map the role of the instances in a separate entry",
            (
                edit('[ops, "host:{{EC2PrivateDNSName}}"]', "[ops]"),
                edit('[ops, "host:{{EC2PrivateDNSName}}"]\n', f"[ops]\n{HOST_ENTRY}"),
            ),
        ),
    ),
    "IAM068": (Choice("write a fixed username", (edit("user:{{SessionName}}", "ann"),)),),
    "IAM069": (Choice("add a username", (edit("    groups: [dev]", "    username: dev\n    groups: [dev]"),)),),
    "IAM070": (Choice("add a fixed prefix", (edit('"{{SessionName}}"', '"dev:{{SessionName}}"'),)),),
    "IAM071": (
        Choice(
            "for nodes; for people, remove system:",
            (
                edit("{{SessionName}}", "{{EC2PrivateDNSName}}"),
                edit(
                    '"system:node:{{SessionName}}"\n    groups: ["system:nodes"]',
                    '"node:{{SessionName}}"\n    groups: [nodes]',
                ),
            ),
        ),
    ),
    "IAM072": (
        Choice(
            "write a fixed group, and a separate entry for each role", (edit('"team-{{SessionName}}"', "team-dev"),)
        ),
    ),
    "IAM073": (Choice("write a name without system:", (edit('"system:dev"', '"dev"'),)),),
    "IAM074": (
        Choice(
            "map the roles and users that need access, and remove the account",
            (
                edit(
                    '  mapAccounts:\n  - "444455556666"\n',
                    "  - roleARN: arn:aws:iam::444455556666:role/Dev\n    username: dev\n    groups: [dev]\n",
                ),
            ),
        ),
    ),
    "IAM079": (
        Choice(
            "put it into the first document, or remove it",
            (
                edit("---\nserver:\n  mapRoles:\n", ""),
                edit(f"---\nserver:\n  mapRoles:\n  - roleARN: {DEV}\n    username: dev\n    groups: [dev]\n", ""),
            ),
        ),
        Choice("move its entries to mapRoles", (edit("---\nserver:\n  mapRoles:\n", ""),)),
    ),
    "IAM080": (
        Choice(
            "or remove the template",
            (edit(f"{IMAGE}v0.4.0", f"{IMAGE}v0.6.20"), edit('"dev:{{AccessKeyID}}"', "dev")),
        ),
    ),
    "IAM081": (
        Choice(
            "choose another username, or remove the prefix from server.reservedPrefixConfig",
            (edit('"corp:dev"', "dev"), edit('["corp:"]', "[]")),
        ),
    ),
    "IAM083": (
        Choice(
            "give both the same username and groups, or rename one of the permission sets",
            (
                edit("    username: extra\n    groups: [extra]", "    username: dev\n    groups: [dev]"),
                edit("Dev_Extra", "Extra_Dev"),
            ),
        ),
    ),
    "IAM086": (
        Choice(
            "choose another image, or remove it",
            (
                edit(f"{IMAGE}v0.5.9", f"{IMAGE}v0.6.20"),
                edit(RESERVED, ""),
            ),
        ),
    ),
    "IAM089": (
        Choice(
            "set an image of v0.7.9, or remove daemonVersion",
            (edit(f"{IMAGE}v0.6.20", f"{IMAGE}v0.7.9"), edit("daemonVersion: v0.7.9\n", "")),
        ),
    ),
    "IAM092": (
        Choice("name one of them", (edit("EKSConfigMap", "MountedFile"),)),
        Choice(
            "or set its backendMode to MountedFile",
            (edit(RESERVED.replace("MountedFile", "EKSConfigMap"), ""), edit("EKSConfigMap", "MountedFile")),
        ),
    ),
    "IAM093": (
        Choice(
            "remove the key, or create your own webhook file",
            (
                edit("  port: 21400\n", ""),
                edit("{amazon: {awsIAMAuthenticatorInit: true}}", OFF),
            ),
        ),
    ),
    "IAM101": (
        Choice("try it on a master, or set registry public", (elsewhere, edit("registry: ecr", "registry: public"))),
    ),
    "IAM102": (
        Choice(
            "take the default image, or one that you can pull",
            (
                edit("image: gcr.io/heptio-images/authenticator:v0.3.0\n", ""),
                edit("gcr.io/heptio-images/authenticator:v0.3.0", "registry.example.com/aws-iam-authenticator:v0.6.20"),
            ),
        ),
        Choice(
            "push an image of v0.3.0",
            (edit("gcr.io/heptio-images/authenticator", "registry.example.com/aws-iam-authenticator"),),
            is_clause=True,
        ),
    ),
    "IAM103": (
        Choice(
            "use the tag of a release, or pin the image by its digest",
            (
                edit(f"{IMAGE}latest\ndaemonVersion: v0.6.20", f"{IMAGE}v0.6.20"),
                edit("authenticator:latest", f"authenticator@sha256:{'0f' * 32}"),
            ),
        ),
    ),
    "IAM104": (
        Choice(
            "copy the image to a repository in the cluster's partition, and set image",
            (
                edit(
                    "registry: ecr",
                    "image: 111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn/aws-iam-authenticator:v0.6.20",
                ),
            ),
        ),
    ),
    "IAM105": (Choice("use kubectl 1.10 or later", (edit("1.9.11", "1.10.0"),)),),
    "IAM107": (
        Choice("use another release of the authenticator", (edit(f"{IMAGE}v0.4.0", f"{IMAGE}v0.6.20"),)),
        Choice("set an image of v0.7.18", (edit(f"{IMAGE}v0.4.0", f"{IMAGE}v0.7.18"),)),
    ),
    "IAM120": (
        Choice(
            "map the complete role name AWSReservedSSO_Dev_<16 hex digits>",
            (edit("AWSReservedSSO_Dev", "AWSReservedSSO_Dev_0123456789abcdef"),),
            is_clause=True,
        ),
        Choice("write `sso: {accountID:", (by_permission_set,), is_clause=True),
    ),
    "IAM121": (
        Choice("map the role that people or instances assume", (edit(f"role/{LINKED}", "role/Dev"),), is_clause=True),
    ),
    "IAM131": (Choice("use an image of v0.5.9", (edit(f"{IMAGE}v0.5.8", f"{IMAGE}v0.5.9"),)),),
    "IAM123": (Choice("replace <your team> with the real name", (edit('"<your team>"', "payments"),)),),
    "IAM126": (Choice("use your own group", (edit(', "system:serviceaccounts:kube-system"', ""),)),),
    "IAM128": (Choice("write each group by its full name", (edit('"dev-*"', "dev-web, dev-db"),)),),
}
