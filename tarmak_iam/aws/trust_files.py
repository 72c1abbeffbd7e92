"""Trust policies in files, as `aws iam get-role`, `list-roles` and `get-account-authorization-details` print them, or
the policy document alone, whose file is named after the role: ROLE.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tarmak_iam.aws.arn import ArnError, canonicalize, parse_arn, permission_set_of
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.aws.trust_policy import Trust, evaluate
from tarmak_iam.document.json_reader import read_json
from tarmak_iam.document.nodes import Mapping, walk
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError, FileError, ParseError, Place
from tarmak_iam.files import MAX_BYTES
from tarmak_iam.files.read import file_error, read_file
from tarmak_iam.text import shortened

_MOST_BYTES = 64 << 20
"""The details of an account contain all of its users, groups, roles and policies."""
_DOCUMENT = "AssumeRolePolicyDocument"
_OF_ROLES = ("Role", "Roles", "RoleDetailList")
_COMMANDS = "`aws iam get-role` or `aws iam get-account-authorization-details`"


class RolePolicy(NamedTuple):
    """The trust policy of a role, as plain data. `account` is empty if it is not known."""

    account: str
    name: str
    policy: Any
    source: str


@dataclass(frozen=True)
class TrustPolicies:
    policies: tuple[RolePolicy, ...]

    @classmethod
    def read(cls, paths: Iterable[Path]) -> TrustPolicies:
        """Of files, with `-` for stdin, and of the `*.json` files of directories. Raises FileError, ParseError and
        ConfigError."""
        return cls(tuple(policy for path in paths for file in _files(path) for policy in _policies(file)))

    @cached_property
    def _by_name(self) -> dict[tuple[str, str], list[RolePolicy]]:
        """By the names of roles and of permission sets, in lower case."""
        by_name: dict[tuple[str, str], list[RolePolicy]] = {}
        for policy in self.policies:
            for key in (("arn", policy.name), ("sso", permission_set_of(policy.name))):
                if key[1]:
                    by_name.setdefault((key[0], key[1].lower()), []).append(policy)
        return by_name

    def of(self, kind: str, principal: str) -> Trust | None:
        """That of a principal, with the kinds of a `Grant`; None for one without a trust policy, such as a user. STS
        names a role without its path, and in any case. Raises ConfigError if there are several policies."""
        if kind == "sso":
            account, _, name = principal.lower().partition("/")
        else:
            try:
                arn = parse_arn(canonicalize(to_lower(principal))[1])
            except ArnError:
                return None
            if arn.parts[0] != "role":
                return None
            kind, account, name = "arn", arn.account, arn.name
        named = self._by_name.get((kind, name), [])
        of_role = [policy for policy in named if policy.account == account]
        of_role = of_role or [policy for policy in named if not policy.account]
        if not of_role:
            is_alone = any(not policy.account for policy in self.policies)
            hint = "; the file of a policy document alone is ROLE.json" if is_alone else ""
            return Trust.unknown("", f"no file has the trust policy of this role{hint}")
        first = of_role[0]
        for other in of_role[1:]:
            if other.policy != first.policy:
                what = f"this trust policy of the role {other.name} differs from the one in {first.source}"
                raise ConfigError(what, remedy="keep only the current one", place=Place(other.source))
        return evaluate(first.policy, first.source)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [Path("/dev/stdin") if path == Path("-") else path]
    try:
        files = sorted(file for file in path.iterdir() if file.suffix == ".json")
    except OSError as error:
        raise file_error("cannot be read", path, error) from None
    if not files:
        raise FileError(
            "no *.json file in this directory", remedy=f"save the JSON of {_COMMANDS} there", place=Place(str(path))
        )
    return files


def _policies(file: Path) -> Iterator[RolePolicy]:
    """Raises FileError, ParseError and ConfigError."""
    data = read_file(file, _MOST_BYTES)
    return _of_roles(_loaded(data, file), file)


class _DuplicateKey(ValueError):
    pass


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise _DuplicateKey
    return members


def _loaded(data: bytes | str, file: Path) -> Any:
    remedy = f"save the JSON of {_COMMANDS}"
    try:
        return json.loads(data, object_pairs_hook=_members)
    except _DuplicateKey:
        raise _duplicate(data, file) from None
    except json.JSONDecodeError as error:
        place = Place(str(file), error.lineno, error.colno)
        raise ParseError(f"invalid JSON: {error.msg}", remedy=remedy, place=place) from None
    except RecursionError:
        raise ParseError("invalid JSON: nested too deeply", remedy=remedy, place=Place(str(file), 1, 1)) from None
    except ValueError:  # not UTF-8, or a number of thousands of digits
        raise ParseError("invalid JSON: not UTF-8", remedy=remedy, place=Place(str(file), 1, 1)) from None


def _duplicate(data: bytes | str, file: Path) -> ParseError:
    """Python's json has no places in objects, so the text is read again."""
    what, remedy = "the same key twice in an object", "remove one of them: programs differ in which they use"
    place = Place(str(file))
    if len(data) <= MAX_BYTES:
        source = Source.decode(data, str(file))
        for node in walk(read_json(source)):
            seen = set[str | None]()
            for entry in node.entries if isinstance(node, Mapping) else ():
                if entry.text in seen:
                    what = f"the key {shortened(entry.text)!r} occurs twice in an object"
                    return ParseError(what, remedy=remedy, place=source.place(entry.key.start))
                seen.add(entry.text)
    return ParseError(what, remedy=remedy, place=place)


def _of_roles(value: Any, file: Path) -> Iterator[RolePolicy]:
    if isinstance(value, list):
        for member in value:
            yield from _of_roles(member, file)
        return
    parts = value if isinstance(value, dict) else {}
    if _DOCUMENT in parts:
        yield _of_role(parts, file)
    elif "Statement" in parts:
        yield RolePolicy("", file.stem, parts, str(file))
    elif listed := [parts[key] for key in _OF_ROLES if key in parts]:
        yield from _of_roles(listed, file)
    else:
        what = f"not a trust policy, and not a role with its {_DOCUMENT}"
        raise ConfigError(what, remedy=f"save the JSON of {_COMMANDS}", place=Place(str(file), 1, 1))


def _of_role(role: dict[str, Any], file: Path) -> RolePolicy:
    policy, account, name = role[_DOCUMENT], "", role.get("RoleName")
    try:
        arn = parse_arn(str(role.get("Arn")))
        account, name = arn.account, arn.name
    except ArnError:
        pass
    if not isinstance(name, str):
        raise ConfigError("a role has neither Arn nor RoleName", place=Place(str(file), 1, 1))
    if isinstance(policy, str):  # as the API itself returns it
        from urllib.parse import unquote

        policy = _loaded(unquote(policy), file)
    return RolePolicy(account, name, policy, str(file))
