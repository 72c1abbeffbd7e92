"""All that doctor's checks look at, read once from the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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
from tarmak_iam.pki.certificates import Certificate, PrivateKey, Unreadable, read_certificate, read_key
from tarmak_iam.pki.pem import Block, is_certificate, is_key, read_pem

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PemFile:
    """`wanted` are the blocks of the right kind, of which the first counts; `others` do not belong there."""

    found: FoundFile
    wanted: tuple[Block, ...]
    others: tuple[Block, ...]
    problem: str = ""
    """Why the first block cannot be used, "" if it can or there is none."""

    @property
    def place(self) -> Place:
        return self.found.at(self.wanted[0].line if self.wanted else None)


# Not slots: `cached_property` needs the instance's dictionary.
@dataclass(frozen=True)
class InspectedFiles:
    """`installation`: what tarmak.yaml says of the cluster, if one was chosen."""

    tree: FileTree
    now: datetime
    expires_within: int
    installation: Installation | None = None

    @property
    def command_line(self) -> CommandLine:
        """How a command is typed for the cluster that was chosen."""
        return self.installation.command_line if self.installation else PLAIN

    @property
    def renew(self) -> str:
        """The command that makes a new pair."""
        return self.command_line.tarmak_iam("webhook --renew --output-dir DIR")

    @cached_property
    def _certificate(self) -> tuple[PemFile | None, Certificate | None]:
        return _pem_file(self.tree.certificate, is_certificate, read_certificate)

    @cached_property
    def _key(self) -> tuple[PemFile | None, PrivateKey | None]:
        return _pem_file(self.tree.key, is_key, read_key)

    @property
    def certificate_file(self) -> PemFile | None:
        """None where it is not there or cannot be read."""
        return self._certificate[0]

    @property
    def certificate(self) -> Certificate | None:
        return self._certificate[1]

    @property
    def key_file(self) -> PemFile | None:
        """None where it is not there or cannot be read."""
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
        """The API server's webhook file, and where that is said: its unit, else flags.txt."""
        if self.unit is not None and self.tree.unit is not None:
            word = self.unit.option(FLAG)
            return (self.tree.unit, word) if word else None
        return self.rendered_flag

    @cached_property
    def rendered_flag(self) -> tuple[FoundFile, Word] | None:
        """What flags.txt says."""
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
        """Read as the daemon's version reads them, if it is known."""
        return tuple((each, _settings(each, self.daemon_version)) for each in self._of(Configuration))

    @property
    def daemon_version(self) -> DaemonVersion:
        """The DaemonSet's, else the settings', else the default image's."""
        if self.daemons:
            return self.daemons[0].version
        return self.installation.daemon_version if self.installation else DEFAULT_RELEASE

    @property
    def broken(self) -> tuple[Broken, ...]:
        """With the configurations that the daemon cannot read."""
        unread = [
            Broken(each.place, f"authenticator {self.daemon_version} would not start: {read.reason}")
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
        """What the daemon's configuration and flags say, else the cluster's mappings file; None if there are none."""
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
    found: FoundFile | None, is_wanted: Callable[[Block], bool], read: Callable[[bytes], T]
) -> tuple[PemFile | None, T | None]:
    """The file, None where it is not there or cannot be read, and what its first block of that kind is."""
    if found is None or found.data is None:
        return None, None
    blocks = read_pem(found.data)
    wanted = tuple(filter(is_wanted, blocks))
    problem, value = "", None
    try:
        if wanted and is_key(wanted[0]) and wanted[0].is_encrypted:
            problem = "it is encrypted, and nobody is there to decrypt it"
        elif wanted:
            value = read(wanted[0].data)
    except Unreadable as error:
        problem = str(error)
    return PemFile(found, wanted, tuple(each for each in blocks if not is_wanted(each)), problem), value
