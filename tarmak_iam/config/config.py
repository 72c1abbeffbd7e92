"""tarmak.yaml as a value: its clusters, the current cluster, and its edits."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.config.api_server import AMAZON, INIT, authenticator_init_route
from tarmak_iam.config.cluster import Cluster, ReadFile, check_masters
from tarmak_iam.config.locate import config_path, directory_option
from tarmak_iam.config.sections import Section
from tarmak_iam.document import Document
from tarmak_iam.errors import FileError, Place, SelectionError
from tarmak_iam.files.on_disk import FileOnDisk
from tarmak_iam.files.read import read_file
from tarmak_iam.routes import Route
from tarmak_iam.text import CommandLine, quoted

if TYPE_CHECKING:
    from tarmak_iam.config.edits import KeyEdit, Verb
    from tarmak_iam.config.key_paths import KeyPath
    from tarmak_iam.config.type_repairs import RepairedFile


_COMMENTED_OUT = re.compile(rf"#+[ \t]*([\"']?){INIT}\1[ \t]*:(?:[ \t]|\Z)")


# As ReadFile, not slots and compared by identity.
@dataclass(frozen=True, eq=False, repr=False)
class TarmakConfig(ReadFile):
    """A tarmak.yaml that Tarmak can read. Frozen: an edit returns a new one; `save` writes it."""

    _disk: FileOnDisk | None = None
    _directory_option: str | None = None

    def __repr__(self) -> str:
        """As in `TarmakConfig('tarmak.yaml', 3 clusters)`."""
        count = len(self.clusters)
        return f"TarmakConfig({self.document.filename!r}, {count} cluster{'' if count == 1 else 's'})"

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> TarmakConfig:
        """Reads tarmak.yaml: the given file or directory, else TARMAK_CONFIG, else ~/.tarmak. Raises TarmakIamError if
        the file does not exist or Tarmak could not read it."""
        file = config_path(None if path is None else Path(path), os.environ)
        data = read_file(file)
        return cls.parse(data, str(file))._on_disk(file, data, path)

    @classmethod
    def load_repaired(cls, path: Path | None) -> tuple[TarmakConfig, RepairedFile] | None:
        """As `load`, with the values in the right types; nothing is written. None for a file that Tarmak accepts, or
        would not accept then either. Raises FileError."""
        from tarmak_iam.config.type_repairs import with_types_repaired

        file = config_path(path, os.environ)
        data = read_file(file)
        repaired = with_types_repaired(data, str(file))
        if repaired is None:
            return None
        return cls.parse(repaired.after.to_bytes(), str(file))._on_disk(file, data, path), repaired

    def _on_disk(self, file: Path, data: bytes, given: str | os.PathLike[str] | None) -> TarmakConfig:
        option = directory_option(None if given is None else Path(given), os.environ)
        return replace(self, _disk=FileOnDisk.of(file, data), _directory_option=option)

    @property
    def path(self) -> Path | None:
        """The file it was loaded from; None after `parse`."""
        return self._disk.path if self._disk else None

    def command_line(self, cluster: Cluster | None = None) -> CommandLine:
        """The command line for commands that work on this file, and on one of its clusters if given."""
        selected = self.selected_cluster
        is_current = cluster is None or (selected is not None and selected.cluster_name == cluster.cluster_name)
        return CommandLine(self._directory_option, None if cluster is None or is_current else cluster.cluster_name)

    def enable_authenticator(self, cluster_name: str) -> TarmakConfig:
        """Turns `awsIAMAuthenticatorInit` on. Returns the same config if it is on. Raises SelectionError for an unknown
        cluster, ConfigError for a hub (it has no masters) and EditRefused."""
        from tarmak_iam.config.ignored_content import check_spelling

        cluster = self.cluster(cluster_name)
        remedy = "enable IAM login on the other clusters of the environment"
        check_masters(cluster, f"{INIT} would have no effect", remedy)
        if cluster.authenticator_init:
            return self
        route = authenticator_init_route(cluster)
        check_spelling(self.ignored_content, route, self.command_line(cluster))
        return self.with_document(self.document.set(route, True))

    def disable_authenticator(self, cluster_name: str) -> TarmakConfig:
        """Turns `awsIAMAuthenticatorInit` off. Returns the same config if it is off. A key with its own comment is set
        to `false`; otherwise it is removed, with the parents that are empty then. Raises SelectionError for an unknown
        cluster and EditRefused."""
        from tarmak_iam.config.removals import removals

        cluster, document = self.cluster(cluster_name), self.document
        if not cluster.authenticator_init:
            return self
        route = authenticator_init_route(cluster)
        comments = document.comments_of(route)
        if any(_COMMENTED_OUT.match(comment.text) for comment in comments):
            comments = tuple(comment for comment in comments if not comment.own_line)  # they are about that line
        if comments or not document.has(route):  # not has: the value comes from a merge key
            return self.with_document(document.set(route, False))
        return self.with_document(document.edit(*removals(document, [route])))

    def set(self, cluster_name: str, key: str, value: Any, section: Section[Any] = AMAZON) -> TarmakConfig:
        """Sets a key of an installed section, as in `set("dev-cluster", "internalELBAccessLogs.bucket", "my-logs")`.
        Returns the same config if the key has that value. Raises SelectionError for an unknown cluster or key,
        ConfigError for a hub and for a value that the section's model, Tarmak or the section's own validation would
        reject; and EditRefused."""
        return self.edit(cluster_name).set(_path_of(section, key), value).apply()

    def unset(self, cluster_name: str, key: str, section: Section[Any] = AMAZON) -> TarmakConfig:
        """Removes a key of a section, with the parents that are empty then. Returns the same config if it is not set.
        Raises as `set` does."""
        return self.edit(cluster_name).unset(_path_of(section, key)).apply()

    def edit(
        self, cluster: Cluster | str | None = None, *, force: bool = False, through_alias: bool = False
    ) -> ConfigEdits:
        """Edits of any key, which are collected and made together by their `apply`. Paths are relative to the cluster,
        or absolute with a leading `/`; without a cluster they are absolute. `force` also writes keys that Tarmak does
        not know. `through_alias` is that of `Document.set`. Raises SelectionError for an unknown cluster."""
        return ConfigEdits(self, force=force, through_alias=through_alias).on(cluster)

    def patch(self, mapping: Mapping[str, Any], cluster: Cluster | str | None = None) -> TarmakConfig:
        """The configuration with a mapping merged into a cluster, or into the whole file: None removes a key, and items
        of lists are found by their names. Returns the same config if nothing changes. Raises as `ConfigEdits.apply`."""
        return self.edit(cluster).patch(mapping).apply()

    def with_document(self, document: Document) -> TarmakConfig:
        """The configuration with an edited text, for `save`. Raises ConfigError if Tarmak could not read it."""
        if document is self.document:
            return self
        return replace(super().with_document(document), _disk=self._disk.edited() if self._disk else None)

    def save(self) -> None:
        """Writes the file it was loaded from, atomically. Raises FileError after `parse`, or if the file cannot be
        written; FileChanged if it has changed since it was read. The old file is untouched then."""
        if self._disk is None:
            raise FileError(
                "this configuration has no file to save to",
                remedy="load it with TarmakConfig.load(path)",
                place=Place(self.document.filename),
            )
        self._disk.save(self.document.to_bytes())


@dataclass(frozen=True, slots=True, eq=False)
class ConfigEdits:
    """Edits of a configuration that are not made yet. Frozen: every method returns a new value. A path is relative to
    the chosen cluster, as in `instancePools[worker].maxCount`, or absolute with a leading `/`, as in
    `/environments[dev].location`; without a cluster every path is absolute. Every path means what it means in `config`,
    whatever the other edits change; so two edits that change the same part of it are refused. Nothing is changed before
    `apply`."""

    config: TarmakConfig = field(repr=False)
    cluster: Cluster | None = None
    edits: tuple[KeyEdit, ...] = ()
    force: bool = False
    through_alias: bool = False

    def on(self, cluster: Cluster | str | None) -> ConfigEdits:
        """The same edits; the paths of the next ones are relative to that cluster, or absolute for None. A cluster of
        another configuration stands for the one with its name. Raises SelectionError for an unknown name."""
        return replace(self, cluster=None if cluster is None else _cluster_of(self.config, cluster))

    def set(self, path: str | KeyPath, value: Any, *, is_text: bool = False) -> ConfigEdits:
        """Sets a key to a plain value. Missing parents are created. `is_text`: the value is a text as on the command
        line: a string as it is, everything else in YAML or JSON. Raises SelectionError for a text that is not a
        path."""
        return self._with("set", path, value, is_text=is_text)

    def append(self, path: str | KeyPath, value: Any, *, is_text: bool = False) -> ConfigEdits:
        """Adds an item to a list, which is created if it is missing. An item that is in the list already is not added
        again. `is_text`, and what is raised, as in `set`."""
        return self._with("append", path, value, is_text=is_text)

    def unset(self, path: str | KeyPath) -> ConfigEdits:
        """Removes a key or an item of a list, with the parents that are empty then. Raises as `set` does."""
        return self._with("unset", path)

    def patch(self, mapping: Mapping[str, Any], path: str | KeyPath | None = None) -> ConfigEdits:
        """Merges a mapping into the cluster, or into what is at the path: None removes a key, items of lists of
        mappings are found by their names (added if there is none), and every other value replaces the old one."""
        if not isinstance(mapping, Mapping):
            raise TypeError(f"a patch must be a mapping, not {mapping!r}")
        whole = "." if self.cluster is not None else "/"
        return self._with("patch", whole if path is None else path, mapping)

    def _with(self, verb: Verb, path: str | KeyPath, value: Any = None, *, is_text: bool = False) -> ConfigEdits:
        if is_text and not isinstance(value, str):
            raise TypeError(f"a text must be a string, not {value!r}")
        from tarmak_iam.config.edits import KeyEdit
        from tarmak_iam.config.key_paths import KeyPath

        base = Route() if self.cluster is None else self.cluster.route
        parsed = path if isinstance(path, KeyPath) else KeyPath.parse(path, root=self.cluster is None)
        return replace(self, edits=(*self.edits, KeyEdit(verb, parsed, base, value, is_text)))

    def apply(self) -> TarmakConfig:
        """The edited configuration; the same one if nothing changes. `save` writes it. Raises SelectionError for a path
        that means no key or several items, and for two edits that touch each other; ConfigError for a value that Tarmak
        could not read, would reject or would ignore; and EditRefused for an edit that cannot be made safely."""
        if not self.edits:
            return self.config
        from tarmak_iam.config.edits import edited_file

        return edited_file(self.config, self.edits, force=self.force, through_alias=self.through_alias)

    def diff(self) -> str:
        """The unified diff of tarmak.yaml that `apply` would lead to; empty if nothing changes. Raises as `apply`."""
        from tarmak_iam.files.unified_diff import unified_diff

        before, after = self.config.document, self.apply().document
        return unified_diff(before.text, after.text, before.filename)


def _path_of(section: Section[Any], key: str) -> KeyPath:
    from tarmak_iam.config.key_paths import KeyPath, KeyStep
    from tarmak_iam.config.section_keys import key_named

    return KeyPath("", tuple(map(KeyStep, (*section.path, *key_named(section, key).path))))


def _cluster_of(config: TarmakConfig, cluster: Cluster | str) -> Cluster:
    """The cluster of a configuration with that name, or with that of a cluster of another configuration. Raises
    SelectionError if it has no name, or if several have it."""
    if isinstance(cluster, str):
        return config.cluster(cluster)
    if not isinstance(cluster, Cluster):
        raise TypeError(f"a cluster must be a Cluster or its name, not {cluster!r}")
    if cluster in config.clusters[cluster.index : cluster.index + 1]:
        return cluster
    same_name = [other for other in config.clusters if other.cluster_name == cluster.cluster_name]
    if len(same_name) > 1 or not (cluster.environment and cluster.name):
        what = f"the cluster {quoted(cluster.cluster_name)} belongs to another configuration, and has no unique name"
        raise SelectionError(what, remedy="choose a cluster of this one", place=Place(config.document.filename))
    return config.cluster(cluster.cluster_name)
