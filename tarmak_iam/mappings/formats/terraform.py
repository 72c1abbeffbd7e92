"""Access entries as Terraform resources, in HCL.

The arguments are those of the AWS provider: website/docs/r/eks_access_entry.html.markdown and
eks_access_policy_association.html.markdown in hashicorp/terraform-provider-aws. The username is `user_name`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from tarmak_iam.mappings.access_entries import STANDARD, AccessEntry
from tarmak_iam.mappings.formats.custom_resource import object_name
from tarmak_iam.text import without_markers

# `$${` would also do for `${`, but not every parser reads it as such after another `$`.
_ESCAPED = re.compile(r'[$%](?=\{)|["\\]|[^\x20-\x7e]')
_VARIABLE = "eks_cluster_name"


def hcl_string(text: str) -> str:
    """A quoted template that HCL reads as the text, whatever it contains:
    https://github.com/hashicorp/hcl/blob/main/hclsyntax/spec.md#template-expressions."""

    def escaped(match: re.Match[str]) -> str:
        number = ord(match[0])
        return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"

    return '"' + without_markers(_ESCAPED.sub(escaped, text), "\\u0023") + '"'


def write(entries: Iterable[AccessEntry], cluster_name: str, header: Iterable[str]) -> str:
    """For the cluster that the variable names; its default is `cluster_name`, if there is one."""
    default = {"default": hcl_string(cluster_name)} if cluster_name else {}
    variable = [f'variable "{_VARIABLE}" {{', *_aligned({"type": "string", **default}), "}"]
    blocks = ["\n".join(f"# {line}" for line in header), "\n".join(variable)]
    return "\n\n".join([*blocks, *("\n".join(block) for entry in entries for block in _blocks(entry))]) + "\n"


def _blocks(entry: AccessEntry) -> Iterator[list[str]]:
    name = object_name(entry.principal).replace("-", "_")
    arguments = {
        "cluster_name": f"var.{_VARIABLE}",
        "principal_arn": hcl_string(entry.principal),
        "type": hcl_string(entry.type),
    }
    if entry.type == STANDARD:
        arguments["user_name"] = hcl_string(entry.username)
    if entry.groups:
        arguments["kubernetes_groups"] = _list(entry.groups)
    yield [f'resource "aws_eks_access_entry" "{name}" {{', *_aligned(arguments), "}"]
    for policy in entry.policies:
        arguments = {
            "cluster_name": f"aws_eks_access_entry.{name}.cluster_name",
            "principal_arn": f"aws_eks_access_entry.{name}.principal_arn",
            "policy_arn": hcl_string(policy.policy),
        }
        scope = {"type": hcl_string("namespace" if policy.namespaces else "cluster")}
        if policy.namespaces:
            scope["namespaces"] = _list(policy.namespaces)
        head = f'resource "aws_eks_access_policy_association" "{name}_{policy.name}" {{'
        nested = (f"  {line}" for line in _aligned(scope))
        yield [head, *_aligned(arguments), "", "  access_scope {", *nested, "  }", "}"]


def _aligned(arguments: Mapping[str, str]) -> list[str]:
    """As `terraform fmt` writes them."""
    width = max(map(len, arguments))
    return [f"  {name.ljust(width)} = {value}" for name, value in arguments.items()]


def _list(texts: Iterable[str]) -> str:
    return f"[{', '.join(map(hcl_string, texts))}]"
