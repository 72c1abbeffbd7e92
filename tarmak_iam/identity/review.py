"""The token review itself: a caller whom STS has described, against what the backends have loaded."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from collections.abc import Sequence
from dataclasses import replace

from tarmak_iam.identity.caller import Caller, CallerReader
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.explain import by_account, literal, matched, unmatched
from tarmak_iam.identity.model import Answer, Identity, Locate, Mapping
from tarmak_iam.identity.refusal import Denied
from tarmak_iam.identity.sts import accepts_tokens_of
from tarmak_iam.identity.table import Table
from tarmak_iam.identity.templates import Renderer
from tarmak_iam.identity.versions import DaemonVersion
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted

__all__ = ["Reviewer", "one_of"]


class Reviewer:
    """Made once for a loaded configuration; what depends on the release only is worked out here, not per caller.

    `cluster_id` is the token's (None: the configuration's own), `locate` leads through the configuration.
    """

    def __init__(
        self,
        config: DaemonConfig,
        tables: Sequence[Table],
        cluster_id: str | None,
        private_dns_names: AnyMapping[str, str],
        notes: tuple[str, ...],
        locate: Locate,
    ) -> None:
        version = config.version
        self._config = config
        self._tables = tables
        self._cluster_id = cluster_id
        self._notes = notes
        self._locate = locate
        self._callers = CallerReader(version)
        self._renderer = Renderer(version, private_dns_names)
        # v0.4.0 renders the templates of roles only.
        self._renders_users = version.known >= DaemonVersion(0, 5, 0)
        self._extra_keys = [(key, index) for key, index in _EXTRA if version.has(f"extra key {key}")]

    def review(self, identity: Identity) -> Answer:
        try:
            self._check_cluster_id()
            caller = self._callers.read(identity)
            self._check_partition(caller)
        except Denied as denial:
            return self._denied(denial)
        return one_of(self._map(caller))

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
                reason = by_account(caller, table, self._tables)
                return [
                    *answers,
                    self._granted(caller, caller.canonical_arn, None, reason, table, table.accounts_route),
                ]
        return [*answers, self._denied(unmatched(caller, self._config, self._tables))]

    def _rendered(self, mapping: Mapping, caller: Caller, table: Table) -> Answer:
        username: str = mapping.username
        groups: Sequence[str] = mapping.groups
        reason = matched(mapping, caller, table, self._tables)
        if self._renders_users or mapping.kind == "role":
            try:
                username = self._renderer.render(username, caller)
                groups = [self._renderer.render(group, caller) for group in groups]
            except Denied as denial:
                return self._denied(Denied(f"{reason}, but {denial.reason}", mapping.route, table.place))
        if "{{" in username:
            reason += literal(username)
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
        table: Table,
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


def one_of(answers: Sequence[Answer]) -> Answer:
    """The first one, with all others that differ as its alternatives."""
    if len(answers) == 1:
        return answers[0]
    different: dict[tuple[object, ...], Answer] = {}
    for answer in (each for whole in answers for each in (whole, *whole.alternatives)):
        different.setdefault((answer.username, tuple(answer.groups or ())), replace(answer, alternatives=()))
    first, *others = different.values()
    return replace(first, alternatives=tuple(others))
