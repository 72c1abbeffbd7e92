"""A cluster's mappings file, in the authenticator's own format: listed and edited without losing a comment."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tarmak_iam.document import Document, Remove
from tarmak_iam.document.go_case import fold
from tarmak_iam.errors import ConfigError, EditRefused
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.viper import ViperSettings, load_config, lookup
from tarmak_iam.mappings.entries import MappingEntry, listed_entries
from tarmak_iam.mappings.merging import MergeOutcome, PrincipalRefusal, Wanted, plan_merge
from tarmak_iam.mappings.principals import parse_principal, principal_key
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

MAPPINGS_NAME = "aws-iam-authenticator.yaml"
"""The file in a cluster's directory."""

_HEADER = """\
# Who may log in to this cluster with AWS IAM, and as whom: the AWS IAM Authenticator's own format.
# Edit it by hand or with `tarmak-iam map add/remove`; `tarmak-iam check` looks for lock-outs.
"""


@dataclass(frozen=True, slots=True)
class Mappings:
    """The file as a value."""

    document: Document

    @classmethod
    def parse(cls, data: bytes | str, filename: str = MAPPINGS_NAME) -> Mappings:
        """Raises ParseError, and ConfigError where the file is no mapping."""
        document = Document.parse(data, filename, json=False)
        if document.data is not None and not isinstance(document.data, dict):
            remedy = "begin it with clusterID and server"
            if isinstance(document.data, list):
                remedy = (
                    "move it elsewhere and bring its entries in with map import, or begin it with clusterID and server"
                )
            raise ConfigError("the mappings file is no mapping", remedy=remedy, place=document.position(()))
        return cls(document)

    @classmethod
    def create(cls, cluster_id: str, filename: str = MAPPINGS_NAME) -> Mappings:
        """A new file: a short header and the cluster id."""
        return cls(Document.parse(_HEADER, filename, json=False).set(("clusterID",), cluster_id))

    @property
    def cluster_id(self) -> str | None:
        """The file's own clusterID, None where it has none."""
        value = lookup(self.document.data or {}, "clusterID")
        return None if value is None else str(value)

    @property
    def cluster_id_route(self) -> Route:
        return self._settings.route("clusterID")

    @property
    def entries(self) -> tuple[MappingEntry, ...]:
        """In the order that the daemon asks them: roles, users, accounts. Odd entries show what can be shown."""
        return tuple(listed_entries(self._settings))

    def entries_read_by(self, version: DaemonVersion) -> tuple[MappingEntry, ...]:
        """The same as a release reads the texts: `username: yes` is "1" for some, and "yes" for others.

        As `entries` where that release does not take the file.
        """
        with contextlib.suppress(DaemonNotStarted):
            return tuple(listed_entries(ViperSettings(load_config(self.document, version), {}, {})))
        return self.entries

    def with_cluster_id(self, cluster_id: str) -> Mappings:
        """The same with a clusterID where it has none. Raises ConfigError where it has another."""
        own = self.cluster_id
        if own is None or own == "":
            return replace(self, document=self.document.set(self.cluster_id_route, cluster_id))
        if own != cluster_id:
            raise ConfigError(
                f"clusterID is {quoted(own)}, but this cluster's id is "
                f"{quoted(cluster_id)}: every login would be refused",
                remedy=f"write clusterID: {cluster_id}",
                place=self.document.position(self.cluster_id_route),
            )
        return self

    def add(
        self,
        arn: str,
        username: str | None = None,
        groups: Sequence[str] | None = None,
        *,
        strip_path: bool = False,
        replace_groups: bool = True,
    ) -> Mappings:
        """Maps an ARN, `sso:ACCOUNT/PERMISSION SET` or, with neither username nor groups, an account.

        The same value if it is mapped so. An entry for the same principal is brought up to date; its username and
        its groups stay where None are given, and with `replace_groups` False the groups are added to its own.
        `strip_path` takes a role's path away. Raises ConfigError for a principal, username or group that the daemon
        could not use, for a new role or user without a username, and EditRefused.
        """
        chosen = None if groups is None else tuple(groups)
        wish = Wanted(arn, username, chosen, adds_groups=not replace_groups)
        merged, (outcome,) = self.merge([wish], strip_path=strip_path)
        if outcome.error is not None:
            raise outcome.error
        return merged

    def merge(
        self, wanted: Iterable[Wanted], *, strip_path: bool = False, refuse: PrincipalRefusal | None = None
    ) -> tuple[Mappings, tuple[MergeOutcome, ...]]:
        """All wanted entries brought in at once, and what became of each; what cannot be used is skipped.

        `refuse` may know more reasons to skip one. Raises EditRefused, nothing changed.
        """
        planned = plan_merge(self.document, self.entries, wanted, strip_path=strip_path, refuse=refuse)
        return self._with(planned.apply_to(self.document)), planned.outcomes

    def remove(self, arn: str) -> Mappings:
        """Takes every entry for the ARN, account or `sso:ACCOUNT/PERMISSION SET` out; the same value if there
        is none.

        Raises ConfigError for an empty text, and EditRefused.
        """
        if not arn.strip():
            raise ConfigError("the ARN is empty", remedy="name the ARN or account whose entry goes")
        entries, removals = self.entries, []
        for entry in reversed(self.matching(arn)):
            if sum(other.route == entry.route for other in entries) > 1:
                raise EditRefused(
                    f"{shortened(arn)} shares one text with others, which would go with it",
                    remedy="write them as a list first",
                    place=self.document.position(entry.route),
                )
            removals.append(Remove(entry.route))
        return self._with(self.document.edit(*removals))

    def matching(self, principal: str) -> tuple[MappingEntry, ...]:
        """The entries for an ARN, an account or `sso:ACCOUNT/PERMISSION SET`, and those that some release takes for it.

        A role of IAM Identity Center is looked for without its path too, which is how `add` maps it.
        """
        wanted = {principal_key(principal)}
        with contextlib.suppress(ConfigError):
            wanted.add(parse_principal(principal).key)
        keys = set(map(fold, wanted))
        return tuple(entry for entry in self.entries if fold(entry.key) in keys)

    def _with(self, document: Document) -> Mappings:
        return self if document is self.document else replace(self, document=document)

    @property
    def _settings(self) -> ViperSettings:
        return ViperSettings(self.document.data, {}, {})
