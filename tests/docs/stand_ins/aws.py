"""A stand-in of the AWS CLI: who the caller is, tokens, a role that is only printed, the roles in $CLOUD/roles, and the
access entries of EKS."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import botocore.exceptions
import botocore.session

from tests.docs.stand_ins.cloud import ISSUER, Cloud

_ACCOUNT = "111122223333"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("words", nargs="*")
    for name in ("profile", "query", "output", "role-arn", "cluster-name", "cluster-id", "role-name", "path"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--assume-role-policy-document")
    for name in ("region", "cli-input-json", "principal-arn", "name"):
        parser.add_argument(f"--{name}")
    given = parser.parse_args(arguments)
    if given.profile:
        os.environ["AWS_PROFILE"] = given.profile
    match given.words:
        case ["sts", "get-caller-identity"]:
            try:
                found = botocore.session.get_session().create_client("sts").get_caller_identity()
            except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
                sys.stderr.write(f"\n{error}\n")
                return 254
            return _show({name: found[name] for name in ("UserId", "Account", "Arn")}, given)
        case ["eks", operation]:
            return _eks(operation, given)
        case ["iam", "list-roles"]:
            print("\t".join((Cloud.here().root / "roles").read_text().split()))
            return 0
        case ["iam", "enable-outbound-web-identity-federation" | "get-outbound-web-identity-federation-info"]:
            return _show({"IssuerIdentifier": ISSUER, "JwtVendingEnabled": True}, given)
        case ["iam", "create-role"]:
            text = Path(given.assume_role_policy_document.removeprefix("file://")).read_text()
            path = given.path or "/"
            role_arn = f"arn:aws:iam::{_ACCOUNT}:role{path}{given.role_name}"
            made = {"Path": path, "RoleName": given.role_name, "RoleId": "AROAEXAMPLEID12345678", "Arn": role_arn}
            created = {"CreateDate": "2026-03-02T09:30:00+00:00", "AssumeRolePolicyDocument": json.loads(text)}
            return _show({"Role": {**made, **created}}, given)
    sys.stderr.write(f"aws: the stand-in does not know {' '.join(given.words)}\n")
    return 252


def _eks(operation: str, given: argparse.Namespace) -> int:
    if operation == "get-token":
        role = ["--role", given.role_arn] if given.role_arn else []
        name = given.cluster_name or given.cluster_id
        return subprocess.call(["tarmak-iam", "token", "--cluster-id", name, *role])
    if operation == "update-kubeconfig":
        print(f"Added new context arn:aws:eks:eu-west-1:{_ACCOUNT}:cluster/{given.name} to /home/you/.kube/config")
        return 0
    return _show(_of_entries(operation, given), given)


def _of_entries(operation: str, given: argparse.Namespace) -> Any:
    """Entries and associations are kept as they are given, with what EKS adds to an entry."""
    file = Cloud.here().root / f"eks-{given.cluster_name}.json"
    entries: dict[str, dict[str, Any]] = json.loads(file.read_text()) if file.exists() else {}
    made = json.loads(given.cli_input_json or "{}")
    arn = given.principal_arn or made.get("principalArn", "")
    match operation:
        case "create-access-entry":
            entry = {"clusterName": given.cluster_name, "kubernetesGroups": [], "tags": {}, **made}
            entries[arn] = {"entry": entry, "policies": []}
        case "associate-access-policy":
            entries[arn]["policies"].append({key: made[key] for key in ("policyArn", "accessScope")})
        case "list-access-entries":
            return {"accessEntries": list(entries)}
        case "list-associated-access-policies":
            policies = entries[arn]["policies"]
            return {"clusterName": given.cluster_name, "principalArn": arn, "associatedAccessPolicies": policies}
    file.write_text(json.dumps(entries))
    return {"accessEntry": entries[arn]["entry"]}


def _show(found: Any, given: argparse.Namespace) -> int:
    for step in filter(None, (given.query or "").removesuffix("[]").split(".")):
        found = found[step]
    if given.output == "text" and isinstance(found, list):
        found = "\t".join(found)
    print(found if given.output == "text" and isinstance(found, str) else json.dumps(found, indent=4))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
