"""What a token of STS says about its principal, and what Kubernetes makes of it: one row a rule, with its source.

The action is GetWebIdentityToken. Nothing here is guessed: what a row does not have is a loss.
"""

from __future__ import annotations

from tarmak_iam.mappings.eks_rules import Documented, DocumentedRule

_CLAIMS = "https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html"
_ACTION = "https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html"
_KUBERNETES = "https://kubernetes.io/docs/reference/access-authn-authz/authentication/"


class OidcRule(DocumentedRule):
    """The rule that a mapping to claims of a token follows."""

    ISSUER = Documented(
        "each AWS account has an issuer of its own, whose tokens are for the account's principals", _ACTION
    )
    SUBJECT = Documented(
        "the claim sub is the ARN of the role or user, with its path; for the root user and federated users it is not "
        "mentioned, so they are not used",
        _CLAIMS,
    )
    SERVICE = Documented(
        "only an AWS service can assume its service-linked roles",
        "https://docs.aws.amazon.com/IAM/latest/UserGuide/using-service-linked-roles.html",
    )
    ORIGIN = Documented("with SubjectMode=OriginIdentity sub is another subject, which never begins with arn:", _ACTION)
    SESSION = Documented(
        "no claim has the name of the role session, the access key, the unique ID or the private DNS name", _CLAIMS
    )
    USERNAME = Documented(
        "a token whose username is empty is rejected",
        "https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apiserver/plugin/pkg/authenticator/"
        "token/oidc/oidc.go",
    )
    GROUP = Documented("an empty string in the list of groups is no group", _KUBERNETES)
    ONE_CLAIM = Documented(
        "the flags --oidc-* take username and groups from one top-level claim each, for every token of one issuer; "
        "the tags of a principal are below the claim https://sts.amazonaws.com/",
        _KUBERNETES,
    )
    OURS = Documented("what the authenticator itself does cannot be written as a rule", "")
