"""The token review: a caller whom STS has described against what the backends have loaded, and why an entry matched
or none did.

What is worked out here is asked for with every review, so nothing scans the entries: those that are nearly
right are found by the name that their ARN ends in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from tarmak_iam.aws.arn import Arn, ArnError, canonicalize, parse_arn
from tarmak_iam.document.go_case import equal_fold, fold, to_lower
from tarmak_iam.identity.backend_support import CRD, MOUNTED_FILE
from tarmak_iam.identity.backend_table import BackendTable
from tarmak_iam.identity.caller import Caller, CallerReader
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.model import Answer, DaemonInput, Denied, Identity, IdentityMapping, Locate
from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature
from tarmak_iam.identity.sts_verification import accepts_tokens_of
from tarmak_iam.identity.templates import TemplateRenderer
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}")


def match_reason(mapping: IdentityMapping, caller: Caller, table: BackendTable, tables: Sequence[BackendTable]) -> str:
    """With what the entry keeps from counting: duplicates before it, and backends behind its own."""
    if mapping.sso is not None:
        text = f"the SSO entry for permission set {mapping.sso.permission_set} of account {mapping.sso.account} matches"
    elif table.by_user_id:
        text = f"the entry for the unique id {mapping.user_id} matches"
    else:
        text = f"the entry for {mapping.arn} matches"
        if len(table.by_name.get(_name(caller), ())) > 1:
            text += _among(mapping, caller, table)
    return text + _behind(caller, table, tables)


def account_reason(caller: Caller, table: BackendTable, tables: Sequence[BackendTable]) -> str:
    reason = f"account {caller.account} is in mapAccounts: the username is the ARN, without groups"
    return reason + _behind(caller, table, tables)


def unrendered_hint(username: str) -> str:
    """What is said of a username that still has a template in it."""
    left = _TEMPLATE.search(username)
    return f"; {left.group()} is no template of this release and stays as it is" if left else ""


def no_match(caller: Caller, config: DaemonConfig, tables: Sequence[BackendTable]) -> Denied:
    """Why nobody matched, with the nearest entry that would have, had it been written otherwise."""
    reason = f"no entry maps {caller.canonical_arn}, and account {caller.account} is not in mapAccounts"
    for table in tables:
        if caller.account in table.uncarried_accounts:
            what = f"no entry maps {caller.canonical_arn}, and the backend {table.backend} admits no accounts"
            hint = f"the file has account {caller.account} in mapAccounts, so add MountedFile"
            return Denied(f"{what}: {hint}", table.accounts_route, table.place)
    for table in tables:
        for mapping, hint in _hints(caller, config, table):
            return Denied(f"{reason}; {hint}", mapping.route, table.place)
        hint = _account_hint(caller, table)
        if hint:
            return Denied(f"{reason}; {hint}", table.accounts_route, table.place)
    if all(table.backend != MOUNTED_FILE.name for table in tables):
        for mapping in (each for entry in (*config.roles, *config.users) for each in entry.possible):
            if _same(mapping.arn, caller.canonical_arn):
                hint = "the configuration's own entry for it is not asked: MountedFile is not among the backends"
                return Denied(f"{reason}; {hint}", mapping.route)
    return Denied(reason)


def _among(mapping: IdentityMapping, caller: Caller, table: BackendTable) -> str:
    """An entry that the daemon may take in several ways is one of them all the same."""
    picked_from = {each.route for each in table.find(caller) if each is not None}
    if len(picked_from) > 1:
        objects = " objects" if table.backend == CRD.name and not table.is_carried else ""
        return f" (one of {len(picked_from)}{objects} for it: the daemon picks one at random)"
    same = {each.route: each for each in table.by_name[_name(caller)] if _is_for(caller, each, table)}
    if len(same) < 2:
        return ""
    if mapping.kind == "role" and any(rival.kind == "user" for rival in same.values()):
        return f" (one of {len(same)} for it: the last role counts, roles before users)"
    return f" (the last of {len(same)} for it: the others do not count)"


def _is_for(caller: Caller, mapping: IdentityMapping, table: BackendTable) -> bool:
    """Whether the release takes the entry's ARN for the caller's."""
    folds = table.folds_roles if mapping.kind == "role" else table.folds_users
    compared = fold if folds else to_lower
    try:
        return compared(canonicalize(mapping.arn)[1]) == compared(caller.canonical_arn)
    except ArnError:
        return False


def _behind(caller: Caller, table: BackendTable, tables: Sequence[BackendTable]) -> str:
    """Whether a later backend maps the caller too, in vain."""
    if len(tables) < 2:
        return ""
    later = tables[[each is table for each in tables].index(True) + 1 :]
    for other in later:
        if other.has(caller) and other.place is not table.place:  # else it is the same entry
            return f"; what {other.backend} has for it is not asked, {table.backend} comes first"
    return ""


def _hints(caller: Caller, config: DaemonConfig, table: BackendTable) -> Iterator[tuple[IdentityMapping, str]]:
    own = parse_arn(caller.canonical_arn)
    for mapping in table.by_name.get(_name(caller), ()):
        hint = _id_hint(mapping, caller, table) if table.by_user_id else _arn_hint(mapping, own, table)
        if hint:
            yield mapping, hint
    for mapping in table.with_wildcards:
        if fnmatchcase(fold(caller.canonical_arn), fold(mapping.arn)):
            yield mapping, f"the entry for {mapping.arn} has a wildcard, and wildcards are taken literally"
    for mapping in table.with_sso:
        hint = _sso_hint(mapping, caller, table, gate=SSO_GATE in config.gates)
        if hint:
            yield mapping, hint


def _name(caller: Caller) -> str:
    return fold(caller.canonical_arn.rpartition("/")[2])


def _arn_hint(mapping: IdentityMapping, own: Arn, table: BackendTable) -> str:
    text = mapping.arn
    if _same(text, str(own)):
        return _written_hint(text, own, table)
    try:
        wanted = parse_arn(canonicalize(text.strip().rstrip("/"))[1])
    except ArnError:
        return ""
    for differs, hint in _DIFFERENCES:
        if differs(wanted, own):
            return hint.format(text=text, instead=wanted.without_path)
    return f"the entry for {shortened(text)!r} has blanks or a slash around its ARN, which count"


# In this order: of several differences the first one is told.
_DIFFERENCES: tuple[tuple[Callable[[Arn, Arn], bool], str], ...] = (
    (
        lambda wanted, own: not equal_fold(wanted.parts[0], own.parts[0]),
        "{text} is another kind of principal of that name",
    ),
    (lambda wanted, own: wanted.account != own.account, "{text} is the same name in another account"),
    (
        lambda wanted, own: wanted.path != own.path and equal_fold(own.parts[0], "role"),
        "the entry for {text} has a path, which STS leaves out: map {instead} instead",
    ),
    (
        lambda wanted, own: wanted.path != own.path,
        "the entry for {text} has another path: a user's path counts",
    ),
    (lambda wanted, own: wanted.partition != own.partition, "the entry for {text} is of another partition"),
)


def _written_hint(text: str, own: Arn, table: BackendTable) -> str:
    """An ARN that means the caller, in a backend or release that compares it as it is written."""
    if not (text + str(own)).isascii():
        return f"the entry for {text} has letters that this release does not take for those of {own}"
    if text.lower() == str(own).lower():
        return f"the entry for {text} is compared with its capitals by this release: write it in lower case"
    return f"the entry for {text} is compared as it is written by {table.backend}: map {own} instead"


def _id_hint(mapping: IdentityMapping, caller: Caller, table: BackendTable) -> str:
    if not _same(mapping.arn, caller.canonical_arn) and not _same(_pathless(mapping.arn), caller.canonical_arn):
        if mapping.user_id == caller.user_id:
            return f"the entry for the unique id {mapping.user_id} is for {mapping.arn}"
        return ""
    if mapping.user_id == caller.user_id:
        return f"the entry for {mapping.arn} has the caller's unique id, but the ARN is not taken for the same"
    return (
        f"the entry for {mapping.arn} has the unique id {mapping.user_id}, the caller {caller.user_id}: "
        f"{table.backend} asks for the id, and a role that was made anew has another one"
    )


def _sso_hint(mapping: IdentityMapping, caller: Caller, table: BackendTable, *, gate: bool) -> str:
    sso = mapping.sso
    assert sso is not None
    if fold(f"/AWSReservedSSO_{sso.permission_set}_") not in fold(caller.canonical_arn):
        return ""
    if sso.account != caller.account:
        return f"the SSO entry for permission set {sso.permission_set} is for account {sso.account}"
    if not gate:
        return "its SSO entry needs the feature gate SSORoleMatch"
    if sso.partition:
        return "its SSO entry has a partition, and an entry with one never matches: leave it out"
    if table.is_carried and not table.patterns:
        return f"its SSO entry is not carried by the backend {table.backend}: add MountedFile"
    return ""


def _account_hint(caller: Caller, table: BackendTable) -> str:
    """Accounts that lost their leading zeros, or have dashes, dots or blanks in them."""
    for account in table.odd_accounts:
        digits = "".join(filter(str.isdigit, account))
        if digits.zfill(12) == caller.account or _octal(caller.account) == account:
            return (
                f"mapAccounts has {shortened(account)!r}, which is not compared as a number: "
                f"write {quoted(caller.account)} in quotes"
            )
    return ""


def _octal(account: str) -> str:
    """What an unquoted account becomes whose digits after a leading zero are all octal ones."""
    return str(int(account, 8)) if account.startswith("0") and not set(account) - set("01234567") else ""


def _same(left: str, right: str) -> bool:
    """Whether two ARNs mean one principal, however the releases compare them."""
    try:
        return equal_fold(canonicalize(left)[1], canonicalize(right)[1])
    except ArnError:
        return False


def _pathless(text: str) -> str:
    try:
        return str(parse_arn(text).without_path)
    except ArnError:
        return text


class TokenReviewer:
    """Made once for a loaded configuration; what depends on the release only is worked out here, not per caller.

    `locate` leads through the configuration.
    """

    def __init__(
        self,
        config: DaemonConfig,
        tables: Sequence[BackendTable],
        given: DaemonInput,
        notes: tuple[str, ...],
        locate: Locate,
    ) -> None:
        version = config.version
        self._config = config
        self._tables = tables
        self._cluster_id = given.cluster_id
        self._notes = notes
        self._locate = locate
        self._callers = CallerReader(version)
        self._renderer = TemplateRenderer(version, given.private_dns_names)
        self._renders_users = version.has(ReleaseFeature.USER_TEMPLATES)
        self._extra_keys = [(key, index) for key, index in _EXTRA if version.has_extra(key)]

    def review(self, identity: Identity) -> Answer:
        try:
            self._check_cluster_id()
            caller = self._callers.read(identity)
            self._check_partition(caller)
        except Denied as denial:
            return self._denied(denial)
        return with_alternatives(self._map(caller))

    def _denied(self, denial: Denied) -> Answer:
        return Answer(
            started=True,
            reason=denial.reason,
            route=denial.route,
            notes=self._notes,
            locate=denial.locate or self._locate,
        )

    def _check_cluster_id(self) -> None:
        own = self._config.cluster_id
        if self._cluster_id is not None and self._cluster_id != own:
            raise Denied(
                f"the token is for cluster id {quoted(self._cluster_id)}, the configuration has {quoted(own)}",
                Route.of(("clusterID",)),
            )

    def _check_partition(self, caller: Caller) -> None:
        """A token is presigned for the STS of the caller's partition; a daemon of another one refuses that host."""
        config = self._config
        if not accepts_tokens_of(caller.partition, config.partition, config.version):
            raise Denied(f"the caller is of the partition {caller.partition}, the daemon of {config.partition}")

    def _map(self, caller: Caller) -> list[Answer]:
        """More than one where the daemon picks one at random, the likeliest first."""
        answers: list[Answer] = []
        for table in self._tables:
            found = table.find(caller)
            if len(found) == 1 and found[0] is not None and not answers:
                return [self._rendered(found[0], caller, table)]
            answers += [self._rendered(mapping, caller, table) for mapping in found if mapping is not None]
            if found and found[-1] is not None:
                return answers
            if caller.account in table.accounts:
                reason = account_reason(caller, table, self._tables)
                return [
                    *answers,
                    self._granted(caller, caller.canonical_arn, None, reason, table, table.accounts_route),
                ]
        return [*answers, self._denied(no_match(caller, self._config, self._tables))]

    def _rendered(self, mapping: IdentityMapping, caller: Caller, table: BackendTable) -> Answer:
        username: str = mapping.username
        groups: Sequence[str] = mapping.groups
        reason = match_reason(mapping, caller, table, self._tables)
        if self._renders_users or mapping.kind == "role":
            try:
                username = self._renderer.render(username, caller)
                groups = [self._renderer.render(group, caller) for group in groups]
            except Denied as denial:
                return self._denied(Denied(f"{reason}, but {denial.reason}", mapping.route, table.place))
        if "{{" in username:
            reason += unrendered_hint(username)
        for prefix in table.reserved_prefixes:
            if prefix and username.startswith(prefix):
                what = f"{reason}, but the username {quoted(username)} begins with the reserved prefix {quoted(prefix)}"
                return self._denied(Denied(what, mapping.route, table.place))
        return self._granted(caller, username, groups, reason, table, mapping.route)

    def _granted(
        self,
        caller: Caller,
        username: str,
        groups: Sequence[str] | None,
        reason: str,
        table: BackendTable,
        route: Route | None,
    ) -> Answer:
        scrubbed = caller.account in self._config.scrubbed
        uid = f"administrative:{username}" if scrubbed else f"{caller.account}:{caller.user_id}"
        return Answer(
            started=True,
            authenticated=True,
            username=username,
            groups=list(groups) if groups else None,
            uid=f"aws-iam-authenticator:{uid}",
            extra=None if scrubbed else self._extra(caller),
            reason=reason,
            route=route,
            notes=self._notes,
            locate=table.place,
        )

    def _extra(self, caller: Caller) -> dict[str, list[str]] | None:
        return {key: [caller[index]] for key, index in self._extra_keys} or None


# The extra values of a review, by the field of the caller that they have.
_EXTRA = tuple(
    (key, Caller._fields.index(name))
    for key, name in (
        ("accessKeyId", "access_key_id"),
        ("arn", "arn"),
        ("canonicalArn", "canonical_arn"),
        ("principalId", "user_id"),
        ("sessionName", "session_name"),
        ("sigs.k8s.io/aws-iam-authenticator/principalId", "user_id"),
    )
)


def with_alternatives(answers: Sequence[Answer]) -> Answer:
    """The first one, with all others that differ as its alternatives."""
    if len(answers) == 1:
        return answers[0]
    different: dict[tuple[object, ...], Answer] = {}
    for answer in (each for whole in answers for each in (whole, *whole.alternatives)):
        different.setdefault((answer.username, tuple(answer.groups or ())), replace(answer, alternatives=()))
    first, *others = different.values()
    return replace(first, alternatives=tuple(others))
