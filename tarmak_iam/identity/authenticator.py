"""The loaded authenticator: says who a caller becomes, as the real authenticator of that release would, and who can log
in: every principal once, with the mapping that takes effect for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Mapping as AnyMapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import NamedTuple

from tarmak_iam.aws.arn import ArnError, canonicalize, is_account, is_role_name, parse_arn
from tarmak_iam.aws.arn_flaws import canonical_text, in_ascii, is_reachable, sound_partition
from tarmak_iam.aws.go_case import to_lower
from tarmak_iam.document import Document
from tarmak_iam.document.document import gc_paused
from tarmak_iam.errors import ConfigError
from tarmak_iam.identity.backend_table import BackendTable, Found, matches_in
from tarmak_iam.identity.backends import load_tables
from tarmak_iam.identity.caller import Caller
from tarmak_iam.identity.daemon_config import DaemonConfig, read_daemon_config
from tarmak_iam.identity.flags import parse_flags
from tarmak_iam.identity.model import (
    Answer,
    DaemonInput,
    DaemonNotStarted,
    Grant,
    Identity,
    IdentityMapping,
    Locate,
    no_place,
    place_in,
)
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion, ReleaseFeature
from tarmak_iam.identity.sts_verification import accepts_tokens_of
from tarmak_iam.identity.templates import DNS_CHARACTER, PRIVATE_DNS
from tarmak_iam.identity.token_review import TokenReviewer, with_alternatives
from tarmak_iam.identity.viper import Item, load_config, parse_config, possible_files, take_each


@dataclass(frozen=True)
class Authenticator:
    """A configuration as one release of the authenticator loads it. `config` is None if it would not start.

    If the authenticator picks one of several keys at random, `config` and `tables` are the likeliest choice, and
    answers list what the others lead to."""

    config: DaemonConfig | None
    failure: Answer | None = None
    document: Document | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    tables: tuple[BackendTable, ...] = field(default=(), repr=False)
    """What the backends have loaded, in the order in which the authenticator uses them."""
    is_complete: bool = True
    """False where the authenticator can read the configuration in more ways than were checked; a note says so."""
    _reviewers: tuple[TokenReviewer, ...] = field(default=(), repr=False)
    _grantings: tuple[Granting, ...] = field(default=(), repr=False)

    @classmethod
    def load(
        cls,
        config_text: str,
        *,
        version: str = str(DEFAULT_RELEASE),
        cluster_id: str | None = None,
        args: Iterable[str] = (),
        files: AnyMapping[str, str] | None = None,
        filename: str = "config.yaml",
        private_dns_names: AnyMapping[str, str] | None = None,
    ) -> Authenticator:
        """Reads the authenticator's configuration as the release `version` does. Raises nothing: `failure` says why the
        authenticator would not start.

        `args`: its flags. `cluster_id`: that of the tokens; None for the one in the configuration. `files`: the texts
        of other files that it reads, by file name, and of the cluster's objects for its backends. `filename`: its
        extension selects the format. `private_dns_names`: what EC2 would return, by instance ID.
        """
        args = (args,) if isinstance(args, str) else tuple(args or ())  # a single string is one argument
        names = private_dns_names or {}
        return cls.of(DaemonInput(config_text, version, cluster_id, args, files or {}, str(filename), names))

    @classmethod
    @gc_paused()
    def of(cls, given: DaemonInput) -> Authenticator:
        """As `load`, from one value."""
        document = None
        locate: Locate = no_place
        try:
            version = DaemonVersion.parse(given.version)
            document = given.document or parse_config(given.config_text, given.filename, given.shown_as)
            locate = partial(place_in, document)
            flags = parse_flags(given.args, version)
            ways = possible_files(load_config(document, version))

            def load(file: Item) -> tuple[DaemonConfig, tuple[BackendTable, ...], tuple[str, ...]]:
                config = read_daemon_config(file, version, flags)
                return config, *load_tables(config, given, locate)

            loaded, stops = take_each(ways.items, load)
        except ConfigError as error:
            return cls(None, Answer(started=False, reason=error.message))
        except DaemonNotStarted as stop:
            where = locate if (place := stop.place) is None else lambda _: place
            answer = Answer(started=False, reason=stop.reason, route=stop.route, locate=where, remedy=stop.remedy)
            return cls(None, answer)
        unread = (f"{version} {version.unread}; this is the answer of {version.known}",) if version.unread else ()
        of_ways = (note for config, _, notes in loaded for note in (*config.notes, *notes))
        notes = tuple(dict.fromkeys((*unread, *ways.notes, *of_ways, *stops)))
        config, tables, _ = loaded[0]
        return cls(
            config,
            None,
            document,
            notes,
            tables,
            is_complete=ways.is_complete and all(config.is_complete for config, _, _ in loaded),
            _reviewers=tuple(TokenReviewer(config, tables, given, notes, locate) for config, tables, _ in loaded),
            _grantings=tuple(Granting(config, tables) for config, tables, _ in loaded),
        )

    @cached_property
    def grants(self) -> tuple[Grant, ...]:
        """Every principal that a caller can be, once, with the mapping that takes effect for it; empty if the
        authenticator would not start. Where it picks one of several keys at random, the principals of all of them."""
        if len(self._grantings) == 1:
            return tuple(self._grantings[0].all())
        named: dict[tuple[str, str], Grant] = {}
        for granting in self._grantings:
            for grant in granting.all():
                named.setdefault(grant.key, grant)
        return tuple(grant for grant in map(self.grant, named.values()) if grant is not None)

    def grant(self, asked: Grant) -> Grant | None:
        """What the principal of a grant (maybe of another configuration) gets here; None if it cannot log in."""
        return likeliest_grant(self.possible_grants(asked))

    def alternatives(self, asked: Grant) -> tuple[Grant, ...]:
        """What else the principal of a grant can get, where the authenticator picks one of several at random."""
        return other_grants(self.possible_grants(asked))

    def possible_grants(self, asked: Grant) -> tuple[Grant | None, ...]:
        """All that the principal of a grant can get, the likeliest first, None for a denial: several where the
        authenticator picks at random. Empty if it would not start."""
        return tuple(grant for granting in self._grantings for grant in granting.possible_grants(asked))

    def whois(self, identity: Identity) -> Answer:
        """Who the caller becomes."""
        answers = [reviewer.review(identity) for reviewer in self._reviewers]
        if not answers:
            return self.failure or Answer(started=False)
        return with_alternatives(sorted(answers, key=lambda answer: not answer.authenticated))


def whois(
    config_text: str,
    identity: Identity,
    version: str = str(DEFAULT_RELEASE),
    cluster_id: str | None = None,
    args: Iterable[str] = (),
    files: AnyMapping[str, str] | None = None,
    filename: str = "config.yaml",
    private_dns_names: AnyMapping[str, str] | None = None,
) -> Answer:
    """Who a caller becomes: short for `Authenticator.load(...).whois(identity)`."""
    authenticator = Authenticator.load(
        config_text,
        version=version,
        cluster_id=cluster_id,
        args=args,
        files=files,
        filename=filename,
        private_dns_names=private_dns_names,
    )
    return authenticator.whois(identity)


_TEMPLATE = re.compile(r"\{\{[A-Za-z0-9]+\}\}", re.ASCII)
# Any suffix works: the authenticator's pattern ends in a star.
_SUFFIX = "ffffffffffffffff"


class Granting(NamedTuple):
    """The grants of a loaded authenticator: every principal once, with the mapping that takes effect for it."""

    config: DaemonConfig
    tables: Sequence[BackendTable]

    def _accepts(self, partition: str) -> bool:
        """Whether the authenticator accepts tokens of a partition."""
        return accepts_tokens_of(partition, self.config.partition, self.config.version)

    def all(self) -> Iterator[Grant]:
        """In the order of the backends, without principals that no caller can be and those that are always denied."""
        taken: set[tuple[str, str]] = set()
        for named, is_granted in self._named():
            if (key := named.key) not in taken:
                taken.add(key)
                grant = named if is_granted else likeliest_grant(self.possible_grants(named))
                # A principal with access through its account in an earlier backend keeps it, even if a later backend
                # maps it.
                if grant is not None and not (grant.kind in ("arn", "sso") and grant.is_by_account):
                    yield grant

    def possible_grants(self, asked: Grant) -> tuple[Grant | None, ...]:
        """Every access that the principal of a grant can get, the likeliest first: several if the authenticator picks
        at random. None stands for a denial."""
        caller = _caller(asked)

        def is_another(mapping: IdentityMapping | None) -> bool:
            """Of several that match the role of a permission set, its own mapping comes first; for an ARN the exact one
            does anyway."""
            sso = mapping.sso if mapping is not None and asked.kind == "sso" else None
            return sso is None or f"{sso.account}/{sso.permission_set}" != asked.principal

        def find(table: BackendTable) -> Found:
            if asked.kind == "account":
                return ()
            # The ARN next to a unique ID is compared with that of a caller, and here there is none.
            matches = table.of_user_id(asked.principal) if asked.kind == "userid" else table.find(caller)
            return tuple(sorted(matches, key=is_another))

        account = asked.principal if asked.kind == "account" else caller.account
        return tuple(self._grant(asked, *match) for match in matches_in(self.tables, find, account))

    def _grant(self, asked: Grant, table: BackendTable | None, mapping: IdentityMapping | None) -> Grant | None:
        if table is None or (mapping is not None and self._is_refused(asked, mapping, table)):
            return None
        named = asked.kind, asked.principal
        if mapping is None:
            username, route = asked.principal if asked.kind == "arn" else "", table.accounts_route
            return Grant(*named, username, (), table.backend, route, is_by_account=True, locate=table.place)
        names = mapping.username, mapping.groups
        return Grant(*named, *names, table.backend, mapping.route, locate=table.place)

    def _is_refused(self, asked: Grant, mapping: IdentityMapping, table: BackendTable) -> bool:
        """Whether the review fails for every caller. A principal that is denied sometimes only has a grant."""
        if any(prefix and mapping.username.startswith(prefix) for prefix in table.reserved_prefixes):
            return True
        names = (mapping.username, *mapping.groups)
        if mapping.kind != "role" and not self.config.version.has(ReleaseFeature.USER_TEMPLATES):
            return False
        # A user or root has no session, so it cannot be an instance either.
        resource = asked.principal.rpartition("::")[2].partition(":")[2] if asked.kind == "arn" else ""
        is_instance = not self.config.ec2_crash and resource != "root" and not resource.startswith("user/")
        if not is_instance and any("{{" in name and PRIVATE_DNS in name for name in names):
            return True
        return self.config.version.has(ReleaseFeature.NAMES_NEED_DNS_CHARACTER) and any(
            not _TEMPLATE.search(name) and not DNS_CHARACTER.search(name) for name in names
        )

    def _named(self) -> Iterator[tuple[Grant, bool]]:
        """Every principal of a mapping or account that a caller can be; True if the grant is what it gets."""
        for number, table in enumerate(self.tables):
            decides = not number and not table.patterns and table.admits is None
            for key, mapping in table.entries:
                named = self._principal(key, mapping, table)
                if named is None:
                    continue
                names = mapping.username, mapping.groups
                grant = Grant(*named, *names, table.backend, mapping.route, locate=table.place)
                # Whether callers with the key have one mapping in the table, and certainly that one.
                matches = () if key is None else table.roles.get(key) or table.users.get(key, ())
                yield grant, decides and len(matches) == 1 and not self._is_refused(grant, mapping, table)
            for account in sorted(filter(is_account, table.accounts)):
                yield Grant("account", account, "", (), table.backend), False

    def _principal(self, key: str | None, mapping: IdentityMapping, table: BackendTable) -> tuple[str, str] | None:
        """Kind and principal; None if there is no such caller."""
        sso = mapping.sso
        if sso is not None:
            # The pattern is for the partition aws; with an explicit one it has none, and never matches.
            never = sso.partition or is_role_name(sso.permission_set) or not self._accepts("aws")
            return None if never else ("sso", f"{sso.account}/{sso.permission_set}")
        if table.by_user_id:
            return "userid", mapping.user_id
        partition, principal = ("", "") if key is None else _reachable(mapping.arn, key)
        return ("arn", principal) if principal and self._accepts(partition) else None


@lru_cache(maxsize=1 << 14)  # for the next authenticator, which has nearly the same mappings
def _reachable(arn: str, key: str) -> tuple[str, str]:
    """The partition and the ARN of the principal that callers with the key can be; empty if there is no such caller. A
    backend that compares ARNs as written can have keys that match no caller, and so can letters outside ASCII."""
    if (partition := sound_partition(arn)) and key == arn.lower():
        return partition, arn
    if not key.isascii() or canonical_text(key) != key or not is_reachable(key):
        return "", ""
    # With the capitals of the ARN as written, if it is valid; letters that are treated as ASCII become ASCII.
    principal = key
    with suppress(ArnError):
        principal = canonicalize(in_ascii(arn))[1]
    return parse_arn(key).partition, principal if to_lower(principal) == key else key


def likeliest_grant(possible: Iterable[Grant | None]) -> Grant | None:
    """The likeliest grant; None if there is none."""
    possible = tuple(possible)
    first = next(filter(None, possible), None)
    if first is None or len(possible) == 1:
        return first
    names = (first.username, first.groups)
    is_sure = all(grant is not None and (grant.username, grant.groups) == names for grant in possible)
    return first if is_sure else replace(first, is_sure=False)


def other_grants(possible: Iterable[Grant | None]) -> tuple[Grant, ...]:
    """The alternatives to the likeliest grant, each once."""
    different: dict[tuple[str, tuple[str, ...]], Grant] = {}
    for grant in filter(None, possible):
        different.setdefault((grant.username, grant.groups), grant)
    return tuple(different.values())[1:]


def _caller(asked: Grant) -> Caller:
    """A caller that is the principal; for a permission set any of its roles."""
    if asked.kind == "sso":
        account, _, permission_set = asked.principal.partition("/")
        arn = f"arn:aws:iam::{account}:role/AWSReservedSSO_{permission_set}_{_SUFFIX}"
        return Caller(arn, arn, "aws", account, "", "", "")
    arn = asked.principal if asked.kind == "arn" else ""
    sections = arn.split(":", 5)
    return Caller(arn, arn, sections[1], sections[4], "", "", "") if len(sections) == 6 else Caller(*[""] * 7)
