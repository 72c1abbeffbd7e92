"""The ConfigMap `aws-auth` in kube-system, which the backend EKSConfigMap reads: YAML in the strings of its data.

From the authenticator's pkg/mapper/configmap: mapRoles and mapUsers are read strictly (YAML to JSON, where a username
must be a string), mapAccounts by yaml.v2 as strings, so an unquoted account keeps its leading zeros."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from tarmak_iam.aws.go_case import equal_fold
from tarmak_iam.document.render import Layout, block_lines
from tarmak_iam.errors import ParseError
from tarmak_iam.identity.eks_configmap import AWS_AUTH_NAME, AWS_AUTH_NAMESPACE
from tarmak_iam.mappings.entries import SSO_PREFIX, NamedPrincipal
from tarmak_iam.mappings.formats.foreign_file import (
    FilePart,
    LeftOut,
    Read,
    admin_of,
    left_out_keys,
    read_mapping,
    shown,
)
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.merging import Wanted, by_list, new_entry

_LISTS = ("mapUsers", "mapRoles", "mapAccounts")  # the later list is used: roles are searched before users


def reads(part: FilePart) -> bool:
    """The ConfigMap, its `data` alone, or a list as `eksctl get iamidentitymapping` prints it."""
    if isinstance(part.value, list):
        return any(item.get("rolearn") or item.get("userarn") for item in part.items)
    data = part.get("data") if part.text("kind") == "ConfigMap" else part
    if part.text("kind") == "ConfigMap" and part.text("metadata", "name") == AWS_AUTH_NAME:
        return True
    return data is not None and any(isinstance(member.value, str) for member in data.members if member.name in _LISTS)


def read(part: FilePart) -> Read:
    if isinstance(part.value, list):  # as `eksctl get iamidentitymapping -o yaml` prints it: roles, users and accounts
        for item in part.items:
            account = item.get("account")
            if account is not None and not item.text("rolearn") and not item.text("userarn"):
                yield from left_out_keys(item, "account", "username", "groups")
                yield _account(account)
            else:
                yield from _mapping(item, "userarn" if item.text("userarn") else "rolearn")
        return
    data = part.get("data") if part.text("kind") == "ConfigMap" else part
    if data is None:
        yield LeftOut("the ConfigMap has no data", part.place)
        return
    for member in data.members:
        if member.name not in _LISTS:
            near = next((name for name in _LISTS if equal_fold(name, member.name)), "")
            hint = f"; the key must be {near}" if near else ""
            yield LeftOut(f"the authenticator ignores the key {shown(member.name)}{hint}", member.key_place)
    for name in _LISTS:
        listed = next((member for member in data.members if member.name == name), None)
        if listed is not None and listed.value is not None:
            yield from _read_list(listed, name)


def _read_list(member: FilePart, name: str) -> Read:
    if isinstance(member.value, str):
        try:
            listed = member.inner()
        except ParseError as error:
            admin = f"an entry of {name}" if ADMINS in member.value else ""
            yield LeftOut(f"{name} cannot be read: {error.message}", error.place, admin)
            return
    else:
        what = f"{name} is not a string, so the API server would reject the ConfigMap; its entries are read anyway"
        yield LeftOut(what, member.place)
        listed = member
    if listed.value is None:
        return
    if not isinstance(listed.value, list):
        yield LeftOut(f"{name} is not a list, so the authenticator ignores it", listed.place)
        return
    for item in listed.items:
        if name == "mapAccounts":
            yield _account(item)
        else:
            yield from _mapping(item, "rolearn" if name == "mapRoles" else "userarn")


def _mapping(item: FilePart, arn_key: str) -> Read:
    sso = item.get("sso") if arn_key == "rolearn" else None
    user_id = item.text("userid")
    if sso is not None and not item.text(arn_key):
        yield from _permission_set(item, sso)
        return
    for content in read_mapping(item, arn_key, "userid", "sso"):
        yield content
        if isinstance(content, Wanted) and user_id:
            yield LeftOut(f"{content.principal}: userid is used by the backend DynamicFile only", item.place)


def _permission_set(item: FilePart, sso: FilePart) -> Read:
    name = sso.text("permissionSetName")
    admin = admin_of(item) and (f"the permission set {shown(name)}" if name else "a permission set")
    if sso.text("partition"):
        yield LeftOut("an SSO entry with a partition, even the right one, never matches", sso.place, admin)
        return
    for key in ("accountID", "permissionSetName"):
        text = sso.get(key)
        if text is None or not isinstance(text.value, str):
            yield LeftOut(f"sso.{key} must be a string; put it in quotes", (text or sso).place, admin)
            return
    principal = f"{SSO_PREFIX}{sso.text('accountID')}/{name}"
    stand_in = FilePart({**item.value, "rolearn": principal}, item.document, item.route, item.outer)
    yield from read_mapping(stand_in, "rolearn", "sso", "userid")


def _account(item: FilePart) -> Wanted | LeftOut:
    if isinstance(item.value, (dict, list)) or item.value is None:
        return LeftOut(f"{shown(item.value)} is not an account", item.place)
    return Wanted(item.raw, place=item.place)


def write(entries: Iterable[Wanted]) -> dict[str, Any]:
    """The ConfigMap. Keys are in lower case: releases v0.5.8 to v0.5.27 read no other spelling."""

    def written(name: NamedPrincipal, entry: Wanted) -> Any:
        made = new_entry(name, replace(entry, user_id=""))
        return {key.lower(): value for key, value in made.items()} if isinstance(made, dict) else made

    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": AWS_AUTH_NAME, "namespace": AWS_AUTH_NAMESPACE},
        "data": {
            name: "\n".join(block_lines(items, Layout())) + "\n" for name, items in by_list(entries, written).items()
        },
    }
