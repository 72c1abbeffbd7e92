"""Keys of a dynamic file that are there twice: encoding/json decodes the second value into the first one."""

from __future__ import annotations

from typing import Any

import pytest

from tarmak_iam.access.lockout import is_admin
from tarmak_iam.identity import Answer, Authenticator
from tarmak_iam.identity.caller import identity_of

A, B = "arn:aws:iam::111122223333:role/A", "arn:aws:iam::111122223333:role/B"
ADMIN = f'{{"rolearn": "{A}", "username": "a", "groups": ["system:masters"], "userid": "AROAA"}}'


def loaded(text: str, version: str = "v0.7.18", keys: str = "") -> Authenticator:
    config = f"clusterID: c\nserver: {{dynamicfilepath: d.json, backendMode: [DynamicFile]{keys}}}\n"
    return Authenticator.load(config, version=version, files={"d.json": text})


def ask(text: str, arn: str = B, **more: Any) -> Answer:
    return loaded(text, **more).whois(identity_of(arn))


@pytest.mark.parametrize("version", ["v0.5.11", "v0.6.20", "v0.7.9", "v0.7.18"])
@pytest.mark.parametrize("key", ["mapRoles", "MAPROLES", "mapRole\u017f"])
def test_an_entry_of_a_second_list_keeps_what_it_lacks(key: str, version: str) -> None:
    text = f'{{"mapRoles": [{ADMIN}],\n "{key}": [{{"rolearn": "{B}"}}]}}'
    answer = ask(text, version=version)
    assert (answer.username, answer.groups) == ("a", ["system:masters"])
    assert str(answer.place) == f"d.json:2:{len(key) + 7}"
    assert not ask(text, A, version=version).authenticated
    (grant,) = loaded(text, version).grants
    assert (grant.principal, is_admin(grant)) == (B, True)


# What follows the first list, and what B becomes then.
@pytest.mark.parametrize(
    ("later", "username", "groups"),
    [
        (f'"mapRoles": [{{"rolearn": "{B}", "username": "b", "groups": []}}]', "b", None),
        (f'"mapRoles": [{{"rolearn": "{B}", "username": "b", "groups": null}}]', "b", None),
        (f'"mapRoles": [{{"rolearn": "{B}", "username": null, "groups": ["x", "y"]}}]', "a", ["x", "y"]),
        (f'"mapRoles": [{{"rolearn": "{B}", "groups": [null, "y"]}}]', "a", ["system:masters", "y"]),
        (f'"mapRoles": null, "mapRoles": [{{"rolearn": "{B}"}}]', "", None),
        (f'"mapRoles": [], "mapRoles": [{{"rolearn": "{B}"}}]', "", None),
        (f'"mapRoles": {{}}, "mapRoles": [{{"rolearn": "{B}"}}]', None, None),
        (f'"mapRoles": ["x"], "mapRoles": [{{"rolearn": "{B}"}}]', None, None),
        (f'"mapUsers": [{{"userarn": "{B}"}}]', "", None),
    ],
)
def test_what_a_second_value_leaves(later: str, username: str | None, groups: list[str] | None) -> None:
    answer = ask(f'{{"mapRoles": [{ADMIN}], {later}}}')
    assert (answer.username, answer.groups) == (username, groups)
    if username is None:
        assert answer.notes[0].startswith(
            "the dynamic file is rejected, so it maps no principal: a value has the wrong"
        )


def test_a_longer_list_finds_what_a_shorter_one_left() -> None:
    other = '{"rolearn": "x", "username": "x"}'
    text = f'{{"mapRoles": [{other}, {ADMIN}], "mapRoles": [{other}], "mapRoles": [{other}, {{"rolearn": "{B}"}}]}}'
    assert ask(text).groups == ["system:masters"]


def test_keys_of_an_entry() -> None:
    groups = '"groups": ["system:masters", "dev"], "Groups": [null], "GROUPS": [null, null]'
    text = f'{{"mapRoles": [{{"RoleARN": "{A}", "rolearn": "{B}", {groups}}}]}}'
    assert ask(text).groups == ["system:masters", "dev"]


def test_accounts_and_unique_ids_are_read_so_too() -> None:
    text = '{"mapAccounts": ["111122223333"], "mapaccounts": [null, "444455556666"]}'
    assert ask(text).username == B
    assert str(ask(text).place) == "d.json:1:50"
    strict = loaded(
        f'{{"mapRoles": [{ADMIN}], "mapRoles": [{{"rolearn": "{B}"}}]}}', keys=", dynamicfileUserIDStrict: true"
    )
    assert strict.whois(identity_of(B, user_id="AROAA")).groups == ["system:masters"]


def test_every_text_of_an_update_is_a_string() -> None:
    text = f'{{"Version": 1, "mapRoles": [{ADMIN}], "version": "2"}}'
    assert not ask(text, A).authenticated
    assert ask(text.replace("1,", "null,"), A).authenticated


def test_a_backend_mode_that_is_there_twice() -> None:
    config = (
        f"clusterID: c\nserver: {{dynamicBackendModePath: m.json, mapRoles: [{{rolearn: '{A}', username: mounted}}]}}\n"
    )
    for modes, started in (
        ('{"backendMode": "EKSConfigMap", "BACKENDMODE": "MountedFile"}', "mounted"),
        ('{"backendMode": 1, "BACKENDMODE": "EKSConfigMap"}', "mounted"),
        ('{"backendMode": "EKSConfigMap", "BACKENDMODE": null}', None),
    ):
        files = {"m.json": modes, "o.yaml": "{apiVersion: v1, kind: ConfigMap, metadata: {name: x}}"}
        answer = Authenticator.load(config, version="v0.7.18", files=files).whois(identity_of(A))
        assert answer.username == started
