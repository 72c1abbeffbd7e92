"""Remedies about the shape of a mappings file, done word for word: all get what was meant, and no finding is left."""

from __future__ import annotations

import pytest

from tarmak_iam.identity.authenticator import Authenticator
from tests.lint.literal_remedies import applied
from tests.lint.mapped import located

HEAD = "clusterID: dev-cluster\n"
ADMIN_ARN, DEV, OPS = (f"arn:aws:iam::111122223333:role/{name}" for name in ("Admin", "Dev", "Ops"))
ANN = "arn:aws:iam::111122223333:user/Ann"


def entry(arn: str, name: str, group: str = "", kind: str = "role") -> str:
    return f"  - {kind}ARN: {arn}\n    username: {name}\n    groups: ['{group or name}']\n"


ADMIN = entry(ADMIN_ARN, "admin", "system:masters")
ROLES = HEAD + "server:\n  mapRoles:\n" + ADMIN
GOOD = ROLES + entry(DEV, "dev")
BOTH = GOOD + entry(OPS, "ops")
USERS = ROLES + "  mapUsers:\n" + entry(ANN, "ann", kind="user")
SET = "  - sso: {accountID: '111122223333', permissionSetName: Dev}\n    username: dev\n    groups: [dev]\n"
SSO = {"daemonVersion": "v0.7.9", "featureGates": {"SSORoleMatch": True}}


def dedented(text: str, blanks: int = 2) -> str:
    return "".join(line[blanks:] for line in text.splitlines(keepends=True))


def indented(text: str, blanks: int = 2) -> str:
    return "".join(" " * blanks + line for line in text.splitlines(keepends=True))


def as_text(header: str) -> str:
    return HEAD + f"server:\n  mapRoles: {header}\n" + indented(ADMIN + entry(DEV, "dev"))


CASES = {
    # a dash that is missing
    "second entry": ("IAM059", ROLES + entry(DEV, "dev").replace("- ", "  "), GOOD),
    "second and third entry": (
        "IAM059",
        ROLES + (entry(DEV, "dev") + entry(OPS, "ops")).replace("- ", "  "),
        BOTH,
    ),
    "in the middle": ("IAM059", ROLES + entry(DEV, "dev").replace("- ", "  ") + entry(OPS, "ops"), BOTH),
    "username first": (
        "IAM059",
        ROLES + f"    username: dev\n    roleARN: {DEV}\n    groups: [dev]\n",
        GOOD,
    ),
    "other indentation": (
        "IAM059",
        HEAD + "server:\n  mapRoles:\n" + indented(ADMIN + entry(DEV, "dev").replace("- ", "  "), 4),
        GOOD,
    ),
    "no dash at all": (
        "IAM059",
        HEAD + "server:\n  mapRoles:\n" + (ADMIN + entry(DEV, "dev")).replace("- ", "  "),
        GOOD,
    ),
    "in braces": (
        "IAM059",
        HEAD + f"server: {{mapRoles: [{{roleARN: '{ADMIN_ARN}', username: admin, groups: ['system:masters'], "
        f"roleARN: '{DEV}', username: dev, groups: [dev]}}]}}\n",
        GOOD,
    ),
    "of a user": (
        "IAM059",
        USERS + entry(ANN + "2", "ann2", kind="user").replace("- ", "  "),
        USERS + entry(ANN + "2", "ann2", kind="user"),
    ),
    # a key that is there twice
    "second list": ("IAM059", ROLES + "  mapRoles:\n" + entry(DEV, "dev"), GOOD),
    "second list in capitals": ("IAM059", ROLES + "  MAPROLES:\n" + entry(DEV, "dev"), GOOD),
    "second list further in": ("IAM059", ROLES + "  mapRoles:\n" + indented(entry(DEV, "dev")), GOOD),
    "empty second list": ("IAM059", GOOD + "  mapRoles: []\n", GOOD),
    "the same clusterID twice": ("IAM059", ROLES + "clusterid: dev-cluster\n", ROLES),
    "the same twice": ("IAM059", GOOD + f"    roleARN: {DEV}\n", GOOD),
    "groups twice": (
        "IAM059",
        GOOD + "    groups: [ops]\n",
        GOOD.replace("['dev']", "[dev, ops]"),
    ),
    # a misspelt key
    "arn": ("IAM057", GOOD.replace(f"roleARN: {DEV}", f"arn: {DEV}"), GOOD),
    "role_arn": ("IAM057", GOOD.replace(f"roleARN: {DEV}", f"role_arn: {DEV}"), GOOD),
    "userARN of a role": ("IAM057", GOOD.replace(f"roleARN: {DEV}", f"userARN: {DEV}"), GOOD),
    "userARN of a user": ("IAM057", USERS.replace("  mapUsers:\n", ""), USERS),
    "arn of a user": ("IAM057", USERS.replace("userARN", "arn"), USERS),
    "user for userARN and username": (
        "IAM057",
        USERS.replace("userARN", "user").replace("username: ann", "name: ann"),
        USERS,
    ),
    "user beside an ARN": ("IAM057", USERS.replace("userARN", "arn").replace("username: ann", "user: ann"), USERS),
    "name": ("IAM057", GOOD.replace("username: dev", "name: dev"), GOOD),
    "group": ("IAM057", GOOD.replace("groups: ['dev']", "group: ['dev']"), GOOD),
    "group of an admin": ("IAM057", GOOD.replace("groups: ['system", "group: ['system"), GOOD),
    "map_roles": ("IAM057", GOOD.replace("mapRoles", "map_roles"), GOOD),
    "mapRole": ("IAM057", GOOD.replace("mapRoles", "mapRole"), GOOD),
    "users": ("IAM057", USERS.replace("mapUsers", "users"), USERS),
    "serve": ("IAM057", GOOD.replace("server", "serve"), GOOD),
    "mapRoless beside mapRoles": ("IAM057", ROLES + "  mapRoless:\n" + entry(DEV, "dev"), GOOD),
    "roles before mapRoles": (
        "IAM057",
        HEAD + "server:\n  roles:\n" + entry(DEV, "dev") + ROLES.partition("server:\n")[2],
        GOOD,
    ),
    "group beside groups": ("IAM057", GOOD + "    group: [ops]\n", GOOD.replace("['dev']", "[dev, ops]")),
    "empty roles beside mapRoles": ("IAM058", GOOD + "  roles: []\n", GOOD),
    "name beside username": ("IAM058", GOOD + "    name: dev\n", GOOD),
    "an anchor": (
        "IAM058",
        HEAD
        + "base: &base {username: dev, groups: [dev]}\n"
        + ROLES.removeprefix(HEAD)
        + f"  - {{<<: *base, roleARN: '{DEV}'}}\n",
        GOOD,
    ),
    # wrong indentation
    "lists at the top level": ("IAM057", HEAD + dedented(USERS.partition("server:\n")[2]), USERS),
    "lists at the level of an empty server": (
        "IAM057",
        HEAD + "server:\n" + dedented(USERS.partition("server:\n")[2]),
        USERS,
    ),
    "lists behind an empty server": (
        "IAM057",
        HEAD + "server: {}\n" + dedented(USERS.partition("server:\n")[2]),
        USERS,
    ),
    "lists behind a null": ("IAM057", HEAD + "server: ~\n" + dedented(USERS.partition("server:\n")[2]), USERS),
    "a list at the top level, the other below server": (
        "IAM057",
        ROLES + dedented("  mapUsers:\n" + entry(ANN, "ann", kind="user")),
        USERS,
    ),
    "the same list at the top level": ("IAM057", ROLES + dedented("  mapRoles:\n" + entry(DEV, "dev")), GOOD),
    "all below another key": ("IAM057", HEAD + "config:\n" + indented(GOOD.removeprefix(HEAD)), GOOD),
    "another name for server": ("IAM057", GOOD.replace("server:", "authenticatorConfig:"), GOOD),
    "groups at the level of server": ("IAM057", GOOD.replace("    groups: ['dev']", "  groups: ['dev']"), GOOD),
    "username and groups at the level of server": (
        "IAM057",
        ROLES + f"  - roleARN: {DEV}\n  username: dev\n  groups: [dev]\n",
        GOOD,
    ),
    "username and groups at the top level": (
        "IAM057",
        ROLES + f"  - roleARN: {DEV}\nusername: dev\ngroups: [dev]\n",
        GOOD,
    ),
    "an entry at the level of its list": (
        "IAM057",
        HEAD + f"server:\n  mapRoles:\n  roleARN: {ADMIN_ARN}\n  username: admin\n  groups: ['system:masters']\n",
        ROLES,
    ),
    "username and groups below sso": (
        "IAM057",
        ROLES
        + SET.replace("    user", "      user")
        .replace("    groups", "      groups")
        .replace(
            "{accountID: '111122223333', permissionSetName: Dev}",
            "\n      accountID: '111122223333'\n      permissionSetName: Dev",
        ),
        ROLES + SET,
    ),
    "keys of sso outside of it": (
        "IAM057",
        ROLES + "  - permissionSetName: Dev\n    accountID: '111122223333'\n    username: dev\n    groups: [dev]\n",
        ROLES + SET,
    ),
    "keys of sso at its level": (
        "IAM057",
        ROLES
        + "  - sso:\n    permissionSetName: Dev\n    accountID: '111122223333'\n    username: dev\n    groups: [dev]\n",
        ROLES + SET,
    ),
    "a misspelt list at the top level": (
        "IAM057",
        HEAD + dedented(GOOD.partition("server:\n")[2]).replace("mapRoles", "mapRole"),
        GOOD,
    ),
    "misspelt keys below sso": (
        "IAM057",
        ROLES + "  - sso:\n      accountID: '111122223333'\n      permissionSetName: Dev\n"
        "      user_name: dev\n      groups: [dev]\n",
        ROLES + SET,
    ),
    "a list below another list": (
        "IAM057",
        HEAD + "server:\n  mapUsers:\n" + indented(GOOD.partition("server:\n")[2]),
        GOOD,
    ),
    "clusterID below server": ("IAM057", "server:\n  clusterID: dev-cluster\n" + GOOD.partition("server:\n")[2], GOOD),
    "clusterID below server and at the top": ("IAM058", GOOD + "  clusterID: dev-cluster\n", GOOD),
    "a missing dash before a misspelt key": ("IAM057", ROLES + entry(DEV, "dev").replace("- role", "  user"), GOOD),
    "a role in the list of users": ("IAM057", USERS + entry(DEV, "dev"), GOOD + USERS.removeprefix(ROLES)),
    # another shape
    "a dash too many": ("IAM115", GOOD.replace("    username: dev", "  - username: dev"), GOOD),
    "two dashes too many": (
        "IAM115",
        GOOD.replace("    username: dev", "  - username: dev").replace("    groups: ['dev']", "  - groups: ['dev']"),
        GOOD,
    ),
    "a dash before groups": ("IAM115", BOTH.replace("    groups: ['dev']", "  - groups: ['dev']"), BOTH),
    "a dash before the ARN": (
        "IAM115",
        ROLES + f"  - username: dev\n  - roleARN: {DEV}\n    groups: [dev]\n",
        GOOD,
    ),
    "dashes before all keys": ("IAM115", ROLES + f"  - username: dev\n  - groups: [dev]\n  - roleARN: {DEV}\n", GOOD),
    "groups not far enough": ("IAM116", GOOD.replace("groups: ['dev']", "groups:\n  - dev"), GOOD),
    "two groups not far enough": (
        "IAM116",
        GOOD.replace("groups: ['dev']", "groups:\n  - dev\n  - ops"),
        GOOD.replace("['dev']", "[dev, ops]"),
    ),
    "an empty item": ("IAM116", GOOD + "  -\n", GOOD),
    "by ARN": (
        "IAM116",
        HEAD + f"server:\n  mapRoles:\n    {ADMIN_ARN}:\n      username: admin\n      groups: ['system:masters']\n"
        f"    {DEV}:\n      username: dev\n      groups: [dev]\n",
        GOOD,
    ),
    "by name": (
        "IAM116",
        HEAD
        + "server:\n  mapRoles:\n    admin:\n"
        + indented(ADMIN.replace("- ", "  "))
        + "    dev:\n"
        + indented(entry(DEV, "dev").replace("- ", "  ")),
        GOOD,
    ),
    "a list as a text": ("IAM060", as_text("|"), GOOD),
    "a list as a text without line end": ("IAM060", as_text("|-"), GOOD),
    "a list as a folded text": ("IAM060", as_text(">"), GOOD),
    "groups as a text": ("IAM061", GOOD.replace("['dev']", "dev,yes"), GOOD.replace("['dev']", "[dev, 'yes']")),
    "groups as a text with a template": (
        "IAM061",
        GOOD.replace("['dev']", "'team:{{AccountID}}'"),
        GOOD.replace("['dev']", "['team:{{AccountID}}']"),
    ),
    "a clusterID that is a number": ("IAM063", GOOD.replace("dev-cluster", "1e-3"), GOOD),
    "a second document that goes on": ("IAM079", HEAD + "---\n" + GOOD.removeprefix(HEAD), GOOD),
    "a second document of another kind": ("IAM079", GOOD + "---\nkind: Service\n", GOOD),
    "a second document without anything": ("IAM079", GOOD + "---\n{}\n", GOOD),
    "an account without quotes": (
        "IAM054",
        ROLES + SET.replace("'111122223333'", "011122223333"),
        ROLES + SET.replace("111122223333", "011122223333"),
    ),
    "the same entry twice": ("IAM011", GOOD + entry(DEV, "dev"), GOOD),
}


ALSO = {"a missing dash before a misspelt key": ("IAM059",)}
"""What is found besides."""


def grants(text: str, version: str) -> dict[str, tuple[str, frozenset[str]]]:
    if "clusterID" not in text:
        text = HEAD + text
    loaded = Authenticator.load(
        text, version=version, args=["--feature-gates=SSORoleMatch=true"] if version in _SSO else []
    )
    assert loaded.failure is None
    return {each.principal.lower(): (each.username, frozenset(each.groups)) for each in loaded.grants}


_SSO = ("v0.7.9",)


@pytest.mark.sample(24)
@pytest.mark.parametrize("name", CASES)
def test_a_remedy_to_the_letter(name: str) -> None:
    rule, text, good = CASES[name]
    found = located(text, **SSO)
    assert rule in {each.finding.id for each in found}
    assert {each.finding.id for each in found} <= {rule, *ALSO.get(name, ())}
    for _ in range(len(found)):
        text = applied(text, located(text, **SSO)[0])
    assert located(text, **SSO) == []
    versions = ("v0.7.9",) if "sso" in good else ("v0.4.0", "v0.5.9", "v0.6.20", "v0.7.9")
    for version in versions:
        assert grants(text, version) == grants(good, version)
