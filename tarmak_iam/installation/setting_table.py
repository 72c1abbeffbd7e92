"""What each setting is for, as the schema, the documentation and every help say it; without pydantic, for `--help`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Exec = Literal["aws-iam-authenticator", "tarmak-iam", "aws"]

Rollback = Literal["never", "failure", "unverified"]
"""When `run` restores what was there before without being asked."""

AddonManagerMode = Literal["EnsureExists", "Reconcile"]
"""Kubernetes' own two modes: made if it is missing, or put right whenever it differs."""

MAX_INSTALL_HINT = 200
"""Characters of the setting installHint."""


@dataclass(frozen=True, slots=True)
class Setting:
    """`description` is for the schema and the documentation, `short` for `settings set --help`, line by line, and
    `option` for the help of the option that overrides it. `limits` are what the schema has beside the type."""

    description: str
    short: str
    option: str = ""
    limits: Mapping[str, Any] = field(default_factory=dict)
    formerly: tuple[str, ...] = ()
    """Its older names, which a file may still have."""


REGISTRY = "registry"


SETTINGS: Mapping[str, Setting] = {
    "image": Setting(
        "Image of the authenticator. A digest (`...@sha256:...`) is allowed; daemonVersion is then needed too. "
        "Default: the image of daemonVersion in `registry`.",
        short="the authenticator's, as in registry/name:tag[@sha256:...]",
        option="Image of the authenticator; a digest is allowed.",
    ),
    REGISTRY: Setting(
        "Where the image comes from, if `image` is not set: `public` (public.ecr.aws, without a login), `ecr` (the "
        "private repository that upstream names) or HOST[:PORT][/PATH] of a mirror, with the paths of public.ecr.aws.",
        short="where it comes from without image: public, ecr, or\na mirror's HOST[:PORT][/PATH]",
        option="Where the image comes from; a mirror is HOST[:PORT][/PATH].",
    ),
    "daemonVersion": Setting(
        "Version of the authenticator, as in `v0.7.18`. Default: the image's tag.",
        short="its release, as in v0.7.18, where the tag does not tell",
        option="Version of the authenticator, as in v0.7.18.",
    ),
    "backends": Setting(
        "Where the authenticator takes mappings from, in this order. The mappings file is written to each of them.",
        short="what it reads, with commas between:\nMountedFile, EKSConfigMap, CRD",
        option="What the authenticator takes mappings from, in the order given, with commas between: MountedFile, "
        "EKSConfigMap, CRD.",
        limits={"uniqueItems": True},
    ),
    "featureGates": Setting(
        "Feature gates of the authenticator.",
        short="NAME=true or NAME=false, with commas between",
        limits={"propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9]*$"}},
    ),
    "kubernetesVersion": Setting(
        "Version of Kubernetes that the manifests are for. Default: `kubernetes.version` of tarmak.yaml.",
        short="of the manifests, where it is not that of tarmak.yaml",
        option="Kubernetes version that the objects are for.",
    ),
    "kubectlVersion": Setting(
        "Version of the kubectl that reads the kubeconfig. Default: credentials that kubectl 1.11 and later take.",
        short="of the kubectl that reads the kubeconfig",
        option="kubectl that reads the kubeconfig. Default: any from 1.11 on.",
    ),
    "exec": Setting(
        "What the kubeconfig gets its tokens from: aws-iam-authenticator, tarmak-iam, or aws (the AWS CLI).",
        short="what makes the tokens: aws-iam-authenticator,\ntarmak-iam, aws",
        option="Command that the kubeconfig gets its tokens from; aws is the AWS CLI.",
    ),
    "installHint": Setting(
        "What kubectl shows where the command of `exec` is missing: one line, such as where your people get it. "
        "Default: the download page of aws-iam-authenticator or of the AWS CLI; for tarmak-iam, to ask whoever gave "
        "out the kubeconfig.",
        short="what kubectl shows where that command is missing",
        limits={"pattern": r"\S", "maxLength": MAX_INSTALL_HINT},
    ),
    "addonManagerMode": Setting(
        "Label `addonmanager.kubernetes.io/mode` of the objects, for a directory that an addon manager applies.",
        short="a label of the objects: EnsureExists, Reconcile",
    ),
    "rollback": Setting(
        "When `run` restores what the cluster had before: `failure`, if apply or the login fails; `unverified`, also "
        "if nobody whom a mapping names has logged in; `never`, only if somebody on the terminal says so.",
        short="when `run` restores what was there before: never,\nfailure, unverified",
    ),
    "role": Setting(
        "ARN of a role that the kubeconfig's user assumes for its token; here, unlike in a mapping, with its path.",
        short="ARN of the role that the kubeconfig assumes",
        option="Role to assume for the token; '' for none, where the settings have one.",
    ),
    "profile": Setting(
        "AWS profile that the kubeconfig's user takes its credentials from.",
        short="AWS profile that the kubeconfig uses",
        option="AWS profile that the credentials come from.",
    ),
}
