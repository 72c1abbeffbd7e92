"""JSON Schemas (draft-07) of a cluster's mappings and settings, for editors.

What they flag, `check` has a finding or an error about; what is only doubtful in some release, or can be written in
another way than people do, they leave to it. Keys of the mappings are read in any case, and offered as documented.
"""

from __future__ import annotations

from typing import Any

from tarmak_iam.config.schema import model_schema
from tarmak_iam.identity.backend_support import BACKEND_SPELLINGS
from tarmak_iam.identity.releases import server_keys
from tarmak_iam.installation.setting_table import SETTINGS
from tarmak_iam.installation.settings import SETTINGS_NAME, Settings
from tarmak_iam.mappings.groups import ADMINS, NODES
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME

Schema = dict[str, Any]

_GROUPS = [ADMINS, NODES, "system:bootstrappers"]
# One value stands for a list of it, and an empty text or mapping for an empty list.
_LIST: Schema = {"type": ["array", "object", "string", "null"], "maxLength": 0}
_TEXTS: Schema = {"type": ["array", "string", "object", "null"], "maxProperties": 0}

_USERNAME: Schema = {
    "description": "Who the caller is for Kubernetes; {{SessionName}}, {{AccountID}} and the like are replaced.",
    "type": ["string", "number"],
    "minLength": 1,
    "pattern": r"^\S(.*\S)?$",
}
_GROUPS_OF: Schema = {
    "description": "The caller's groups, as RBAC binds them.",
    **_TEXTS,
    "maxLength": 0,
    "items": {"type": ["string", "number"], "minLength": 1, "pattern": r"^\S(.*\S)?$", "examples": _GROUPS},
}
_USER_ID: Schema = {"description": "The principal's unique id, which only the backend DynamicFile looks at."}
_ACCOUNT: Schema = {"type": ["string", "integer"], "pattern": "^[0-9]{12}$", "examples": ["111122223333"]}


def mappings_schema() -> Schema:
    """Of `aws-iam-authenticator.yaml`, as any release of the authenticator reads it."""
    server = _keys({name: _SERVER.get(name, {}) for name in server_keys()})
    root = {
        "clusterID": {
            "description": "The cluster's id, <environment>-<name>, without which a token is for no cluster. "
            "tarmak-iam adds it where it is missing.",
            "type": ["string", "null"],
        },
        "server": {"description": "What the authenticator's server reads.", **server, "type": ["object", "null"]},
    }
    dotted = {f"server.{name}": _SERVER.get(name, {}) for name in server_keys()}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": MAPPINGS_NAME,
        "description": "Who may log in to a cluster with AWS IAM, and as whom.",
        **_keys(root, also={"defaultRole": {}, **dotted}),
        "type": ["object", "null"],
    }


def settings_schema() -> Schema:
    """Of `tarmak-iam.yaml`."""
    schema = model_schema(SETTINGS_NAME, Settings)
    schema["description"] = "What tarmak-iam makes of a cluster; a setting that is not there has its default."
    for key, setting in SETTINGS.items():
        schema["properties"][key] |= setting.limits
    return schema


def _keys(known: dict[str, Schema], also: dict[str, Schema] | None = None) -> Schema:
    """An object with these keys, in any case, and nothing else but what begins with `x-`; `also` are known, and not
    offered."""
    every = known | (also or {})
    return {
        "type": "object",
        "properties": known,
        "patternProperties": {**{_in_any_case(name): schema for name, schema in every.items()}, "^x-": {}},
        "additionalProperties": False,
    }


def _in_any_case(name: str) -> str:
    letters = (f"[{each.lower()}{each.upper()}]" if each.isalpha() else each for each in name)
    return f"^{''.join(letters)}$".replace(".", r"\.")


def _principal(kind: str) -> Schema:
    return {
        "description": f"ARN of the IAM {kind}" + (", without its path." if kind == "role" else ", with its path."),
        "type": ["string", "null"] if kind == "role" else "string",
        "pattern": "^arn:[^:]+:(iam|sts)::[0-9]{12}:.",
        "examples": [f"arn:aws:iam::111122223333:{kind}/Name"],
    }


_SSO: Schema = {
    "description": "A permission set of IAM Identity Center in place of roleARN; needs the gate SSORoleMatch.",
    **_keys(
        {
            "permissionSetName": {"description": "Its name, without prefix and suffix.", "type": "string"},
            "accountID": {"description": "Where the role is, twelve digits.", **_ACCOUNT},
        },
        also={"partition": {}},
    ),
    "type": ["object", "null"],
}
_NAMES: Schema = {"username": _USERNAME, "groups": _GROUPS_OF}
_SERVER: dict[str, Schema] = {
    "mapRoles": {
        "description": "The roles that may log in.",
        **_LIST,
        "items": _keys({"roleARN": _principal("role"), **_NAMES, "userID": _USER_ID, "sso": _SSO}),
    },
    "mapUsers": {
        "description": "The users that may log in.",
        **_LIST,
        "items": _keys({"userARN": _principal("user"), **_NAMES, "userID": _USER_ID}),
    },
    "mapAccounts": {
        "description": "Accounts of which everyone may log in, without groups. Twelve digits, in quotes.",
        "type": ["array", "string", "integer", "object", "null"],
        "maxProperties": 0,
        "items": _ACCOUNT,
    },
    "backendMode": {
        "description": "Where mappings are taken from; the manifests of tarmak-iam say it themselves.",
        **_TEXTS,
        "items": {"enum": list(BACKEND_SPELLINGS)},
    },
    "scrubbedAccounts": {"description": "Accounts that are left out of the log."},
    "reservedPrefixConfig": {
        "description": "What usernames of a backend must not begin with.",
        **_LIST,
        "items": _keys({"backendMode": {}, "usernamePrefixReserveList": {}}),
    },
    "address": {"description": "Where the server listens; Tarmak's API servers ask 127.0.0.1."},
    "port": {"description": "Where the server listens; Tarmak's API servers ask 21362."},
    "partition": {"description": "The AWS partition of the callers.", "examples": ["aws", "aws-cn", "aws-us-gov"]},
    "ec2DescribeInstancesRoleARN": {"description": "Role to look up private DNS names of instances with."},
}
