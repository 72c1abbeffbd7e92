"""The loaded authenticator: answers who a caller becomes, as the real daemon of that version would."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from functools import partial

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, Place
from tarmak_iam.identity.backends import load_tables
from tarmak_iam.identity.caller import Caller, identify
from tarmak_iam.identity.config_file import parse_config
from tarmak_iam.identity.daemon_config import DaemonConfig, read_daemon_config
from tarmak_iam.identity.explain import matched, unmatched
from tarmak_iam.identity.grants import grants_of
from tarmak_iam.identity.model import Answer, Grant, Identity, Mapping
from tarmak_iam.identity.refusal import Denied, NotStarted
from tarmak_iam.identity.sts import accepts_tokens_of
from tarmak_iam.identity.table import Table
from tarmak_iam.identity.templates import render_template
from tarmak_iam.identity.versions import NEWEST, DaemonVersion
from tarmak_iam.routes import Route

__all__ = ["Authenticator", "whois"]


@dataclass(frozen=True)
class Authenticator:
    """A configuration loaded for one daemon version. `config` is None where the daemon would not start."""

    config: DaemonConfig | None
    failure: Answer | None = None
    document: Document | None = field(default=None, repr=False)
    cluster_id: str | None = None
    private_dns_names: AnyMapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = field(default=(), repr=False)
    """What the backends have loaded, in the order they are asked."""

    @classmethod
    def load(
        cls,
        config_text: str,
        *,
        version: str = "v0.7.9",
        cluster_id: str | None = None,
        args: Iterable[str] = (),
        files: AnyMapping[str, str] | None = None,
        filename: str = "config.yaml",
        private_dns_names: AnyMapping[str, str] | None = None,
    ) -> Authenticator:
        """Reads the daemon's configuration as that version does. Nothing raises: see `Authenticator.failure`.

        `args` are the daemon's own flags; `filename`'s extension selects the format; `files` are other
        files it reads, by their last path component, and the cluster's objects that it watches (see
        `load_tables`); `cluster_id` is the token's (None: the config's own); `private_dns_names`: by
        instance id, what ec2:DescribeInstances would answer.
        """
        document = None
        try:
            parsed = DaemonVersion.parse(version)
            document = parse_config(config_text, str(filename))
            config = read_daemon_config(document, parsed, _as_args(args))
            tables, notes = load_tables(config, files or {}, partial(_position, document))
        except ConfigError as error:
            return cls(None, Answer(started=False, reason=error.message))
        except NotStarted as stop:
            place = _position(document, stop.route)
            return cls(None, Answer(started=False, reason=stop.reason, route=stop.route, place=place))
        if parsed > NEWEST:
            newer = f"{parsed} is newer than {NEWEST}, the newest version that is known; the answer is {NEWEST}'s"
            notes = (newer, *notes)
        return cls(config, None, document, cluster_id, private_dns_names or {}, notes, tables)

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every principal that some caller can be, once, with the entry that decides for it; none if the
        daemon would not start."""
        config = self.config
        if config is None:
            return ()
        return tuple(grants_of(self.tables, lambda own: accepts_tokens_of(own, config.partition, config.version)))

    def whois(self, identity: Identity) -> Answer:
        """Who the caller becomes."""
        if self.config is None:
            return self.failure or Answer(started=False)
        try:
            self._check_cluster_id(self.config)
            caller = identify(identity, self.config.version)
            self._check_partition(caller, self.config)
            return self._map(caller, self.config)
        except Denied as denial:
            return Answer(
                started=True,
                reason=denial.reason,
                route=denial.route,
                place=denial.place or _position(self.document, denial.route),
                notes=self.notes,
            )

    def _check_cluster_id(self, config: DaemonConfig) -> None:
        if self.cluster_id is not None and self.cluster_id != config.cluster_id:
            raise Denied(
                f"the token is for cluster id '{self.cluster_id}', the configuration has '{config.cluster_id}'",
                Route.of(("clusterID",)),
            )

    def _check_partition(self, caller: Caller, config: DaemonConfig) -> None:
        """A token is presigned for the STS of the caller's partition; a daemon of another one refuses that host."""
        if not accepts_tokens_of(caller.partition, config.partition, config.version):
            raise Denied(f"the caller is of the partition {caller.partition}, the daemon of {config.partition}")

    def _map(self, caller: Caller, config: DaemonConfig) -> Answer:
        for table in self.tables:
            found = table.find(caller)
            if found:
                first, *others = (self._rendered(mapping, caller, config, table) for mapping in found)
                return replace(first, alternatives=_different(first, others)) if others else first
            if caller.account in table.accounts:
                reason = f"account {caller.account} is in mapAccounts: the username is the ARN, without groups"
                return self._granted(caller, config, caller.canonical_arn, (), reason, table, table.accounts_route)
        raise unmatched(caller, config, self.tables)

    def _rendered(self, mapping: Mapping, caller: Caller, config: DaemonConfig, table: Table) -> Answer:
        version = config.version
        # v0.4.0 renders the templates of roles only.
        if mapping.kind == "role" or version.known >= DaemonVersion(0, 5, 0):
            try:
                username = render_template(mapping.username, caller, self.private_dns_names, version)
                groups = [render_template(group, caller, self.private_dns_names, version) for group in mapping.groups]
            except Denied as denial:
                reason = f"{matched(mapping)}, but {denial.reason}"
                raise Denied(reason, mapping.route, table.place(mapping.route)) from None
        else:
            username, groups = mapping.username, list(mapping.groups)
        for prefix in table.reserved_prefixes:
            if prefix and username.startswith(prefix):
                reason = f"{matched(mapping)}, but the username '{username}' begins with the reserved prefix '{prefix}'"
                raise Denied(reason, mapping.route, table.place(mapping.route))
        return self._granted(caller, config, username, groups, matched(mapping), table, mapping.route)

    def _granted(
        self,
        caller: Caller,
        config: DaemonConfig,
        username: str,
        groups: Iterable[str],
        reason: str,
        table: Table,
        route: Route | None,
    ) -> Answer:
        scrubbed = caller.account in config.scrubbed
        uid = f"administrative:{username}" if scrubbed else f"{caller.account}:{caller.user_id}"
        return Answer(
            started=True,
            authenticated=True,
            username=username,
            groups=list(groups) or None,
            uid=f"aws-iam-authenticator:{uid}",
            extra=None if scrubbed else _extra(caller, config.version),
            reason=reason,
            route=route,
            place=table.place(route),
            notes=self.notes,
        )


def whois(
    config_text: str,
    identity: Identity,
    version: str = "v0.7.9",
    cluster_id: str | None = None,
    args: Iterable[str] = (),
    files: AnyMapping[str, str] | None = None,
    filename: str = "config.yaml",
    private_dns_names: AnyMapping[str, str] | None = None,
) -> Answer:
    """Who a caller becomes: `Authenticator.load(...).whois(identity)` in one go."""
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


def _extra(caller: Caller, version: DaemonVersion) -> dict[str, list[str]] | None:
    values = {
        "accessKeyId": caller.access_key_id,
        "arn": caller.arn,
        "canonicalArn": caller.canonical_arn,
        "principalId": caller.user_id,
        "sessionName": caller.session_name,
        "sigs.k8s.io/aws-iam-authenticator/principalId": caller.user_id,
    }
    return {key: [value] for key, value in values.items() if version.has(f"extra key {key}")} or None


def _different(first: Answer, others: Iterable[Answer]) -> tuple[Answer, ...]:
    return tuple(other for other in others if (other.username, other.groups) != (first.username, first.groups))


def _position(document: Document | None, route: Route | None) -> Place | None:
    return document.position(route) if document is not None and route is not None else None


def _as_args(args: Iterable[str] | None) -> tuple[str, ...]:
    """A single text is one argument, not its letters."""
    return (args,) if isinstance(args, str) else tuple(args or ())
