"""The content of the files that doctor checks, parsed once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from typing import TypeVar

from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.doctor.file_tree import FLAG, FileTree, FoundFile
from tarmak_iam.doctor.kubernetes_files import (
    Broken,
    Client,
    Configuration,
    DaemonContainer,
    WebhookKubeconfig,
    objects_in_file,
    parse_webhook_kubeconfig,
)
from tarmak_iam.doctor.systemd_units import Unit, Word, command_option, parse_unit
from tarmak_iam.errors import Place
from tarmak_iam.identity.daemon_config import ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.installation import Installation
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.pki.certificates import Certificate, PrivateKey, Unreadable, read_certificate, read_key
from tarmak_iam.pki.pem import PemBlock, is_certificate, is_key, read_pem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PemFile:
    """`wanted` are the blocks of the right type, of which the first is used; `others` do not belong in the file."""

    found: FoundFile
    wanted: tuple[PemBlock, ...]
    others: tuple[PemBlock, ...]
    problem: str = ""
    """Why the first block cannot be used; "" if it can be used or does not exist."""

    @property
    def place(self) -> Place:
        return self.found.at(self.wanted[0].line if self.wanted else None)


# No slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True)
class InspectedFiles:
    """`installation`: the cluster of tarmak.yaml, if one is selected."""

    tree: FileTree
    now: datetime
    expires_within: int
    installation: Installation | None = None

    @property
    def command_line(self) -> CommandLine:
        """Formats commands for the selected cluster."""
        return self.installation.command_line if self.installation else PLAIN

    @property
    def renew(self) -> str:
        """The command that creates a new certificate and key."""
        return self.command_line.tarmak_iam("webhook --renew --output-dir DIR")

    @cached_property
    def _certificate(self) -> tuple[PemFile | None, Certificate | None]:
        return _pem_file(self.tree.certificate, is_certificate, read_certificate)

    @cached_property
    def _key(self) -> tuple[PemFile | None, PrivateKey | None]:
        return _pem_file(self.tree.key, is_key, read_key)

    @property
    def certificate_file(self) -> PemFile | None:
        """None if it does not exist or cannot be read."""
        return self._certificate[0]

    @property
    def certificate(self) -> Certificate | None:
        return self._certificate[1]

    @property
    def key_file(self) -> PemFile | None:
        """None if it does not exist or cannot be read."""
        return self._key[0]

    @property
    def key(self) -> PrivateKey | None:
        return self._key[1]

    @cached_property
    def webhooks(self) -> tuple[WebhookKubeconfig, ...]:
        return tuple(parse_webhook_kubeconfig(path, found) for path, found in self.tree.webhooks)

    @cached_property
    def unit(self) -> Unit | None:
        return _unit(self.tree.unit)

    @cached_property
    def init_unit(self) -> Unit | None:
        return _unit(self.tree.init_unit)

    @cached_property
    def webhook_flag(self) -> tuple[FoundFile, Word] | None:
        """The path of the API server's webhook kubeconfig, and the file that contains it: its unit, else flags.txt."""
        if self.unit is not None and self.tree.unit is not None:
            word = self.unit.option(FLAG)
            return (self.tree.unit, word) if word else None
        return self.rendered_flag

    @cached_property
    def rendered_flag(self) -> tuple[FoundFile, Word] | None:
        """The path in flags.txt."""
        found = self.tree.flags
        if found is None or found.data is None:
            return None
        words = [Word(line.strip(), number) for number, line in enumerate(found.text.splitlines(), 1)]
        word = command_option(words, FLAG)
        return (found, word) if word else None

    @cached_property
    def _objects(self) -> tuple[Broken | Configuration | DaemonContainer | Client, ...]:
        return tuple(each for found in self.tree.objects for each in objects_in_file(found))

    def _of(self, kind: type[T]) -> tuple[T, ...]:
        return tuple(each for each in self._objects if isinstance(each, kind))

    @cached_property
    def _configurations(self) -> tuple[tuple[Configuration, ServerSettings | DaemonNotStarted], ...]:
        """Read as the authenticator's release reads them, if it is known."""
        return tuple((each, _settings(each, self.daemon_version)) for each in self._of(Configuration))

    @property
    def daemon_version(self) -> DaemonVersion:
        """The release of the DaemonSet, else of the settings, else of the default image."""
        if self.daemons:
            return self.daemons[0].version
        return self.installation.daemon_version if self.installation else DEFAULT_RELEASE

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Including the configurations that the authenticator cannot read."""
        unread = [
            Broken(each.place, f"authenticator {self.daemon_version} does not start: {read.reason}")
            for each, read in self._configurations
            if isinstance(read, DaemonNotStarted)
        ]
        return (*self._of(Broken), *unread)

    @property
    def configurations(self) -> tuple[tuple[Configuration, ServerSettings], ...]:
        return tuple((each, read) for each, read in self._configurations if isinstance(read, ServerSettings))

    @property
    def daemons(self) -> tuple[DaemonContainer, ...]:
        return self._of(DaemonContainer)

    @property
    def clients(self) -> tuple[Client, ...]:
        return self._of(Client)

    @cached_property
    def server(self) -> ServerSettings | None:
        """The settings in the authenticator's configuration and flags, else in the cluster's mappings file; None if
        there is neither."""
        daemon = next(iter(self.daemons), None)
        document = next((each.document for each, _ in self._configurations), None)
        if document is None and self.installation is not None:
            mappings = self.installation.mappings
            document = mappings.document if mappings else None
        if document is None and daemon is None:
            return None
        try:
            return read_server_settings(document, self.daemon_version, daemon.args if daemon else ())
        except DaemonNotStarted:
            return None


def _settings(configuration: Configuration, version: DaemonVersion) -> ServerSettings | DaemonNotStarted:
    try:
        return read_server_settings(configuration.document, version)
    except DaemonNotStarted as stop:
        return stop


def _unit(found: FoundFile | None) -> Unit | None:
    return parse_unit(found.text) if found and found.data is not None else None


def _pem_file(
    found: FoundFile | None, is_wanted: Callable[[PemBlock], bool], read: Callable[[bytes], T]
) -> tuple[PemFile | None, T | None]:
    """The file, None if it does not exist or cannot be read; and the content of its first block of that type."""
    if found is None or found.data is None:
        return None, None
    blocks = read_pem(found.data)
    wanted = tuple(filter(is_wanted, blocks))
    problem, value = "", None
    try:
        if wanted and is_key(wanted[0]) and wanted[0].is_encrypted:
            problem = "it is encrypted, and the authenticator cannot decrypt it"
        elif wanted:
            value = read(wanted[0].data)
    except Unreadable as error:
        problem = str(error)
    return PemFile(found, wanted, tuple(each for each in blocks if not is_wanted(each)), problem), value
