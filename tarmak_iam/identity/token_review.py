"""The token review: compares a caller with what the backends have loaded, and says why a mapping matched or none did.
Nothing here scans all mappings: near misses are found by the last part of their ARN.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

from tarmak_iam.aws.arn import Arn, ArnError, canonicalize, parse_arn
from tarmak_iam.aws.go_case import equal_fold, fold, to_lower
from tarmak_iam.identity.backend_support import CRD, MOUNTED_FILE
from tarmak_iam.identity.backend_table import BackendTable, matches_in
from tarmak_iam.identity.caller import Caller, read_caller
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import Answer, DaemonInput, Denied, Identity, IdentityMapping, Locate, SsoRole
from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature
from tarmak_iam.identity.sts_verification import accepts_tokens_of, host_condition, no_hosts_of
from tarmak_iam.identity.templates import rendered
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")


def _no_match(caller: Caller, config: DaemonConfig, tables: Sequence[BackendTable]) -> Denied:
    """Why no mapping matched, with the nearest one that would match if it were written differently."""
    reason = f"no mapping matches {caller.canonical_arn}"
    for table in tables:
        if caller.account in table.uncarried_accounts:
            what = f"the backend {table.backend} does not support accounts"
            hint = f"account {caller.account} is in mapAccounts of the file, so add the backend MountedFile"
            return Denied(f"{reason}, and {what}: {hint}", table.accounts_route, table.place)
    reason += f", and account {caller.account} is not in mapAccounts"
    for table in tables:
        for route, hint in _hints(caller, config, table):
            return Denied(f"{reason}; {hint}", route, table.place)
    if all(table.backend != MOUNTED_FILE.name for table in tables):
        for mapping in (possible for entry in (*config.roles, *config.users) for possible in entry.possible):
            if _same(mapping.arn, caller.canonical_arn):
                hint = "its mapping in the configuration file is ignored: MountedFile is not in the list of backends"
                return Denied(f"{reason}; {hint}", mapping.route)
    return Denied(reason)


def _among(mapping: IdentityMapping, caller: Caller, table: BackendTable) -> str:
    """How many mappings match, if several. A mapping that the authenticator can read in several ways counts once."""
    named = table.by_name.get(_name(caller), ())
    if len(named) < 2:
        return ""
    picked_from = {match.route for match in table.find(caller) if match is not None}
    if len(picked_from) > 1:
        things = "objects" if table.backend == CRD.name and not table.is_carried else "mappings"
        return f" (one of {len(picked_from)} {things} for it; the authenticator uses one at random)"
    # As the release compares the ARNs of roles and of users.
    compared = {"role": fold if table.folds_roles else to_lower, "user": fold if table.folds_users else to_lower}
    same = {rival.route: rival for rival in named if _same(rival.arn, caller.canonical_arn, compared[rival.kind])}
    if len(same) < 2:
        return ""
    if mapping.kind == "role" and any(rival.kind == "user" for rival in same.values()):
        return f" (one of {len(same)} mappings for it; roles are checked before users, and the last role takes effect)"
    return f" (the last of {len(same)} mappings for it; the others are ignored)"


def _ignored_later(caller: Caller, table: BackendTable, tables: Sequence[BackendTable]) -> str:
    """A note where a later backend maps the caller too, without effect."""
    position = next(number for number, other in enumerate(tables) if other is table)
    for other in tables[position + 1 :]:
        maps = other.find(caller) or caller.account in other.accounts
        if maps and other.place is not table.place:  # else it is the same entry
            return f"; its mapping in {other.backend} is ignored, because {table.backend} comes first"
    return ""


def _hints(caller: Caller, config: DaemonConfig, table: BackendTable) -> Iterator[tuple[Route | None, str]]:
    """What would match if it were written differently, with its route."""
    arn = parse_arn(caller.canonical_arn)
    for mapping in table.by_name.get(_name(caller), ()):
        hint = _id_hint(mapping, caller, table) if table.by_user_id else _arn_hint(mapping.arn, arn, table)
        if hint:
            yield mapping.route, hint
    if table.by_user_id:
        for mapping in filter(None, table.roles.get(caller.user_id) or table.users.get(caller.user_id, ())):
            yield mapping.route, f"the mapping with the unique ID {mapping.user_id} {_whose(mapping.arn)}"
    wildcards, of_permission_sets, accounts = table.unusual
    for mapping in (match for match in wildcards if fnmatchcase(fold(caller.canonical_arn), fold(match.arn))):
        hint = f"the mapping for {mapping.arn} contains a wildcard, and wildcards are compared literally"
        yield mapping.route, hint
    for mapping in of_permission_sets:
        hint = _sso_hint(mapping.sso, caller, table, gate=SSO_GATE in config.gates)
        if hint:
            yield mapping.route, hint
    for account in accounts:
        if _is_miswritten(account, caller.account):
            what = f"mapAccounts contains {shortened(account)!r}, but accounts are compared as strings"
            yield table.accounts_route, f"{what}: write {quoted(caller.account)} in quotes"


def _whose(arn: str) -> str:
    try:
        canonicalize(arn)
    except ArnError as error:
        return f"has the ARN {quoted(arn)}, which is not valid: {error}"
    return f"is for {arn}"


def _is_miswritten(written: str, account: str) -> bool:
    """Without its leading zeros, with dashes, dots or spaces, or as YAML reads an unquoted octal number."""
    is_octal = account.startswith("0") and not set(account) - set("01234567")
    digits = "".join(filter(str.isdigit, written)).zfill(12)
    return digits == account or written == (str(int(account, 8)) if is_octal else "")


def _name(caller: Caller) -> str:
    return fold(caller.canonical_arn.rpartition("/")[2])


def _arn_hint(text: str, arn: Arn, table: BackendTable) -> str:
    """Of several differences from the caller's ARN the first one is reported."""
    if _same(text, str(arn)):  # compared as it is written
        if not (text + str(arn)).isascii():
            return f"the mapping for {text} contains letters that are not equal in this release to those of {arn}"
        if text.lower() == str(arn).lower():
            return f"this release compares the mapping for {text} case-sensitively: write it in lower case"
        return f"the backend {table.backend} compares the mapping for {text} as it is written: map {arn} instead"
    try:
        wanted = parse_arn(canonicalize(text.strip().rstrip("/"))[1])
    except ArnError:
        return ""
    if not equal_fold(wanted.parts[0], arn.parts[0]):
        return f"the mapping for {text} is for another kind of principal with the same name"
    if wanted.account != arn.account:
        return f"the mapping for {text} is for the same name in another account"
    if wanted.path != arn.path and equal_fold(arn.parts[0], "role"):
        return f"the mapping for {text} has a path, which STS omits: map {wanted.without_path} instead"
    if wanted.path != arn.path:
        return f"the mapping for {text} has another path, and the path of a user must match"
    if wanted.partition != arn.partition:
        return f"the mapping for {text} is for another partition"
    return f"the mapping for {shortened(text)!r} contains an extra space or slash, so it does not match"


def _id_hint(mapping: IdentityMapping, caller: Caller, table: BackendTable) -> str:
    try:
        without_path = str(parse_arn(mapping.arn).without_path)
    except ArnError:
        return ""
    if not _same(mapping.arn, caller.canonical_arn) and not _same(without_path, caller.canonical_arn):
        return ""
    if mapping.user_id == caller.user_id:
        return f"the mapping for {mapping.arn} has the caller's unique ID, but its ARN does not match"
    return (
        f"the mapping for {mapping.arn} has the unique ID {mapping.user_id}, the caller has {caller.user_id}: "
        f"{table.backend} compares unique IDs, and a role that was deleted and created again has a new one"
    )


def _sso_hint(sso: SsoRole | None, caller: Caller, table: BackendTable, *, gate: bool) -> str:
    if sso is None or fold(f"/AWSReservedSSO_{sso.permission_set}_") not in fold(caller.canonical_arn):
        return ""
    if sso.account != caller.account:
        return f"the SSO mapping of permission set {sso.permission_set} is for account {sso.account}"
    if not gate:
        return "its SSO mapping requires the feature gate SSORoleMatch"
    if sso.partition:
        return "its SSO mapping sets a partition, and such a mapping never matches: remove the partition"
    if table.is_carried and not table.patterns:
        return f"the backend {table.backend} does not support its SSO mapping: add the backend MountedFile"
    return ""


def _same(left: str, right: str, compared: Callable[[str], str] = fold) -> bool:
    """Whether two ARNs mean one principal; if nothing else is given, however the releases compare them."""
    try:
        return compared(canonicalize(left)[1]) == compared(canonicalize(right)[1])
    except ArnError:
        return False


class TokenReviewer(NamedTuple):
    """Reviews callers by a loaded configuration. `locate` finds places in it."""

    config: DaemonConfig
    tables: Sequence[BackendTable]
    given: DaemonInput
    notes: tuple[str, ...]
    locate: Locate

    def review(self, identity: Identity) -> Answer:
        config, cluster_id = self.config, self.given.cluster_id
        try:
            if cluster_id is not None and cluster_id != config.cluster_id:
                what = f"the token is for the cluster ID {quoted(cluster_id)}"
                route = Route.of(("clusterID",))
                raise Denied(f"{what}, but the configuration has {quoted(config.cluster_id)}", route)
            caller = read_caller(identity, config.version)
            # A token is presigned for the STS of the caller's partition; an authenticator in another one refuses it.
            if not accepts_tokens_of(caller.partition, config.partition, config.version):
                if caller.partition == config.partition:
                    raise Denied(no_hosts_of(config.partition, config.version))
                what = f"the caller is in partition {caller.partition}"
                raise Denied(f"{what}, but the authenticator is in partition {config.partition}")
        except Denied as denial:
            return self._denied(denial)
        matches = matches_in(self.tables, lambda table: table.find(caller), caller.account)
        return with_alternatives([self._answer(caller, table, mapping) for table, mapping in matches])

    def _denied(self, denial: Denied) -> Answer:
        where = denial.locate or self.locate
        return Answer(started=True, reason=denial.reason, route=denial.route, notes=self.notes, locate=where)

    def _answer(self, caller: Caller, table: BackendTable | None, mapping: IdentityMapping | None) -> Answer:
        if table is None:
            return self._denied(_no_match(caller, self.config, self.tables))
        if mapping is None:
            reason = f"account {caller.account} is in mapAccounts: the username is the ARN, without groups"
            reason += _ignored_later(caller, table, self.tables)
            return self._granted(caller, caller.canonical_arn, [], reason, table, table.accounts_route)
        sso, username, groups = mapping.sso, mapping.username, list(mapping.groups)
        # What the mapping overrides is named too: duplicates before it, and backends after its own.
        if sso is not None:
            reason = f"the SSO mapping of permission set {sso.permission_set} in account {sso.account} matches"
        elif table.by_user_id:
            reason = f"the mapping with the unique ID {mapping.user_id} matches"
        else:
            reason = f"the mapping for {mapping.arn} matches{_among(mapping, caller, table)}"
        reason += _ignored_later(caller, table, self.tables)
        if mapping.kind == "role" or self.config.version.has(ReleaseFeature.USER_TEMPLATES):
            render = partial(rendered, caller, self.config.version, self.given.private_dns_names, self.config.ec2_crash)
            try:
                username, groups = render(username), [*map(render, groups)]
            except Denied as denial:
                return self._denied(Denied(f"{reason}, but {denial.reason}", mapping.route, table.place))
        if left := _TEMPLATE.search(username):
            reason += f"; this release does not replace {left.group()}"
        for prefix in table.reserved_prefixes:
            if prefix and username.startswith(prefix):
                what = f"{reason}, but the username {quoted(username)} begins with the reserved prefix {quoted(prefix)}"
                return self._denied(Denied(what, mapping.route, table.place))
        return self._granted(caller, username, groups, reason, table, mapping.route)

    def _granted(
        self, caller: Caller, username: str, groups: list[str], reason: str, table: BackendTable, route: Route | None
    ) -> Answer:
        scrubbed = caller.account in self.config.scrubbed
        has_extra = self.config.version.has_item
        extra = {key: [getattr(caller, name)] for key, name in _EXTRA.items() if has_extra(f"extra key {key}")}
        uid = f"administrative:{username}" if scrubbed else f"{caller.account}:{caller.user_id}"
        condition = host_condition(caller.partition, self.config.partition, self.config.version)
        return Answer(
            started=True,
            authenticated=True,
            username=username,
            groups=groups or None,
            uid=f"aws-iam-authenticator:{uid}",
            extra=extra if extra and not scrubbed else None,
            reason=reason,
            route=route,
            notes=(*self.notes, condition) if condition else self.notes,
            locate=table.place,
        )


# The extra values of a review, and the field of the caller that each one is.
_EXTRA = {
    "accessKeyId": "access_key_id",
    "arn": "arn",
    "canonicalArn": "canonical_arn",
    "principalId": "user_id",
    "sessionName": "session_name",
    "sigs.k8s.io/aws-iam-authenticator/principalId": "user_id",
}


def with_alternatives(answers: Sequence[Answer]) -> Answer:
    """The first answer, with the others that differ as its alternatives."""
    if len(answers) == 1:
        return answers[0]
    different: dict[tuple[object, ...], Answer] = {}
    for possible in (possible for answer in answers for possible in (answer, *answer.alternatives)):
        different.setdefault((possible.username, tuple(possible.groups or ())), replace(possible, alternatives=()))
    first, *others = different.values()
    return replace(first, alternatives=tuple(others))
