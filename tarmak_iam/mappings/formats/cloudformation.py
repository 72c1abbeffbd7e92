"""Access entries as a CloudFormation template.

The properties are those of AWS::EKS::AccessEntry:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-eks-accessentry.html.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from tarmak_iam.errors import ConfigError
from tarmak_iam.mappings.access_entries import AccessEntry
from tarmak_iam.mappings.formats.access_entries import as_data, policy_data
from tarmak_iam.mappings.formats.custom_resource import object_name

_MOST = 500
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
_PARAMETER = "ClusterName"


def write(entries: Iterable[AccessEntry], cluster_name: str) -> dict[str, Any]:
    """With the name of the cluster as parameter; its default is `cluster_name`, if there is one. Raises ConfigError for
    more entries than a template can have."""
    resources = {_logical_id(entry.principal): _resource(entry) for entry in entries}
    if len(resources) > _MOST:
        what = f"a CloudFormation template has at most {_MOST} resources, and these are {len(resources)}"
        raise ConfigError(what, remedy="choose another format with -o")
    default = {"Default": cluster_name} if cluster_name else {}
    parameter = {"Type": "String", "Description": "Name of the EKS cluster", **default}
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {_PARAMETER: parameter},
        "Resources": resources,
    }


def _resource(entry: AccessEntry) -> dict[str, Any]:
    policies = [_capitalized(policy_data(policy)) for policy in entry.policies]
    properties = {"ClusterName": {"Ref": _PARAMETER}, **_capitalized(as_data(entry))}
    return {
        "Type": "AWS::EKS::AccessEntry",
        "Properties": {**properties, **({"AccessPolicies": policies} if policies else {})},
    }


def _capitalized(data: dict[str, Any]) -> dict[str, Any]:
    """Keys as CloudFormation spells those of the API."""
    return {
        key[0].upper() + key[1:]: _capitalized(value) if isinstance(value, dict) else value
        for key, value in data.items()
    }


def _logical_id(principal: str) -> str:
    """Letters and digits, the same for a principal in every template: a resource with another name is another one."""
    digest = hashlib.sha256(principal.encode()).hexdigest()[:8]
    return "".join(part.capitalize() for part in object_name(principal).split("-")) + digest.upper()
