"""What a document is that no format reads, in a few words for an error."""

from __future__ import annotations

from tarmak_iam.identity.formats.source import Part, shown

__all__ = ["described"]

_MOST_KEYS = 3


def described(part: Part) -> str:
    """With its article, as in `a Deployment` or `an eksctl ClusterConfig without ...`."""
    kind = part.text("kind")
    if kind == "ClusterConfig" and part.text("apiVersion").startswith("eksctl.io/"):
        return "an eksctl ClusterConfig without iamIdentityMappings or accessConfig.accessEntries"
    if kind == "Cluster" and part.text("apiVersion").startswith("kops"):
        return "a kops Cluster without spec.authentication.aws"
    if kind:
        name, version = part.text("metadata", "name"), part.text("apiVersion")
        more = f" ({shown(name)})" if name else f" of {shown(version)}" if version else ""
        return f"{_article(kind)} {shown(kind)}{more}"
    return _of_values(part)


def _of_values(part: Part) -> str:
    """A document that is no Kubernetes object."""
    if isinstance(part.value, dict):
        names = [shown(name) for name in part.value]
        more = " and others" if len(names) > _MOST_KEYS else ""
        return f"a mapping with the keys {', '.join(names[:_MOST_KEYS])}{more}" if names else "an empty mapping"
    if isinstance(part.value, list):
        return "a list without ARNs or accounts" if part.value else "an empty list"
    return "a single text" if isinstance(part.value, str) else "a single value"


def _article(noun: str) -> str:
    return "an" if noun[0].lower() in "aeiou" else "a"
