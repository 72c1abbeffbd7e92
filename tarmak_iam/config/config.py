"""tarmak.yaml as a value: its clusters, the current cluster, and edits of `awsIAMAuthenticatorInit` and of sections.

Source: CurrentCluster in pkg/tarmak/config/config.go, which splits the string at its dashes and requires exactly two
parts.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.command_line import CommandLine
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.cluster import Cluster, ReadFile, check_masters, value_of_key
from tarmak_iam.config.ignored_content import IgnoredContent, misspelt_key_of_selection
from tarmak_iam.config.locate import config_path, directory_option
from tarmak_iam.config.section_edits import (
    clear_section,
    disable_authenticator_init,
    edit_section,
    enable_authenticator_init,
)
from tarmak_iam.config.section_keys import key_named, load_sections
from tarmak_iam.config.sections import Section
from tarmak_iam.config.tarmak_types import ITEM
from tarmak_iam.document import Document
from tarmak_iam.errors import FileError, Place, SelectionError
from tarmak_iam.files.on_disk import FileOnDisk
from tarmak_iam.files.read import read_file
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.routes import Route
from tarmak_iam.suggestions import choose_among
from tarmak_iam.text import quoted, shortened

if TYPE_CHECKING:
    from tarmak_iam.config.edits import ConfigEdits


_FORM = "<environment>-<name>"


def _selection_remedy(file: ReadFile, current: str) -> str:
    """How to make `currentCluster` select a cluster."""
    misspelt = misspelt_key_of_selection(file)
    if misspelt is not None:
        key, name = misspelt
        line = file.document.position(key.route, at_key=True).line
        if key.name == name:
            return f"move {quoted(name)} in line {line} to where Tarmak reads it [IAM031]"
        return f"did you mean {name} instead of {quoted(key.name)} in line {line}?"
    named = file.selectable_clusters
    unlisted = [each for each in named if "environments" in file.data and not each.environment_data()]
    for each in unlisted:
        environment = current.partition("-")[0]
        if current == f"{environment}-{each.name}" and file.environment(environment):
            line = file.document.position((*each.route.plain, "environment")).line
            return f"write environment: {shortened(environment)} in line {line}"
    names = [each.cluster_name for each in named if not _own_dashes(each) and each not in unlisted]
    dashed = [each for each in named if _own_dashes(each)]
    wanted = next((each for each in dashed if current in (each.cluster_name, each.name)), None)
    if not current:  # any cluster will do, so one with an API server is offered
        names = [each.cluster_name for each in named if each.cluster_name in names and not each.is_hub] or names
    if wanted is None and names:
        # A text without a dash cannot be the name of a cluster, so nothing is suggested for it.
        return choose_among(current if current.count("-") == 1 else "", names)
    if dashed:
        renamed = _rename(wanted or dashed[0])
        return f"{renamed}; or choose one of {', '.join(map(shortened, names))}" if names else renamed
    if file.clusters:
        return f"set environment and metadata.name of a cluster, and write {_FORM} here"
    return "the file has no clusters: add one" + (", or remove currentCluster" if current else "")


def _own_dashes(cluster: Cluster) -> list[str]:
    return [each for each in (cluster.environment, cluster.name) if "-" in each]


def _rename(cluster: Cluster) -> str:
    names = " and ".join(map(quoted, _own_dashes(cluster)))
    return f"rename {names} without a dash, and write {_FORM} here"


# Not slots: `cached_property` needs the instance's dictionary. Compared by identity, as ReadFile.
@dataclass(frozen=True, eq=False, repr=False)
class TarmakConfig:
    """A tarmak.yaml that Tarmak can read. Frozen: an edit returns a new one; `save` writes it."""

    file: ReadFile
    _disk: FileOnDisk | None = None
    _directory_option: str | None = None

    def __repr__(self) -> str:
        """As in `TarmakConfig('tarmak.yaml', 3 clusters)`."""
        count = len(self.clusters)
        return f"TarmakConfig({self.document.filename!r}, {count} cluster{'' if count == 1 else 's'})"

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None) -> TarmakConfig:
        """Reads tarmak.yaml: the given file or directory, else TARMAK_CONFIG, else ~/.tarmak.

        Raises TarmakIamError if the file does not exist or Tarmak could not read it.
        """
        file = config_path(None if path is None else Path(path), os.environ)
        data = read_file(file)
        config = cls.parse(data, str(file))
        option = directory_option(None if path is None else Path(path), os.environ)
        return replace(config, _disk=FileOnDisk.of(file, data), _directory_option=option)

    @classmethod
    def parse(cls, data: bytes | str, filename: str = "tarmak.yaml") -> TarmakConfig:
        """Reads the text of a tarmak.yaml. Raises TarmakIamError exactly if Tarmak rejects it or panics on it."""
        return cls(ReadFile.parse(data, filename))

    @property
    def document(self) -> Document:
        """The text, with its comments and layout."""
        return self.file.document

    @property
    def data(self) -> dict[str, Any]:
        """The typed data: known keys only, as Tarmak's decoder reads them, without its defaults."""
        return self.file.data

    @cached_property
    def ignored_content(self) -> IgnoredContent:
        """The content that Tarmak ignores without a message. Raises ConfigError for a section plugin that cannot be
        used."""
        return IgnoredContent.of(self.document, (("clusters", ITEM, *section.path) for section in load_sections()))

    @property
    def path(self) -> Path | None:
        """The file it was loaded from; None after `parse`."""
        return self._disk.path if self._disk else None

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """In file order; including null, unnamed and duplicate entries."""
        return self.file.clusters

    @property
    def selectable_clusters(self) -> tuple[Cluster, ...]:
        """The clusters that a name selects: those with environment and name, and the first of several with the same."""
        return self.file.selectable_clusters

    def cluster(self, cluster_name: str) -> Cluster:
        """The first cluster with that `<environment>-<name>`. Raises SelectionError."""
        if not isinstance(cluster_name, str):
            raise TypeError(f"the name of a cluster must be a string, not {cluster_name!r}")
        for cluster in self.clusters:
            if cluster.cluster_name == cluster_name:
                return cluster
        names = [cluster.cluster_name for cluster in self.selectable_clusters]
        remedy = choose_among(cluster_name, names) or "the file has no clusters"
        what, place = f"unknown cluster {quoted(cluster_name)}", Place(self.document.filename)
        raise SelectionError(what, remedy=remedy, place=place)

    @property
    def current_cluster(self) -> Cluster:
        """The cluster that `currentCluster` selects, as Tarmak selects it: exactly one dash, the first match.

        Raises SelectionError.
        """
        selected = self.file.selected_cluster
        if selected is not None:
            return selected
        current = self.data.get("currentCluster") or ""
        what = f"currentCluster is {quoted(current)}, but this cluster does not exist"
        if current.count("-") != 1:
            what = f"currentCluster {quoted(current)} must have exactly one dash (<environment>-<name>)"
        place = self.document.position(("currentCluster",))
        raise SelectionError(
            what if current else "currentCluster is empty", remedy=_selection_remedy(self.file, current), place=place
        )

    def command_line(self, cluster: Cluster | None = None) -> CommandLine:
        """The command line for commands that work on this file, and on one of its clusters if given."""
        return CommandLine(self._directory_option, None if cluster is None else self._cluster_option(cluster))

    def _cluster_option(self, cluster: Cluster) -> str | None:
        selected = self.file.selected_cluster
        is_current = selected is not None and selected.cluster_name == cluster.cluster_name
        return None if is_current else cluster.cluster_name

    def provider(self, name: str) -> dict[str, Any]:
        """The provider with that name, empty if there is none."""
        return self.file.provider(name)

    def enable_authenticator(self, cluster_name: str) -> TarmakConfig:
        """Turns `awsIAMAuthenticatorInit` on. Returns the same config if it is on.

        Raises SelectionError for an unknown cluster, ConfigError for a hub (it has no masters) and EditRefused.
        """
        cluster = self.cluster(cluster_name)
        remedy = "enable IAM login on the other clusters of the environment"
        check_masters(cluster, "awsIAMAuthenticatorInit would have no effect", remedy)
        document = enable_authenticator_init(self.document, cluster, self.command_line(cluster))
        return self._with(self.file.with_document(document))

    def disable_authenticator(self, cluster_name: str) -> TarmakConfig:
        """Turns `awsIAMAuthenticatorInit` off. Returns the same config if it is off.

        A key with its own comment is set to `false`; otherwise it is removed, with the parents that are empty then.
        Raises SelectionError for an unknown cluster and EditRefused.
        """
        document = disable_authenticator_init(self.document, self.cluster(cluster_name))
        return self._with(self.file.with_document(document))

    def set(self, cluster_name: str, key: str, value: Any, section: Section[Any] = AMAZON) -> TarmakConfig:
        """Sets a key of a section, as in `set("dev-cluster", "internalELBAccessLogs.bucket", "my-logs")`. Returns the
        same config if the key has that value.

        Raises SelectionError for an unknown cluster or key, ConfigError for a hub and for a value that the section's
        model, Tarmak or the section's own validation would reject; and EditRefused.
        """
        return self.set_all(cluster_name, {key: value}, section)

    def set_all(self, cluster_name: str, values: Mapping[str, Any], section: Section[Any] = AMAZON) -> TarmakConfig:
        """Sets several keys of a section in one edit; they are validated together, since one may require another.

        Raises as `set` does.
        """
        cluster = self.cluster(cluster_name)
        edits = [
            (chosen, chosen.checked(value))
            for chosen, value in ((key_named(section, key), values[key]) for key in values)
        ]
        if section.path[0] == "kubernetes":
            keys = " and ".join(chosen.key for chosen, _ in edits)
            check_masters(cluster, f"{keys} would have no effect", "set it on the other clusters of the environment")
        return self._with(edit_section(self.file, cluster, section, edits, self.command_line(cluster)))

    def unset(self, cluster_name: str, key: str, section: Section[Any] = AMAZON) -> TarmakConfig:
        """Removes a key of a section, with the parents that are empty then. Returns the same config if it is not set.

        Raises as `set` does.
        """
        cluster, chosen = self.cluster(cluster_name), key_named(section, key)
        return self._with(clear_section(self.file, cluster, chosen, self.command_line(cluster)))

    def get(self, path: str, default: Any = None, *, effective: bool = False) -> Any:
        """The value at a path from the root of the file, as in `get("environments[dev].location")`.

        `default` is returned if the key is not set. `effective`, and what is raised, as in `Cluster.get`.
        """
        return value_of_key(self.file, Route(), path, default, effective=effective)

    def edit(
        self, cluster: Cluster | str | None = None, *, force: bool = False, through_alias: bool = False
    ) -> ConfigEdits:
        """Edits of any key, which are collected and made together by their `apply`. Paths are relative to the cluster,
        or absolute with a leading `/`; without a cluster they are absolute.

        `force` also writes keys that Tarmak does not know. `through_alias` is that of `Document.set`. Raises
        SelectionError for an unknown cluster.
        """
        from tarmak_iam.config.edits import ConfigEdits

        return ConfigEdits(self, force=force, through_alias=through_alias).on(cluster)

    def patch(self, mapping: Mapping[str, Any], cluster: Cluster | str | None = None) -> TarmakConfig:
        """The configuration with a mapping merged into a cluster, or into the whole file: None removes a key, and items
        of lists are found by their names. Returns the same config if nothing changes. Raises as `ConfigEdits.apply`."""
        return self.edit(cluster).patch(mapping).apply()

    def with_document(self, document: Document) -> TarmakConfig:
        """The configuration with an edited text, for `save`. Raises ConfigError if Tarmak could not read it."""
        return self._with(self.file.with_document(document))

    def _with(self, file: ReadFile) -> TarmakConfig:
        if file is self.file:
            return self
        return replace(self, file=file, _disk=self._disk.edited() if self._disk else None)

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
