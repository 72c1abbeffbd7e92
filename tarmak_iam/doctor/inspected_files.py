"""The content of the files that doctor checks, parsed once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

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
from tarmak_iam.doctor.systemd_units import Unit, Word, command_option
from tarmak_iam.errors import Place
from tarmak_iam.identity.daemon_config import ServerSettings, read_server_settings
from tarmak_iam.identity.model import DaemonNotStarted
from tarmak_iam.identity.releases import DEFAULT_RELEASE, DaemonVersion
from tarmak_iam.installation.installation import Installation
from tarmak_iam.pki.certificates import Certificate, PrivateKey, Unreadable, read_certificate, read_key
from tarmak_iam.pki.pem import PemBlock, is_certificate, is_key, read_pem
from tarmak_iam.text import PLAIN, CommandLine


@dataclass(frozen=True, slots=True)
class PemFile:
    """`wanted` are the blocks of the right type, of which the first is used; `others` do not belong in the file."""

    file: FoundFile
    wanted: tuple[PemBlock, ...]
    others: tuple[PemBlock, ...]
    problem: str = ""
    """Why the first block cannot be used; "" if it can be used or does not exist."""
    content: Certificate | PrivateKey | None = None
    """The content of the first block."""

    @classmethod
    def read(
        cls,
        file: FoundFile | None,
        is_wanted: Callable[[PemBlock], bool],
        read: Callable[[bytes], Certificate | PrivateKey],
    ) -> PemFile | None:
        """None for a file that does not exist or cannot be read."""
        if file is None or file.data is None:
            return None
        blocks = read_pem(file.data)
        wanted, others = tuple(filter(is_wanted, blocks)), tuple(block for block in blocks if not is_wanted(block))
        if wanted and is_key(wanted[0]) and wanted[0].is_encrypted:
            return cls(file, wanted, others, "it is encrypted, and the authenticator cannot decrypt it")
        try:
            return cls(file, wanted, others, content=read(wanted[0].data) if wanted else None)
        except Unreadable as error:
            return cls(file, wanted, others, str(error))

    @property
    def place(self) -> Place:
        return self.file.at(self.wanted[0].line if self.wanted else None)


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
    def certificate_file(self) -> PemFile | None:
        """None if it does not exist or cannot be read."""
        return PemFile.read(self.tree.certificate, is_certificate, read_certificate)

    @cached_property
    def key_file(self) -> PemFile | None:
        """None if it does not exist or cannot be read."""
        return PemFile.read(self.tree.key, is_key, read_key)

    @property
    def certificate(self) -> Certificate | None:
        content = self.certificate_file.content if self.certificate_file else None
        return content if isinstance(content, Certificate) else None

    @property
    def key(self) -> PrivateKey | None:
        content = self.key_file.content if self.key_file else None
        return content if isinstance(content, PrivateKey) else None

    @cached_property
    def webhooks(self) -> tuple[WebhookKubeconfig, ...]:
        return tuple(parse_webhook_kubeconfig(path, file) for path, file in self.tree.webhooks)

    @cached_property
    def unit(self) -> Unit | None:
        return self.tree.unit.unit if self.tree.unit else None

    @cached_property
    def init_unit(self) -> Unit | None:
        return self.tree.init_unit.unit if self.tree.init_unit else None

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
        file = self.tree.flags
        if file is None or file.data is None:
            return None
        words = [Word(line.strip(), number) for number, line in enumerate(file.text.splitlines(), 1)]
        word = command_option(words, FLAG)
        return (file, word) if word else None

    @cached_property
    def _objects(self) -> tuple[Broken | Configuration | DaemonContainer | Client, ...]:
        return tuple(content for file in self.tree.objects for content in objects_in_file(file))

    @cached_property
    def daemons(self) -> tuple[DaemonContainer, ...]:
        return tuple(content for content in self._objects if isinstance(content, DaemonContainer))

    @cached_property
    def clients(self) -> tuple[Client, ...]:
        return tuple(content for content in self._objects if isinstance(content, Client))

    @property
    def daemon_version(self) -> DaemonVersion:
        """The release of the DaemonSet, else of the settings, else of the default image."""
        if self.daemons:
            return self.daemons[0].version
        return self.installation.daemon_version if self.installation else DEFAULT_RELEASE

    @cached_property
    def _configurations(self) -> tuple[tuple[Configuration, ServerSettings | DaemonNotStarted], ...]:
        """Read as the authenticator's release reads them, if it is known."""
        configurations: list[tuple[Configuration, ServerSettings | DaemonNotStarted]] = []
        for content in self._objects:
            if isinstance(content, Configuration):
                try:
                    configurations.append((content, read_server_settings(content.document, self.daemon_version)))
                except DaemonNotStarted as stop:
                    configurations.append((content, stop))
        return tuple(configurations)

    @property
    def broken(self) -> tuple[Broken, ...]:
        """Including the configurations that the authenticator cannot read."""
        unread = [
            Broken(configuration.place, f"authenticator {self.daemon_version} does not start: {read.reason}")
            for configuration, read in self._configurations
            if isinstance(read, DaemonNotStarted)
        ]
        return (*(content for content in self._objects if isinstance(content, Broken)), *unread)

    @property
    def configurations(self) -> tuple[tuple[Configuration, ServerSettings], ...]:
        pairs = self._configurations
        return tuple((configuration, read) for configuration, read in pairs if isinstance(read, ServerSettings))

    @cached_property
    def server(self) -> ServerSettings | None:
        """The settings in the authenticator's configuration and flags, else in the cluster's mappings file; None if
        there is neither."""
        daemon = self.daemons[0] if self.daemons else None
        document = self._configurations[0][0].document if self._configurations else None
        if document is None and self.installation is not None and self.installation.mappings is not None:
            document = self.installation.mappings.document
        if document is None and daemon is None:
            return None
        try:
            return read_server_settings(document, self.daemon_version, daemon.args if daemon else ())
        except DaemonNotStarted:
            return None
