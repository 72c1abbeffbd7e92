"""Tarmak's own kubeconfig of a cluster: its API server and CA, and whether its admin certificate still gives access."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.document import Document
from tarmak_iam.document.files import Boundary, read_if_present
from tarmak_iam.errors import ConfigError, FileError, TarmakIamError
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.pki.pem import Block, is_certificate, is_key, read_pem
from tarmak_iam.text import TextEnum

if TYPE_CHECKING:
    from tarmak_iam.pki.certificates import Certificate


KUBECONFIG_NAME = "kubeconfig"
NOT_EXAMINED = "the admin certificate was not examined"

# What is looked at of a chain or of a bundle of CAs: a signature takes its time.
_MOST = 20

# pkg/tarmak/ssh writes the host keys of the cluster's instances into it, and `tarmak clusters destroy` removes it.
_KNOWN_HOSTS = "ssh_known_hosts"


@dataclass(frozen=True, slots=True)
class AdminKubeconfig:
    """`server` is a URL, `ca_data` the CA's PEM in base64. Its credentials are not read."""

    server: str
    ca_data: str


@dataclass(frozen=True, slots=True)
class PemSource:
    """PEM that a kubeconfig has in itself (`data`), or in a file that it names (`path`); neither for none."""

    data: bytes | None = field(default=None, repr=False)
    path: str = ""

    @property
    def is_given(self) -> bool:
        return self.data is not None or self.path != ""


@dataclass(frozen=True, slots=True)
class ClientLogin:
    """What the current context logs in with. `other` names credentials that are no certificate, as in `a token`."""

    certificate: PemSource
    key: PemSource
    authority: PemSource
    other: str = ""


# In the order of their keys in client-go's AuthInfo.
_OTHER_LOGINS = {
    "token": "a token",
    "tokenFile": "a token",
    "username": "username and password",
    "auth-provider": "an auth provider",
    "exec": "a command",
}


def parse_admin_kubeconfig(
    data: bytes | str, filename: str = KUBECONFIG_NAME, command_line: CommandLine = PLAIN
) -> AdminKubeconfig:
    """The cluster of the current context (else the first). Raises ParseError, and ConfigError where
    server or CA data are missing; `command_line` is that of its cluster."""
    remedy = f"run `{command_line.tarmak('clusters kubeconfig')}` again"
    document = Document.parse(data, filename)
    plain = document.data if isinstance(document.data, dict) else {}
    index, cluster = _cluster(plain)
    server, ca_data = cluster.get("server"), cluster.get("certificate-authority-data")
    if not isinstance(server, str) or not server.startswith("https://"):
        raise ConfigError(
            "the kubeconfig has no https server",
            remedy=remedy,
            place=document.position(("clusters", index, "cluster", "server")),
        )
    if not isinstance(ca_data, str) or not _is_base64(ca_data):
        raise ConfigError(
            "the kubeconfig has no certificate-authority-data",
            remedy=remedy,
            place=document.position(("clusters", index, "cluster", "certificate-authority-data")),
        )
    return AdminKubeconfig(server, "".join(ca_data.split()))


def parse_client_login(data: bytes | str, filename: str = KUBECONFIG_NAME) -> ClientLogin:
    """The user and the CA of the current context; nothing of a context that is not there, as kubectl has it.

    Raises ParseError, and ConfigError for credentials that kubectl could not read. No message shows any of them.
    """
    plain = Document.parse(data, filename).data
    plain = plain if isinstance(plain, dict) else {}
    context = _item(plain, "contexts", "context", plain.get("current-context"))
    user = _item(plain, "users", "user", context.get("user"))
    cluster = _item(plain, "clusters", "cluster", context.get("cluster"))
    return ClientLogin(
        _source(user, "client-certificate"),
        _source(user, "client-key"),
        _source(cluster, "certificate-authority"),
        next((text for key, text in _OTHER_LOGINS.items() if user.get(key)), ""),
    )


def _item(plain: dict[str, Any], key: str, inner: str, name: object) -> dict[str, Any]:
    """The inner mapping of the item of that name, empty where there is none."""
    found = (item for _, item in _named(plain, key, inner) if name is not None and item["name"] == name)
    return next(found, {})


def _source(holder: dict[str, Any], key: str) -> PemSource:
    """As client-go takes it: data wins over a file."""
    data, path = holder.get(f"{key}-data"), holder.get(key)
    if not all(value is None or isinstance(value, str) for value in (data, path)):
        raise ConfigError(f"{key} is not a text")
    if not data:
        return PemSource(path=path or "")
    if not _is_base64(data):
        raise ConfigError(f"{key}-data is not valid base64")
    return PemSource(base64.b64decode("".join(data.split())))


def _cluster(plain: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Index and content of the current context's cluster, else of the first; empty if there is none."""
    current = plain.get("current-context")
    wanted = next(
        (item["cluster"] for _, item in _named(plain, "contexts", "context") if item["name"] == current), None
    )
    clusters = list(_named(plain, "clusters", "cluster"))
    for index, item in clusters:
        if item["name"] == wanted:
            return index, item
    return clusters[0] if clusters else (0, {})


def _named(plain: dict[str, Any], key: str, inner: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Index and inner mapping of each well-formed item, its name among its members."""
    items = plain.get(key)
    for index, item in enumerate(items if isinstance(items, list) else ()):
        content = item.get(inner) if isinstance(item, dict) else None
        if isinstance(content, dict):
            yield index, {"cluster": None, **content, "name": item.get("name")}


def _is_base64(text: str) -> bool:
    try:
        return bool(base64.b64decode("".join(text.split()), validate=True))
    except (binascii.Error, ValueError):
        return False


class AdminState(TextEnum):
    """What was found of the admin certificate; the first that is true."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NO_CERTIFICATE = "noCertificate"
    NOT_EXAMINED = "notExamined"
    """The kubeconfig is there, but its certificate was not looked at."""
    WRONG_KEY = "wrongKey"
    """The key is missing, or another certificate's."""
    NOT_YET_VALID = "notYetValid"
    EXPIRED = "expired"
    NOT_FOR_CLIENTS = "notForClients"
    OTHER_CA = "otherCA"
    """The CA of the same kubeconfig has not signed it, or has expired."""
    VALID = "valid"


# Tarmak itself has a new one signed for these: pkg/tarmak/kubectl does so without a certificate, and where the API
# server refuses the one that is there. For all others the kubeconfig has to be out of its way.
_RENEWED = (AdminState.MISSING, AdminState.NO_CERTIFICATE, AdminState.EXPIRED)


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """`what` says what was found. Times are aware, and None like `is_signed_by_ca` where that was not looked at.
    `renewal` is the command that has Tarmak make a new one."""

    state: AdminState
    what: str
    path: Path | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    common_name: str = ""
    organizations: tuple[str, ...] = ()
    is_signed_by_ca: bool | None = None
    has_credentials: bool = True
    """Whether the kubeconfig lets anybody log in, by whatever means."""
    has_known_hosts: bool = False
    """Whether Tarmak has reached instances of the cluster from this directory, which it has not destroyed since."""
    why_not_examined: str = ""
    renewal: str = field(default=PLAIN.tarmak("clusters kubeconfig"), repr=False)

    @property
    def is_examined(self) -> bool:
        return self.state is not AdminState.NOT_EXAMINED

    @property
    def is_admin(self) -> bool:
        return ADMINS in self.organizations

    @property
    def gives_access(self) -> bool:
        """Whether the certificate is valid now, and of the group that may do everything."""
        return self.state is AdminState.VALID and self.is_admin

    @property
    def text(self) -> str:
        """What a message about a possible lock-out says."""
        return self.what if self.gives_access or not self.is_examined else f"no way back was found: {self.what}"

    @property
    def remedy(self) -> str:
        """What to do about it; empty where there is nothing to do."""
        if self.gives_access or not self.is_examined:
            return ""
        if self.state is AdminState.NOT_YET_VALID:
            return "check the clock of this machine"
        return f"run `{self.renewal}` for a new one" if self.state in _RENEWED else self.replacement

    @property
    def replacement(self) -> str:
        """How to get another certificate while Tarmak is content with the one that is there."""
        return f"move the kubeconfig away and run `{self.renewal}` for a new one"

    @property
    def advice(self) -> str:
        """Text and remedy."""
        return f"{self.text}; {self.remedy}" if self.remedy else self.text


def examine_admin(
    home: Path | None,
    *,
    command_line: CommandLine = PLAIN,
    now: datetime | None = None,
    within: Boundary | None = None,
) -> AdminAccess:
    """Reads the kubeconfig in `home`, which is `<dir>/<cluster_name>`; None for a configuration that is not in a file.

    No link leads out of `within`, None for `<dir>`.

    `command_line` is that of the cluster. `now` is aware, None for the time of the call. Nothing raises: a broken
    file is an answer.
    """
    if home is None:
        return AdminAccess(AdminState.NOT_EXAMINED, NOT_EXAMINED)
    found = _Kubeconfig(home, now or datetime.now(timezone.utc), within or Boundary(home.parent)).examined()
    renewal = command_line.tarmak("clusters kubeconfig")
    return replace(found, renewal=renewal, has_known_hosts=_has_known_hosts(home))


def _has_known_hosts(home: Path) -> bool:
    try:
        return (home / _KNOWN_HOSTS).stat().st_size > 0
    except OSError:
        return False


class _Outside(Exception):
    """A file that is named and not in the configuration directory."""


@dataclass(frozen=True)
class _Kubeconfig:
    home: Path
    now: datetime
    within: Boundary

    @property
    def path(self) -> Path:
        return self.home / KUBECONFIG_NAME

    def examined(self) -> AdminAccess:
        try:
            data = read_if_present(self.path, self.within)
            if data is None:
                return self._found(AdminState.MISSING, f"{self.path} does not exist")
            return self._login(data)
        except FileError as error:
            return self._unreadable(error.what.removeprefix("cannot be read: "))
        except TarmakIamError:  # whose text may have something of the file in it
            return self._unreadable("it is not a kubeconfig that kubectl can read")
        except _Outside as outside:
            return self._not_examined(str(outside))

    def _login(self, data: bytes) -> AdminAccess:
        login = parse_client_login(data, str(self.path))
        if not login.certificate.is_given:
            what = f"the current context of {self.path} has no client certificate"
            what = f"{what}: its user logs in with {login.other}" if login.other else what
            return replace(self._found(AdminState.NO_CERTIFICATE, what), has_credentials=bool(login.other))
        chain = [each for each in self._blocks(login.certificate) if is_certificate(each)]
        keys = [each for each in self._blocks(login.key) if is_key(each)]
        if not chain:
            return self._unreadable("it has no PEM block of a certificate")
        try:
            authorities = [each for each in self._blocks(login.authority) if is_certificate(each)]
        except (FileError, _Outside):  # of the server, first of all; without it less can be said
            authorities = []
        return self._certificate(chain, keys, authorities)

    def _certificate(self, chain: Sequence[Block], keys: Sequence[Block], authorities: Sequence[Block]) -> AdminAccess:
        try:
            from tarmak_iam.pki.certificates import Unreadable, read_certificate
        except TarmakIamError:
            return self._not_examined("install the extra `webhook` (cryptography)")
        try:
            own = read_certificate(chain[0].data)
        except Unreadable:
            return self._unreadable("it is not a certificate that can be read")
        others, trusted = list(_readable(chain[1:_MOST])), list(_readable(authorities[:_MOST]))
        ending = _ending(own, others, trusted)
        all_seen = trusted and len(chain) <= _MOST >= len(authorities)
        is_signed = True if ending else False if all_seen else None
        state, what = self._of_key(own, keys) or self._of_certificate(own, is_signed=is_signed, ending=ending)
        names = own.common_name, own.organizations
        return AdminAccess(state, what, self.path, own.not_before, own.not_after, *names, is_signed)

    def _of_key(self, own: Certificate, keys: Sequence[Block]) -> tuple[AdminState, str] | None:
        """What keeps Go's tls.X509KeyPair from taking the first key; None for nothing."""
        from tarmak_iam.pki.certificates import Unreadable, read_key

        if not keys:
            return AdminState.WRONG_KEY, f"{self.path} has no key for the admin certificate"
        try:
            if not keys[0].is_encrypted and read_key(keys[0].data).public_key == own.public_key:
                return None
        except Unreadable:
            return AdminState.WRONG_KEY, f"the key of the admin certificate in {self.path} cannot be read"
        if keys[0].is_encrypted:
            return AdminState.WRONG_KEY, f"the key of the admin certificate in {self.path} is encrypted"
        return AdminState.WRONG_KEY, f"the key in {self.path} does not belong to the admin certificate"

    def _of_certificate(
        self, own: Certificate, *, is_signed: bool | None, ending: datetime | None
    ) -> tuple[AdminState, str]:
        """As the API server's crypto/x509 judges it, with the CA that the kubeconfig has."""
        subject = self._subject
        if self.now < own.not_before:
            return AdminState.NOT_YET_VALID, f"{subject} is not valid before {_day(own.not_before)}"
        if self.now > own.not_after:
            return AdminState.EXPIRED, f"{subject} expired on {_day(own.not_after)}"
        if not own.is_for_clients:
            return AdminState.NOT_FOR_CLIENTS, f"{subject} is not for clients: its extended key usage leaves them out"
        if is_signed is False:
            return AdminState.OTHER_CA, f"{subject} is not signed by the CA in the same file"
        if ending is not None and self.now > ending:
            return AdminState.OTHER_CA, f"{subject} is signed by a CA that expired on {_day(ending)}"
        group = f" and in {ADMINS}" if ADMINS in own.organizations else f", but not in {ADMINS}"
        return AdminState.VALID, f"{subject} is valid until {_day(own.not_after)}{group}"

    @property
    def _subject(self) -> str:
        return f"the admin certificate in {self.path}"

    def _found(self, state: AdminState, what: str) -> AdminAccess:
        return AdminAccess(state, what, self.path)

    def _not_examined(self, why: str) -> AdminAccess:
        what = f"{self._subject} was not examined: {why}"
        return replace(self._found(AdminState.NOT_EXAMINED, what), why_not_examined=why)

    def _unreadable(self, why: str) -> AdminAccess:
        return self._found(AdminState.UNREADABLE, f"{self._subject} cannot be read: {why}")

    def _blocks(self, source: PemSource) -> tuple[Block, ...]:
        """Raises FileError and _Outside."""
        return read_pem(self._read(source.path) if source.data is None else source.data)

    def _read(self, text: str) -> bytes:
        """A file that the kubeconfig names, from its own directory; empty for none."""
        if not text:
            return b""
        path, root = self.home / text, os.path.realpath(self.home.parent)
        try:
            is_inside = os.path.commonpath([root, os.path.realpath(path)]) == root
        except ValueError:  # a character that no path has
            raise FileError("the kubeconfig names a file that cannot exist") from None
        if not is_inside:
            raise _Outside(f"{self.path} names a file outside the configuration directory")
        data = read_if_present(Path(os.path.realpath(path)))
        if data is None:
            raise FileError("the file that the kubeconfig names for it does not exist")
        return data


def _readable(blocks: Sequence[Block]) -> Iterator[Certificate]:
    from tarmak_iam.pki.certificates import Unreadable, read_certificate

    for each in blocks:
        try:
            yield read_certificate(each.data)
        except Unreadable:
            continue


def _ending(own: Certificate, others: Sequence[Certificate], trusted: Sequence[Certificate]) -> datetime | None:
    """When the last of the trusted CAs ends that has signed it, itself or through `others`; None if none has."""
    from tarmak_iam.pki.certificates import is_issued_by

    signed, left = [own], list(others)
    for each in signed:  # which grows: each of the others once, whoever has signed whom
        ends = [one.not_after for one in trusted if is_issued_by(each, one)]
        if ends:
            return max(ends)
        issuers = [one for one in left if is_issued_by(each, one)]
        left = [one for one in left if one not in issuers]
        signed += issuers
    return None


def _day(time: datetime) -> str:
    return f"{time.astimezone(timezone.utc):%Y-%m-%d}"
