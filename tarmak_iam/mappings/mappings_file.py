"""The mappings file of a cluster, in the format of the authenticator: read and edited without losing a comment."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from tarmak_iam.aws.arn import with_plain_account
from tarmak_iam.aws.go_case import fold
from tarmak_iam.config.type_repairs import Repair, RepairedFile
from tarmak_iam.document import Document, Edit, Remove
from tarmak_iam.document.document import gc_paused
from tarmak_iam.document.nodes import Scalar, walk
from tarmak_iam.document.source import Source
from tarmak_iam.errors import ConfigError, EditRefused, FileError, ParseError, Place, TarmakIamError
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.on_disk import FileOnDisk
from tarmak_iam.files.read import missing_file, read_if_present
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.identity.viper import ViperSettings, load_config, lookup
from tarmak_iam.mappings.entries import MappingEntry, listed_entries, listed_items, parse_principal, principal_key
from tarmak_iam.mappings.groups import listed_groups
from tarmak_iam.mappings.merging import MergeOutcome, PrincipalRefusal, Wanted, plan_merge, without_groups
from tarmak_iam.routes import Route
from tarmak_iam.text import quoted, shortened

MAPPINGS_NAME = "aws-iam-authenticator.yaml"
"""The file in a cluster's directory."""

_HEADER = """\
# Who can log in to this cluster with AWS IAM, and as whom (AWS IAM Authenticator configuration).
# Edit it by hand or with `tarmak-iam map add/remove`, then run `tarmak-iam check`.
"""

_MOST_ENTRIES = 12_000
"""A ConfigMap, which has at most 1 MiB, holds about 10,000 roles."""


# Not slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True, repr=False)
class Mappings:
    """The mappings file of one cluster. Frozen: an edit returns a new value; `save` writes the file."""

    document: Document
    _disk: FileOnDisk | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        count = len(self.entries)
        return f"Mappings({self.document.filename!r}, {count} entr{'y' if count == 1 else 'ies'})"

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], cluster_id: str | None = None, *, within: Boundary | None = None
    ) -> Mappings:
        """Reads a file; `save` creates a missing one with the clusterID `cluster_id`. `within` limits where links may
        lead. Raises FileError, also for a missing file without `cluster_id`, and as `parse`."""
        file = Path(path)
        data = read_if_present(file, within)
        if data is None:
            if cluster_id is None:
                raise missing_file(file)
            return cls.create(cluster_id, file, within=within)
        return replace(cls.parse(data, str(file)), _disk=FileOnDisk.of(file, data, within))

    @classmethod
    def parse(cls, data: bytes | str, filename: str = MAPPINGS_NAME) -> Mappings:
        """Raises ParseError, and ConfigError if the text is not a YAML mapping, or has more than 12,000 entries."""
        document = Document.parse(data, filename, json=False)
        data = document.shared_data
        if not isinstance(data, (dict, type(None))):
            remedy = "begin it with clusterID and server"
            if isinstance(data, list):
                remedy = f"move it elsewhere and import its entries with map import, or {remedy}"
            raise ConfigError("the mappings file must be a YAML mapping", remedy=remedy, place=document.position(()))
        server = lookup(data or {}, "server")
        lists = [value for value in server.values() if isinstance(value, list)] if isinstance(server, dict) else []
        if sum(map(len, lists)) > _MOST_ENTRIES:
            what = f"the file has more than {_MOST_ENTRIES:,} mappings, which is the limit"
            raise ConfigError(what, remedy="map roles that many people assume", place=document.position(()))
        return cls(document)

    @classmethod
    def create(
        cls, cluster_id: str, path: str | os.PathLike[str] | None = None, *, within: Boundary | None = None
    ) -> Mappings:
        """A header and the cluster ID. `save` writes them to `path`, where no file may exist yet."""
        document = Document.parse(_HEADER, MAPPINGS_NAME if path is None else str(path), json=False)
        disk = None if path is None else FileOnDisk.of(Path(path), None, within)
        return cls(document.set(("clusterID",), cluster_id), disk)

    @property
    def cluster_id(self) -> str | None:
        """The clusterID of the file, None if it has none."""
        value = lookup(self.document.shared_data or {}, "clusterID")
        return None if value is None else str(value)

    @property
    def cluster_id_route(self) -> Route:
        return self._settings.route("clusterID")

    @cached_property
    def entries(self) -> tuple[MappingEntry, ...]:
        """In the order in which the authenticator searches them: roles, users, accounts; malformed ones too."""
        return tuple(entry for entry, _ in self.items)

    @cached_property
    def items(self) -> tuple[tuple[MappingEntry, Any], ...]:
        """The entries, each with its value in the file, which must not be modified."""
        with gc_paused():
            return tuple(listed_items(self._settings))

    def entries_read_by(self, version: DaemonVersion) -> tuple[MappingEntry, ...]:
        """As a release reads them: for some, `username: yes` is "1". As `entries` if it does not accept the file."""
        with contextlib.suppress(DaemonNotStarted):
            return tuple(listed_entries(ViperSettings(load_config(self.document, version), {}, {})))
        return self.entries

    def with_cluster_id(self, cluster_id: str) -> Mappings:
        """The same with a clusterID if it has none. Raises ConfigError if it has another one."""
        existing = self.cluster_id
        if not existing:
            return self._with(self.document.set(self.cluster_id_route, cluster_id))
        if existing != cluster_id:
            what = f"clusterID is {quoted(existing)}, but the ID of this cluster is {quoted(cluster_id)}"
            what = f"{what}: the authenticator would reject every token"
            place = self.document.position(self.cluster_id_route)
            raise ConfigError(what, remedy=f"write clusterID: {cluster_id}", place=place)
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

        Returns the same value if nothing changes. An existing entry of the principal is updated: it keeps its username
        and its groups if they are None here. `groups` replace its groups, or with `replace_groups` False are added to
        them. `strip_path` removes the path of a role. The account may be written as the AWS console shows it.

        Raises ConfigError for a principal, username or group that the authenticator cannot use, and for a new role or
        user without a username; EditRefused if the file cannot be edited safely.
        """
        wish = Wanted(with_plain_account(arn), username, listed_groups(groups), adds_groups=not replace_groups)
        merged, (outcome,) = self.merge([wish], strip_path=strip_path)
        if outcome.error is not None:
            raise outcome.error
        return merged

    def merge(
        self, wanted: Iterable[Wanted], *, strip_path: bool = False, refuse: PrincipalRefusal | None = None
    ) -> tuple[Mappings, tuple[MergeOutcome, ...]]:
        """Adds or updates all wanted entries in one edit, and says what was done for each. Unusable ones are skipped,
        and those that `refuse` rejects. Raises EditRefused, nothing changed."""
        planned = plan_merge(self.document, self.entries, wanted, strip_path=strip_path, refuse=refuse)
        return self._with(self.document.edit(*planned.edits)), planned.outcomes

    def remove(self, arn: str, groups: Collection[str] | None = None) -> Mappings:
        """Removes every entry for the ARN, account or `sso:ACCOUNT/PERMISSION SET`, or only `groups` from them. Returns
        the same value if there is none. Raises ConfigError for an empty text, and EditRefused."""
        if not with_plain_account(arn).strip():
            raise ConfigError("the ARN is empty", remedy="specify the ARN or account of the entry to remove")
        written, removals = Counter(entry.route for entry in self.entries), list[Edit]()
        for entry in reversed(self.matching(arn)):
            if groups is not None and not set(groups) & set(entry.groups):
                continue
            if written[entry.route] > 1:
                what = f"{shortened(arn)} and other principals are written in one string, and would all be removed"
                remedy = "write them as a YAML list first"
                raise EditRefused(what, remedy=remedy, place=self.document.position(entry.route))
            removals += [Remove(entry.route)] if groups is None else without_groups(self.document, entry, groups)
        return self._with(self.document.edit(*removals))

    def matching(self, principal: str) -> tuple[MappingEntry, ...]:
        """The entries for an ARN, an account or `sso:ACCOUNT/PERMISSION SET`, also those that only some release treats
        as the same principal. A role of IAM Identity Center is also searched for without its path, which is how `add`
        maps it. An account may be written as the AWS console shows it; if an entry is too, only that is returned."""
        for text in dict.fromkeys((principal, with_plain_account(principal))):
            wanted = {principal_key(text)}
            with contextlib.suppress(ConfigError):
                wanted.add(parse_principal(text).key)
            keys = set(map(fold, wanted))
            if matching := tuple(entry for entry in self.entries if fold(entry.key) in keys):
                return matching
        return ()

    @property
    def path(self) -> Path | None:
        """The file that `save` writes; None after `parse`, and after `create` without a path."""
        return self._disk.path if self._disk else None

    @property
    def is_new(self) -> bool:
        """Whether the file does not exist yet: `save` creates it."""
        return self._disk is not None and self._disk.is_new

    def save(self) -> None:
        """Writes the file that it was loaded from, atomically, if it has changed. A new file's directory is created.

        Lock-outs are not checked: `TarmakCluster.map` and `tarmak_iam.access.lockout.check_admin_access` do that.
        Raises FileError without a path or if the file cannot be written, and FileChanged if it has changed since it was
        read; the old file is untouched then.
        """
        if self._disk is None:
            what = "these mappings have no file to save to"
            raise FileError(what, remedy="load them with Mappings.load(path)", place=Place(self.document.filename))
        self._disk.save(self.document.to_bytes())

    def with_document(self, document: Document) -> Mappings:
        """The same file with another text. Raises ConfigError if that is not a YAML mapping."""
        if not isinstance(document.shared_data, (dict, type(None))):
            raise ConfigError("the mappings file must be a YAML mapping", place=document.position(()))
        return self._with(document)

    def _with(self, document: Document) -> Mappings:
        if document is self.document:
            return self
        return replace(self, document=document, _disk=self._disk.edited() if self._disk else None)

    @property
    def _settings(self) -> ViperSettings:
        return ViperSettings(self.document.shared_data, {}, {})


# After a colon, a dash, a bracket or a comma, up to a comma, a bracket, a comment or the end of the line.
_TEMPLATE = re.compile(
    r"""(?:(?<=[:-])[ \t]+|(?<=[\[,])[ \t]*)
    (?P<text>\{\{[ ]*\w+[ ]*\}\}(?:[^\s,\[\]{}"'#]|\{\{\w+\}\})*)
    (?=[ \t]*(?:[,\]\r\n]|\Z)|[ \t]+\#)""",
    re.VERBOSE,
)


def with_templates_quoted(data: bytes, filename: str) -> RepairedFile | None:
    """The file with quotes around templates such as `username: {{SessionName}}`, which YAML reads as mappings, so that
    the authenticator does not start. None if it can be read as it is, or could not be read then either."""
    try:
        source = Source.decode(data, filename)
    except ParseError:
        return None
    text, spans = source.text, [match.span("text") for match in _TEMPLATE.finditer(source.text)]
    if not spans or _readable(source) is not None:
        return None
    for start, end in reversed(spans):
        text = f'{text[:start]}"{text[start:end]}"{text[end:]}'
    after = _readable(source.with_text(text))
    nodes = walk(after.root) if after is not None and after.root is not None else ()
    strings = {node.start for node in nodes if isinstance(node, Scalar) and node.style == "double"}
    if after is None or not {start + 2 * number for number, (start, _) in enumerate(spans)} <= strings:
        return None  # one of them is in a comment, or in another string
    titles = ((start, f"put the template in quotes: {shortened(source.text[start:end])}") for start, end in spans)
    repairs = (Repair(source.place(start), title, is_safe=False) for start, title in titles)
    return RepairedFile(source.text, after, tuple(repairs))


def load_repaired(path: Path, within: Boundary) -> tuple[Mappings, RepairedFile] | None:
    """As `Mappings.load`, with the templates in quotes; nothing is written. None for a file that does not exist, that
    can be read as it is, or not then either. Raises FileError."""
    data = read_if_present(path, within)
    repaired = None if data is None else with_templates_quoted(data, str(path))
    if repaired is not None:
        with contextlib.suppress(TarmakIamError):
            mappings = Mappings.parse(repaired.after.to_bytes(), str(path))
            return Mappings(mappings.document, FileOnDisk.of(path, data, within)), repaired
    return None


def _readable(source: Source) -> Document | None:
    with contextlib.suppress(ParseError):
        return Document.parse(source.encode(), source.filename, json=False)
    return None
