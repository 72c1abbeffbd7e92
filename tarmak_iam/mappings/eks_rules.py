"""What EKS accepts in an access entry and makes of it: one row a rule, with the source that says so.

Nothing here is guessed: a row without a source says which answer is safe, and that answer is used.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Documented(NamedTuple):
    """What the source says, in our words. `source` is empty where we found none."""

    says: str
    source: str


class DocumentedRule(Enum):
    """A rule of what mappings are converted to: its values are Documented."""

    @property
    def says(self) -> str:
        return str(self.value.says)

    @property
    def source(self) -> str:
        """The address of the page; empty where we found none."""
        return str(self.value.source)


_GUIDE = "https://docs.aws.amazon.com/eks/latest/userguide"
_CREATING = f"{_GUIDE}/creating-access-entries.html"
_POLICIES = f"{_GUIDE}/access-policies.html"
_API = "https://docs.aws.amazon.com/eks/latest/APIReference/API_CreateAccessEntry.html"


class EksRule(DocumentedRule):
    """The rule that an entry of a conversion follows."""

    ONE_PRINCIPAL = Documented("an entry has the ARN of exactly one existing IAM principal", _CREATING)
    ONE_ENTRY = Documented("a principal is in at most one entry of a cluster; a second one cannot be created", _API)
    PRINCIPAL = Documented(
        "an entry is for an IAM role or user; the principal of an STS session cannot be used, and the root user is not "
        "mentioned, so it is not used",
        _API,
    )
    FULL_ARN = Documented("the ARN of a role can include a path, and must be that of an existing role", _CREATING)
    SSO_PATH = Documented(
        "IAM Identity Center creates its roles below the path aws-reserved/sso.amazonaws.com, which usually includes a "
        "region",
        "https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html",
    )
    SERVICE_LINKED = Documented("service-linked roles (role/aws-service-role/...) cannot have an entry", _CREATING)
    RECREATED = Documented(
        "an entry stores the unique ID of its principal: it does not work for a principal that was deleted and created "
        "again with the same ARN",
        "https://docs.aws.amazon.com/eks/latest/APIReference/API_AccessEntry.html",
    )
    PARTITION = Documented(
        "the guide gives ARNs of principals and of access policies in the partitions aws, aws-cn and aws-us-gov; a "
        "principal is used in its own partition only",
        _POLICIES,
    )
    USERNAME_PREFIX = Documented(
        "a username cannot begin with system:, eks:, aws:, amazon: or iam:; upper case is not mentioned, so not used",
        _CREATING,
    )
    USERNAME_COLON = Documented(
        "a username with {{SessionName}} or {{SessionNameRaw}} must have a colon before it", _CREATING
    )
    SESSION = Documented(
        "{{SessionName}} is the name of the role session with - for each @, {{SessionNameRaw}} the name itself; for "
        "users neither is mentioned, so they are not used",
        _CREATING,
    )
    OTHER_TEMPLATE = Documented(
        "other templates are not mentioned: what EKS makes of {{AccessKeyID}} is unknown, so it is not used. "
        "{{AccountID}} is known when the entry is made, and written as its digits",
        "",
    )
    USERNAME = Documented("without a username EKS sets one: the ARN of the user, or of the role session", _CREATING)
    GROUP_PREFIX = Documented(
        "the name of a group cannot begin with system:",
        "https://github.com/terraform-aws-modules/terraform-aws-eks/issues/2915",
    )
    GROUP_RESERVED = Documented(
        "EKS binds groups and users of its own; whether a group may begin as a reserved username is not mentioned, so "
        "it is not used: its members could gain permissions",
        "",
    )
    GROUP_TEMPLATE = Documented("templates in the names of groups are not mentioned, so they are not used", "")
    CONTROL = Documented("which characters a name may have is not mentioned; control characters are not used", "")
    AUTHENTICATED = Documented(
        "Kubernetes adds system:authenticated to every user itself",
        "https://kubernetes.io/docs/reference/access-authn-authz/authentication/",
    )
    MASTERS = Documented(
        "the access policy AmazonEKSClusterAdminPolicy grants every verb on every resource, as cluster-admin does",
        f"{_GUIDE}/access-policy-permissions.html",
    )
    POLICY = Documented(
        "an entry has all permissions of its policies and groups, and each policy only once, in the whole cluster or "
        "in namespaces, which may contain *",
        _POLICIES,
    )
    NODES = Documented(
        "the entry of a node role has a type of its own, such as EC2_LINUX, is in the account of the cluster, and has "
        "no policies; EKS sets its username and groups, and creates the entry of a managed node group itself",
        _CREATING,
    )
    OURS = Documented("not a rule of EKS: what the authenticator itself does cannot be written as an entry", "")


RESERVED_PREFIXES = ("system:", "eks:", "aws:", "amazon:", "iam:")
PARTITIONS = ("aws", "aws-cn", "aws-us-gov")
SSO_PATH = "aws-reserved/sso.amazonaws.com"
SERVICE_ROLE_PREFIX = "awsservicerolefor"
"""https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html"""
