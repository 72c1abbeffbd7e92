"""All settings: their descriptions, types, defaults and choices. Imports nothing that `--help` does not need."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, get_args

Exec = Literal["aws-iam-authenticator", "tarmak-iam", "aws"]
Rollback = Literal["never", "failure", "unverified"]
"""When `run` restores the previous state of the cluster without asking."""

AddonManagerMode = Literal["EnsureExists", "Reconcile"]
"""The two modes of Kubernetes: objects are created if they are missing, or updated whenever they differ."""

MAX_INSTALL_HINT = 200
"""Maximum number of characters in the setting installHint."""


class Setting(NamedTuple):
    """`description` is for the schema and the documentation, `short` (its lines) for `settings set --help`, and
    `option` for the help of the option that overrides the setting. `limits` are other keywords of the schema than
    the type.

    The type is that of `default`: a string, a list or a YAML mapping. A default of None is a string whose value comes
    from elsewhere if it is not set. `choices` are the possible values, or those of the items of a list.
    """

    description: str
    short: str
    option: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    limits: Mapping[str, Any] = MappingProxyType({})
    formerly: tuple[str, ...] = ()
    """Its earlier names, which a file may still contain."""


REGISTRY = "registry"
BACKENDS = ("MountedFile", "EKSConfigMap", "CRD")
"""Those for which a mappings file can be written."""

SETTINGS: Mapping[str, Setting] = {
    "image": Setting(
        "Image of the authenticator. A digest (`...@sha256:...`) is allowed and then requires daemonVersion. "
        "Default: the image of daemonVersion in `registry`.",
        short="image of the authenticator: registry/name:tag[@sha256:...]",
        option="Image of the authenticator. A digest is allowed.",
    ),
    REGISTRY: Setting(
        "Registry of the image if `image` is not set: `public` (public.ecr.aws, which requires no login), `ecr` (the "
        "private repository in upstream's example), or HOST[:PORT][/PATH] of a mirror that has the paths of "
        "public.ecr.aws.",
        short="registry if image is not set: public, ecr, or\nHOST[:PORT][/PATH] of a mirror",
        option="Registry of the image: public, ecr, or HOST[:PORT][/PATH] of a mirror.",
        default="public",
    ),
    "daemonVersion": Setting(
        "Release of the authenticator, as in `v0.7.18`. Default: the tag of the image.",
        short="release of the authenticator, as in v0.7.18; required if\nthe tag of the image is not a release",
        option="Release of the authenticator, as in v0.7.18.",
    ),
    "backends": Setting(
        "Backends that the authenticator reads mappings from, in this order. The mappings file is written to all of "
        "them.",
        short=f"backends of the authenticator, separated by commas:\n{', '.join(BACKENDS)}",
        option="Backends that the authenticator reads mappings from, in this order, separated by commas: "
        f"{', '.join(BACKENDS)}.",
        default=["MountedFile"],
        choices=BACKENDS,
        limits={"uniqueItems": True},
    ),
    "featureGates": Setting(
        "Feature gates of the authenticator.",
        short="NAME=true or NAME=false, separated by commas",
        default={},
        limits={"propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9]*$"}},
    ),
    "kubernetesVersion": Setting(
        "Kubernetes version of the manifests. Default: `kubernetes.version` in tarmak.yaml.",
        short="Kubernetes version of the manifests, if not that of\ntarmak.yaml",
        option="Kubernetes version of the manifests.",
    ),
    "kubectlVersion": Setting(
        "Version of the kubectl that uses the kubeconfig. Default: a kubeconfig for kubectl 1.11 and later.",
        short="version of the kubectl that uses the kubeconfig",
        option="Version of the kubectl that uses the kubeconfig. Default: 1.11 and later.",
    ),
    "exec": Setting(
        "Command in the kubeconfig that gets the tokens: aws-iam-authenticator, tarmak-iam, or aws (the AWS CLI).",
        short="command that gets the tokens: aws-iam-authenticator,\ntarmak-iam, aws",
        option="Command in the kubeconfig that gets the tokens; aws is the AWS CLI.",
        default="aws-iam-authenticator",
        choices=get_args(Exec),
    ),
    "installHint": Setting(
        "Hint that kubectl prints if the command of `exec` is not installed: one line, such as where to get it. "
        "Default: the download page of aws-iam-authenticator or of the AWS CLI; for tarmak-iam, to ask the person who "
        "provided the kubeconfig.",
        short="hint that kubectl prints if that command is not installed",
        limits={"pattern": r"\S", "maxLength": MAX_INSTALL_HINT},
    ),
    "addonManagerMode": Setting(
        "Label `addonmanager.kubernetes.io/mode` of the objects, for a directory that an addon manager applies.",
        short="label of the objects for an addon manager:\nEnsureExists, Reconcile",
        choices=get_args(AddonManagerMode),
    ),
    "rollback": Setting(
        "When `run` restores the previous objects of the cluster: `failure`, if apply or the login fails; "
        "`unverified`, also if no mapped principal has logged in; `never`, only if you confirm it on the terminal.",
        short="when `run` restores the previous objects: never,\nfailure, unverified",
        default="never",
        choices=get_args(Rollback),
    ),
    "role": Setting(
        "ARN of the role that the command in the kubeconfig assumes. Unlike in a mapping, it includes the role's path.",
        short="ARN of the role that the command assumes",
        option="ARN of the role that the command assumes; '' for no role, if one is set.",
    ),
    "profile": Setting(
        "AWS profile with the credentials for the command in the kubeconfig.",
        short="AWS profile with the credentials for the command",
        option="AWS profile with the credentials.",
    ),
}
