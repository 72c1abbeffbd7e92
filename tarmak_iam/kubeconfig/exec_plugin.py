"""How kubectl gets a token: the `exec` of a kubeconfig's user, generated, and parsed in all its spellings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

from tarmak_iam.aws.arn import is_session_name, parse_arn
from tarmak_iam.aws.regions import is_region, sts_host
from tarmak_iam.config.kubernetes_versions import parse_version
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.sts_verification import Verifier, host_refusal
from tarmak_iam.installation.installation import Installation
from tarmak_iam.installation.settings import Settings
from tarmak_iam.text import quoted

AWS_SESSION_NAME = "EKSGetTokenAuth"
"""The session name of every role that `aws eks get-token` assumes for its option --role-arn: a constant in
awscli/customizations/eks/get_token.py (AWS CLI 1.45). Without the option, the session is that of the profile."""

API_GROUP = "client.authentication.k8s.io"

# A region of the partition aws that all releases of the authenticator know.
_FALLBACK_REGION = "us-east-1"

# No hint names a package that the project itself does not publish: an attacker could publish one under that name.
# aws-iam-authenticator answers in v1alpha1 up to v0.5.3, in v1beta1 in v0.5.4 and later, and in the requested version
# in v0.5.6 and later.
_HINTS = {
    "aws-iam-authenticator": "install aws-iam-authenticator v0.5.4 or later: "
    "https://github.com/kubernetes-sigs/aws-iam-authenticator/releases",
    "tarmak-iam": "tarmak-iam must be on your PATH; ask the person who gave you this kubeconfig",
    "aws": "install the AWS CLI: https://aws.amazon.com/cli/",
}
_FORMER_HINTS = (
    "install tarmak-iam with its extra for tokens: pip install 'tarmak-iam[aws]'",
    "tarmak-iam is needed on your PATH; ask whoever gave you this kubeconfig",
)

DEFAULT_HINTS = frozenset({*_HINTS.values(), *_FORMER_HINTS})
"""All default installHints, of earlier versions too. They were not written by a user, so they are replaced."""


def exec_plugin(installation: Installation, session_name: str | None = None) -> dict[str, Any]:
    """The `exec` of the user, whose role session is named `session_name`. Raises ConfigError for what cannot work."""
    if session_name is not None:
        _check_session_name(session_name, installation.settings)
    if installation.region:
        installation.safe_region()  # used for --region and for the host name of STS
    for _, problem in exec_problems(installation):
        raise problem
    settings, kubectl = installation.settings, _kubectl(installation)
    env = {"AWS_PROFILE": settings.profile}
    if settings.exec == "aws-iam-authenticator" and installation.partition != "aws":
        # Its option --region exists in v0.5.0 and later. In the partition aws, the STS of any region works, as does the
        # global one that it uses up to v0.6; in other partitions it would use that of us-east-1.
        env["AWS_REGION"] = _region(installation)
    plugin: dict[str, Any] = {
        # kubectl 1.11 and later know v1beta1. v1, in 1.22 and later, has no advantage here, and the authenticator
        # before v0.5.6 and older AWS CLIs do not answer in it.
        "apiVersion": f"{API_GROUP}/{'v1alpha1' if kubectl is not None and kubectl < (1, 11) else 'v1beta1'}",
        "command": settings.exec,
        "args": _args(installation, session_name),
    }
    variables = [{"name": name, "value": value} for name, value in env.items() if value]
    if variables:
        plugin["env"] = variables
    # Also where no kubectl version is set: an older kubectl ignores fields that it does not know. The releases are from
    # client-go's types and API packages at each release's tag.
    if kubectl is None or kubectl >= (1, 19):
        plugin["installHint"] = settings.installHint or _HINTS[settings.exec]
    if kubectl is None or kubectl >= (1, 22):
        # A profile may require an MFA code; a script has no terminal to enter one.
        plugin["interactiveMode"] = "IfAvailable"
    return plugin


def exec_problems(installation: Installation) -> Iterator[tuple[str, ConfigError]]:
    """Why a kubeconfig of these settings could not work: the setting that causes it, and the error."""
    kubectl, role = _kubectl(installation), installation.settings.role
    if kubectl is not None and kubectl < (1, 10):
        what = f"kubectl {installation.settings.kubectlVersion} cannot run a command to get a token"
        yield "kubectlVersion", ConfigError(what, remedy="use kubectl 1.10 or later")
    if role is not None and installation.region and parse_arn(role).partition != installation.partition:
        what = f"{role} is in partition {parse_arn(role).partition}, but the cluster is in partition "
        what += f"{installation.partition}: its tokens are for another STS"
        yield "role", ConfigError(what, remedy="use a role in the cluster's partition")
    region = _region(installation)
    verifier = Verifier(installation.daemon_version, installation.partition, installation.region)
    refusal = host_refusal(sts_host(region), verifier) if region and is_region(installation.region) else None
    if refusal is not None:
        what = f"authenticator {installation.daemon_version} rejects every token: {refusal}"
        yield "image", ConfigError(what, remedy="use another release of the authenticator")


def shared_session_flaw(installation: Installation) -> str:
    """Why everybody who uses a kubeconfig of these settings becomes the same user, although the mapping of the role
    contains the session name; "" if they do not."""
    settings = installation.settings
    if settings.exec != "aws" or settings.role is None or installation.is_hub:
        return ""
    answer = installation.loaded.whois(identity_of(settings.role, AWS_SESSION_NAME))
    answers = (answer, *answer.alternatives)
    names = [name for possible in answers for name in (possible.username or "", *(possible.groups or ()))]
    shared = next((name for name in names if AWS_SESSION_NAME in name), "")
    return shared and (
        f"everybody who uses the kubeconfig gets the name {quoted(shared)} from the mapping of {settings.role}: "
        f"`aws eks get-token --role-arn` names every session {AWS_SESSION_NAME}"
    )


def _kubectl(installation: Installation) -> tuple[int, int] | None:
    version = parse_version(installation.settings.kubectlVersion or "")
    return version.minor if version else None


def _check_session_name(name: str, settings: Settings) -> None:
    if settings.exec == "aws":
        what = f"`aws eks get-token` has no option for the session name: it always uses {AWS_SESSION_NAME}"
        raise ConfigError(what, remedy="use aws-iam-authenticator or tarmak-iam for --exec")
    if settings.role is None:
        what = "a session name requires a role that the command assumes"
        remedy = "specify --role ARN; for the role of an AWS profile, set role_session_name in that profile"
        raise ConfigError(what, remedy=remedy)
    if not is_session_name(name):
        what = f"{name!r} is not a valid role session name"
        raise ConfigError(what, remedy="use 2 to 64 letters, digits and _+=,.@-")


def _args(installation: Installation, session_name: str | None) -> list[str]:
    settings, cluster_id = installation.settings, installation.cluster_id
    region = _region(installation)
    if settings.exec == "aws":
        args = ["eks", "get-token", "--cluster-name", cluster_id]
        args += ["--role-arn", settings.role] if settings.role else []
        args += ["--region", region] if region else []
        return [*args, "--output", "json"]  # overrides the output format of the AWS configuration
    args = ["token", "-i", cluster_id]
    args += ["-r", settings.role] if settings.role else []
    # In aws-iam-authenticator v0.5.0 and later (cmd/aws-iam-authenticator/token.go); the hint requires a later one.
    args += ["-s", session_name] if session_name else []
    return [*args, "--region", region] if settings.exec == "tarmak-iam" and region else args


def _region(installation: Installation) -> str:
    """The region of the STS that tokens are signed for: that of the cluster; in the partition aws only if the
    release of the authenticator knows it in every region. Empty where tarmak.yaml contains no region."""
    region = installation.region
    if installation.partition != "aws" or not region:
        return region
    is_known = host_refusal(sts_host(region), Verifier(installation.daemon_version)) is None
    return region if is_known else _FALLBACK_REGION


MISNAMED = ("aws-iam-authenticator-aws", "heptio-authenticator-aws")
"""The authenticator's name in Tarmak's documentation, a command that never existed; and its name up to v0.3."""

_FAMILIES = {
    "aws-iam-authenticator": "authenticator",
    **dict.fromkeys(MISNAMED, "authenticator"),
    "tarmak-iam": "tarmak-iam",
    "aws": "aws",
}
_SUBCOMMANDS = {"authenticator": ("token",), "tarmak-iam": ("token",), "aws": ("eks", "get-token")}
_TOKEN_OPTIONS = {
    **dict.fromkeys(("-i", "--cluster-id"), "cluster"),
    **dict.fromkeys(("-r", "--role"), "role"),
    **dict.fromkeys(("-s", "--session-name"), "session"),
}
_OPTIONS = {
    "authenticator": _TOKEN_OPTIONS,
    "tarmak-iam": _TOKEN_OPTIONS,
    "aws": {"--cluster-name": "cluster", "--role-arn": "role", "--output": "output"},
}
_SHARED = {"--region": "region", "--profile": "profile"}
WORDS = frozenset().union(*_SUBCOMMANDS.values(), *_OPTIONS.values(), _SHARED)
"""The known subcommands and options, which contain no private data."""
# The environment variables that aws-iam-authenticator and tarmak-iam accept in place of options.
_VARIABLES = {"cluster": "KUBERNETES_AWS_AUTHENTICATOR_CLUSTER_ID", "role": "DEFAULT_ROLE"}


class ExecArguments(NamedTuple):
    """`rest` contains all other arguments, such as `--cache`."""

    family: str
    options: Mapping[str, str]
    rest: tuple[str, ...]

    @classmethod
    def of(cls, plugin: Mapping[Any, Any]) -> ExecArguments | None:
        """None for any other command than the three, and where its arguments are not strings."""
        command, args = plugin.get("command"), plugin.get("args") or []
        kind = _FAMILIES.get(PurePath(command).name) if isinstance(command, str) else None
        if kind is None or not isinstance(args, list) or not all(isinstance(arg, str) for arg in args):
            return None
        options, words = _parsed(args, {**_OPTIONS[kind], **_SHARED})
        subcommand = _SUBCOMMANDS[kind]
        if tuple(words[: len(subcommand)]) != subcommand:
            return None
        if kind != "aws":
            env = plugin.get("env")
            variables = [item for item in env if isinstance(item, dict)] if isinstance(env, list) else []
            values = {str(item.get("name")): str(item.get("value")) for item in variables}
            options = {option: values[name] for option, name in _VARIABLES.items() if name in values} | options
        return cls(kind, {name: value for name, value in options.items() if value}, tuple(words[len(subcommand) :]))

    def includes(self, other: ExecArguments) -> bool:
        """Whether it is the same command, with all options of the other at the same values."""
        return self.family == other.family and all(self.options.get(key) == val for key, val in other.options.items())


def _parsed(args: Sequence[str], known: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The known options with their values, and all other words in their order."""
    options: dict[str, str] = {}
    words: list[str] = []
    remaining = iter(args)
    for word in remaining:
        flag, sign, value = word.partition("=")
        if word in known:
            options[known[word]] = next(remaining, "")
        elif sign and flag in known:
            options[known[flag]] = value
        elif word[:2] in known and not word.startswith("--"):
            options[known[word[:2]]] = word[2:]
        else:
            words.append(word)
    return options, words
