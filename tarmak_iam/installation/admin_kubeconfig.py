"""Tarmak's own kubeconfig of a cluster: its API server, its CA, and whether its admin certificate gives access."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterator, Sequence
from dataclasses import field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tarmak_iam.command_line import PLAIN, CommandLine
from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, FileError, TarmakIamError, unquoted
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.late_dataclass import dataclass
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.pki.pem import PemBlock, is_certificate, is_key, read_pem
from tarmak_iam.text import TextEnum

if TYPE_CHECKING:
    from tarmak_iam.pki.certificates import Certificate


KUBECONFIG_NAME = "kubeconfig"
NOT_EXAMINED = "the admin certificate was not examined"

# The most certificates of a chain or of a CA bundle that are checked: each signature takes time.
_MOST = 20

# pkg/tarmak/ssh writes the host keys of the cluster's instances to this file; `tarmak clusters destroy` removes it.
_KNOWN_HOSTS = "ssh_known_hosts"


@dataclass(frozen=True, slots=True)
class AdminKubeconfig:
    """`server` is a URL, `ca_data` the PEM of the CA in base64. The credentials are not read."""

    server: str
    ca_data: str


@dataclass(frozen=True, slots=True)
class PemSource:
    """PEM that a kubeconfig contains (`data`) or refers to (`path`); neither where it does not exist."""

    data: bytes | None = field(default=None, repr=False)
    path: str = ""

    @property
    def is_given(self) -> bool:
        return self.data is not None or self.path != ""


@dataclass(frozen=True, slots=True)
class ClientLogin:
    """The credentials of the current context. `other` describes those that are not a certificate, as in `a token`."""

    certificate: PemSource
    key: PemSource
    authority: PemSource
    other: str = ""


# In the order of the keys in client-go's AuthInfo.
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
    """The cluster of the current context, else the first one. `command_line` is that of the cluster.

    Raises ParseError, and ConfigError where server or CA data is missing.
    """
    remedy = f"run `{command_line.tarmak('clusters kubeconfig')}` again"
    with unquoted():
        document = Document.parse(data, filename)
        plain = document.data if isinstance(document.data, dict) else {}
    index, cluster = _cluster(plain)
    server, ca_data = cluster.get("server"), cluster.get("certificate-authority-data")
    if not isinstance(server, str) or not server.startswith("https://"):
        raise ConfigError(
            "the kubeconfig contains no https server",
            remedy=remedy,
            place=document.position(("clusters", index, "cluster", "server")),
        )
    if not isinstance(ca_data, str) or not _is_base64(ca_data):
        raise ConfigError(
            "the kubeconfig contains no certificate-authority-data",
            remedy=remedy,
            place=document.position(("clusters", index, "cluster", "certificate-authority-data")),
        )
    return AdminKubeconfig(server, "".join(ca_data.split()))


def parse_client_login(data: bytes | str, filename: str = KUBECONFIG_NAME) -> ClientLogin:
    """The user and the CA of the current context; empty for a context that does not exist, as in kubectl.

    Raises ParseError, and ConfigError for credentials that kubectl could not read. No message contains credentials.
    """
    with unquoted():
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
    """The inner mapping of the item with that name, {} without one."""
    found = (item for _, item in _named(plain, key, inner) if name is not None and item["name"] == name)
    return next(found, {})


def _source(holder: dict[str, Any], key: str) -> PemSource:
    """As in client-go, data has precedence over a file."""
    data, path = holder.get(f"{key}-data"), holder.get(key)
    if not all(value is None or isinstance(value, str) for value in (data, path)):
        raise ConfigError(f"{key} is not a string")
    if not data:
        return PemSource(path=path or "")
    if not _is_base64(data):
        raise ConfigError(f"{key}-data is not valid base64")
    return PemSource(base64.b64decode("".join(data.split())))


def _cluster(plain: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Index and content of the current context's cluster, else of the first one; {} without clusters."""
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
    """Index and inner mapping of each well-formed item, with its name added."""
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
    """The state of the admin certificate: the first one that applies."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    NO_CERTIFICATE = "noCertificate"
    NOT_EXAMINED = "notExamined"
    """The kubeconfig exists, but its certificate was not examined."""
    WRONG_KEY = "wrongKey"
    """The key is missing, or belongs to another certificate."""
    NOT_YET_VALID = "notYetValid"
    EXPIRED = "expired"
    NOT_FOR_CLIENTS = "notForClients"
    OTHER_CA = "otherCA"
    """The CA in the same kubeconfig has not signed it, or has expired."""
    VALID = "valid"


# In these states Tarmak itself gets a new certificate signed: pkg/tarmak/kubectl does so without a certificate, and
# where the API server rejects the existing one. In all others, the kubeconfig has to be moved away first.
_RENEWED = (AdminState.MISSING, AdminState.NO_CERTIFICATE, AdminState.EXPIRED)


@dataclass(frozen=True, slots=True)
class AdminAccess:
    """`what` describes the state. Times are aware. They and `is_signed_by_ca` are None where that was not examined.
    `renewal` is the command with which Tarmak creates a new certificate."""

    state: AdminState
    what: str
    path: Path | None = None
    not_before: datetime | None = None
    not_after: datetime | None = None
    common_name: str = ""
    organizations: tuple[str, ...] = ()
    is_signed_by_ca: bool | None = None
    has_credentials: bool = True
    """Whether the kubeconfig contains any credentials."""
    has_known_hosts: bool = False
    """Whether Tarmak has connected to instances of the cluster from this directory, and has not destroyed the cluster
    since."""
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
        """Whether the certificate is valid now, and in the group system:masters."""
        return self.state is AdminState.VALID and self.is_admin

    @property
    def text(self) -> str:
        """The text about recovery access in a message about a possible lock-out."""
        if not self.is_examined:
            return self.what
        return f"recovery access: {self.what}" if self.gives_access else f"no recovery access: {self.what}"

    @property
    def remedy(self) -> str:
        """The remedy; "" if nothing has to be done."""
        if self.gives_access or not self.is_examined:
            return ""
        if self.state is AdminState.NOT_YET_VALID:
            return "check the clock of this machine"
        return f"run `{self.renewal}` for a new one" if self.state in _RENEWED else self.replacement

    @property
    def replacement(self) -> str:
        """How to get another certificate where Tarmak would keep the existing one."""
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
    """Examines the admin certificate in the kubeconfig in `home`, which is `<dir>/<cluster_name>`; None for a
    configuration that was not loaded from a file.

    Links must not lead out of `within`, None for `<dir>`. `command_line` is that of the cluster. `now` is aware, None
    for the time of the call. Never raises: a broken file is a result.
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
    """The kubeconfig refers to a file that is not in the configuration directory."""


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
        except TarmakIamError:  # its text may contain a part of the file
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
            return self._unreadable("it contains no certificate in PEM format")
        try:
            authorities = [each for each in self._blocks(login.authority) if is_certificate(each)]
        except (FileError, _Outside):  # it is mainly for the server; without it, less is checked
            authorities = []
        return self._certificate(chain, keys, authorities)

    def _certificate(
        self, chain: Sequence[PemBlock], keys: Sequence[PemBlock], authorities: Sequence[PemBlock]
    ) -> AdminAccess:
        try:
            from tarmak_iam.pki.certificates import Unreadable, read_certificate
        except TarmakIamError:
            return self._not_examined("install the extra `aws` (cryptography)")
        try:
            own = read_certificate(chain[0].data)
        except Unreadable:
            return self._unreadable("it is not a valid certificate")
        others, trusted = list(_readable(chain[1:_MOST])), list(_readable(authorities[:_MOST]))
        ending = _ending(own, others, trusted)
        all_seen = trusted and len(chain) <= _MOST >= len(authorities)
        is_signed = True if ending else False if all_seen else None
        state, what = self._of_key(own, keys) or self._of_certificate(own, is_signed=is_signed, ending=ending)
        names = own.common_name, own.organizations
        return AdminAccess(state, what, self.path, own.not_before, own.not_after, *names, is_signed)

    def _of_key(self, own: Certificate, keys: Sequence[PemBlock]) -> tuple[AdminState, str] | None:
        """Why Go's tls.X509KeyPair would reject the first key; None where it would accept it."""
        from tarmak_iam.pki.certificates import Unreadable, read_key

        if not keys:
            return AdminState.WRONG_KEY, f"{self.path} contains no key for the admin certificate"
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
        """The result of the API server's crypto/x509, with the CA in the kubeconfig."""
        subject = self._subject
        if self.now < own.not_before:
            return AdminState.NOT_YET_VALID, f"{subject} is not valid before {_day(own.not_before)}"
        if self.now > own.not_after:
            return AdminState.EXPIRED, f"{subject} expired on {_day(own.not_after)}"
        if not own.is_for_clients:
            return (
                AdminState.NOT_FOR_CLIENTS,
                f"{subject} is not for clients: its extended key usage does not contain client authentication",
            )
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

    def _blocks(self, source: PemSource) -> tuple[PemBlock, ...]:
        """Raises FileError and _Outside."""
        return read_pem(self._read(source.path) if source.data is None else source.data)

    def _read(self, text: str) -> bytes:
        """A file that the kubeconfig refers to, relative to its own directory; empty without a name."""
        if not text:
            return b""
        path, root = self.home / text, os.path.realpath(self.home.parent)
        try:
            is_inside = os.path.commonpath([root, os.path.realpath(path)]) == root
        except ValueError:  # a character that is not valid in a path
            raise FileError("the kubeconfig refers to a file that cannot exist") from None
        if not is_inside:
            raise _Outside(f"{self.path} refers to a file outside the configuration directory")
        data = read_if_present(Path(os.path.realpath(path)))
        if data is None:
            raise FileError("the file that the kubeconfig refers to does not exist")
        return data


def _readable(blocks: Sequence[PemBlock]) -> Iterator[Certificate]:
    from tarmak_iam.pki.certificates import Unreadable, read_certificate

    for each in blocks:
        try:
            yield read_certificate(each.data)
        except Unreadable:
            continue


def _ending(own: Certificate, others: Sequence[Certificate], trusted: Sequence[Certificate]) -> datetime | None:
    """The latest end of validity of the trusted CAs that have signed it, directly or through `others`; None if none
    has."""
    from tarmak_iam.pki.certificates import is_issued_by

    signed, left = [own], list(others)
    for each in signed:  # the list grows: it contains each of the others at most once, so circular signatures end
        ends = [one.not_after for one in trusted if is_issued_by(each, one)]
        if ends:
            return max(ends)
        issuers = [one for one in left if is_issued_by(each, one)]
        left = [one for one in left if one not in issuers]
        signed += issuers
    return None


def _day(time: datetime) -> str:
    return f"{time.astimezone(timezone.utc):%Y-%m-%d}"
