"""Tarmak's own kubeconfig of a cluster: its API server, its CA, and whether its admin certificate gives access."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tarmak_iam.document import Document
from tarmak_iam.errors import ConfigError, FileError, TarmakIamError, unquoted
from tarmak_iam.files.boundary import Boundary
from tarmak_iam.files.read import read_if_present
from tarmak_iam.installation.admin_login import AdminLogin, read_admin_login
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.pki.dates import CertificateDates, read_dates
from tarmak_iam.pki.pem import PemBlock, is_certificate, is_key, read_pem
from tarmak_iam.text import PLAIN, CommandLine, TextEnum

if TYPE_CHECKING:
    from tarmak_iam.pki.certificates import Certificate


KUBECONFIG_NAME = "kubeconfig"
NOT_EXAMINED = "the admin certificate was not examined"

# The most certificates that are checked: each signature takes time.
_MOST = 20

# pkg/tarmak/ssh writes the host keys of the cluster's instances to this file; `tarmak clusters destroy` removes it.
_KNOWN_HOSTS = "ssh_known_hosts"


class AdminKubeconfig(NamedTuple):
    """`server` is a URL, `ca_data` the PEM of the CA in base64. The credentials are not read."""

    server: str
    ca_data: str


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
    """The cluster of the current context, else the first. Raises ParseError, and ConfigError without server or CA."""
    document, content = _parsed(data, filename)
    _, context = named_item(content, "contexts", "context", content.get("current-context"))
    index, cluster = named_item(content, "clusters", "cluster", (context or {}).get("cluster"))
    listed = content.get("clusters")
    if cluster is None and isinstance(listed, list) and listed and isinstance(listed[0], dict):
        index, cluster = named_item(content, "clusters", "cluster", listed[0].get("name"))
    server, ca_data = (cluster or {}).get("server"), (cluster or {}).get("certificate-authority-data")
    missing = key = ""
    if not isinstance(server, str) or not server.startswith("https://"):
        missing, key = "https server", "server"
    elif not isinstance(ca_data, str) or not _is_base64(ca_data):
        missing = key = "certificate-authority-data"
    if missing:
        what = f"the kubeconfig contains no {missing}"
        remedy = f"run `{command_line.tarmak('clusters kubeconfig')}` again"
        raise ConfigError(what, remedy=remedy, place=document.position(("clusters", index, "cluster", key)))
    return AdminKubeconfig(str(server), "".join(str(ca_data).split()))


def _parsed(data: bytes | str, filename: str) -> tuple[Document, dict[str, Any]]:
    with unquoted():
        document = Document.parse(data, filename)
        return document, document.data if isinstance(document.data, dict) else {}


def named_item(
    kubeconfig: dict[str, Any], list_key: str, inner: str, name: object
) -> tuple[int, dict[str, Any] | None]:
    """Index and content of the first item of that name in a list of a kubeconfig, as in `clusters` and `cluster`;
    0 and None without one."""
    items = kubeconfig.get(list_key)
    for index, item in enumerate(items if isinstance(items, list) and name is not None else ()):
        content = item.get(inner) if isinstance(item, dict) and item.get("name") == name else None
        if isinstance(content, dict):
            return index, content
    return 0, None


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


class AdminAccess(NamedTuple):
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
    """Whether Tarmak has connected to instances of the cluster from here, and has not destroyed it since."""
    why_not_examined: str = ""
    fingerprint: str = ""
    """The SHA-256 of the certificate, in hexadecimal; "" without one."""
    login: AdminLogin | None = None
    """The last login of `verify --admin`, maybe with another certificate."""
    renewal: str = PLAIN.tarmak("clusters kubeconfig")

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
    def last_login(self) -> datetime | None:
        """When this certificate last logged in, as far as that was tried."""
        return self.login.time if self.login is not None and self.login.certificate == self.fingerprint else None

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
    home: Path | None, *, command_line: CommandLine = PLAIN, now: datetime | None = None, within: Boundary | None = None
) -> AdminAccess:
    """Examines the admin certificate in the kubeconfig in `home`, which is `<dir>/<cluster_name>`; None for a
    configuration that was not loaded from a file. Links must not lead out of `within`, None for `<dir>`. `now` is
    aware, None for the time of the call. Never raises: a broken file is a result."""
    if home is None:
        return AdminAccess(AdminState.NOT_EXAMINED, NOT_EXAMINED)
    path, now = home / KUBECONFIG_NAME, now or datetime.now(timezone.utc)
    subject = f"the admin certificate in {path}"
    try:
        data = read_if_present(path, within or Boundary(home.parent))
        if data is None:
            access = AdminAccess(AdminState.MISSING, f"{path} does not exist")
        else:
            access = _with_login(_examined(path, data, now), home, within or Boundary(home.parent), now)
    except _NotExamined as reason:
        what, why = f"{subject} was not examined: {reason}", str(reason)
        access = AdminAccess(AdminState.NOT_EXAMINED, what, why_not_examined=why)
    except TarmakIamError as error:
        why = "it is not a kubeconfig that kubectl can read"  # the text of the error may contain a part of the file
        if isinstance(error, FileError):
            why = error.what.removeprefix("cannot be read: ")
        access = AdminAccess(AdminState.UNREADABLE, f"{subject} cannot be read: {why}")
    with contextlib.suppress(OSError):
        access = access._replace(has_known_hosts=(home / _KNOWN_HOSTS).stat().st_size > 0)
    return access._replace(path=path, renewal=command_line.tarmak("clusters kubeconfig"))


def _with_login(access: AdminAccess, home: Path, within: Boundary, now: datetime) -> AdminAccess:
    """With the last login of a certificate that gives access."""
    login = read_admin_login(home, within) if access.gives_access else None
    if login is None or not login.certificate:
        return access
    is_this = login.certificate == access.fingerprint
    which = f"it last logged in on {login.text(now)}" if is_this else "another certificate logged in last"
    return access._replace(login=login, what=f"{access.what}; {which}")


class _NotExamined(Exception):
    """The kubeconfig is not one that Tarmak wrote."""


def _examined(path: Path, data: bytes, now: datetime) -> AdminAccess:
    """Raises _NotExamined; FileError, whose text may be shown; and TarmakIamError."""
    _, content = _parsed(data, str(path))
    _, context = named_item(content, "contexts", "context", content.get("current-context"))
    _, user = named_item(content, "users", "user", (context or {}).get("user"))
    _, cluster = named_item(content, "clusters", "cluster", (context or {}).get("cluster"))
    chain_pem, keys_pem = _pem(path, user, "client-certificate"), _pem(path, user, "client-key")
    authorities_pem = b""
    with contextlib.suppress(_NotExamined):  # it is mainly for the server; without it, less is checked
        authorities_pem = _pem(path, cluster, "certificate-authority")
    if not chain_pem:
        other = next((text for key, text in _OTHER_LOGINS.items() if (user or {}).get(key)), "")
        what = f"the current context of {path} has no client certificate"
        what = f"{what}: its user logs in with {other}" if other else what
        return AdminAccess(AdminState.NO_CERTIFICATE, what, has_credentials=bool(other))
    chain, authorities = (list(filter(is_certificate, read_pem(pem))) for pem in (chain_pem, authorities_pem))
    if not chain:
        raise FileError("it contains no certificate in PEM format")
    if len(chain) + len(authorities) > _MOST:
        raise _NotExamined(f"it contains more than {_MOST} certificates")
    try:
        certificate = _certificate(chain[0].data)
    except ValueError:
        raise FileError("it is not a valid certificate") from None
    ending, is_signed = None, None
    if not isinstance(certificate, CertificateDates):
        trusted = _readable(authorities)
        ending = _ending(certificate, _readable(chain[1:]), trusted)
        is_signed = True if ending else False if trusted else None
    keys = list(filter(is_key, read_pem(keys_pem)))
    state, what = _state(path, certificate, keys, is_signed=is_signed, ending=ending, now=now)
    names_of = certificate.common_name, certificate.organizations
    fingerprint = hashlib.sha256(chain[0].data).hexdigest()
    times = certificate.not_before, certificate.not_after
    return AdminAccess(state, what, path, *times, *names_of, is_signed, fingerprint=fingerprint)


def _certificate(der: bytes) -> Certificate | CertificateDates:
    """Without cryptography only its dates and its subject. Raises ValueError."""
    try:
        from tarmak_iam.pki.certificates import read_certificate
    except TarmakIamError:
        return read_dates(der)
    return read_certificate(der)


def _pem(path: Path, holder: dict[str, Any] | None, key: str) -> bytes:
    """The data of that key; empty without them. Raises ConfigError for what kubectl could not read, and _NotExamined
    for the name of a file, which Tarmak does not write."""
    data, name = (holder or {}).get(f"{key}-data"), (holder or {}).get(key)
    if not all(value is None or isinstance(value, str) for value in (data, name)):
        raise ConfigError(f"{key} is not a string")
    if data and not _is_base64(data):
        raise ConfigError(f"{key}-data is not valid base64")
    if name and not data:  # as in client-go, data has precedence over a file
        raise _NotExamined(f"{path} refers to other files")
    return base64.b64decode("".join(data.split())) if data else b""


def _readable(blocks: Sequence[PemBlock]) -> list[Certificate]:
    from tarmak_iam.pki.certificates import Unreadable, read_certificate

    certificates = []
    for block in blocks:
        with contextlib.suppress(Unreadable):
            certificates.append(read_certificate(block.data))
    return certificates


def _ending(certificate: Certificate, others: Sequence[Certificate], trusted: Sequence[Certificate]) -> datetime | None:
    """The latest end of validity of the trusted CAs that have signed it, directly or through `others`."""
    from tarmak_iam.pki.certificates import is_issued_by

    signed, left = [certificate], list(others)
    for subject in signed:  # the list grows: it contains each of the others at most once, so circular signatures end
        ends = [issuer.not_after for issuer in trusted if is_issued_by(subject, issuer)]
        if ends:
            return max(ends)
        issuers = [issuer for issuer in left if is_issued_by(subject, issuer)]
        left = [issuer for issuer in left if issuer not in issuers]
        signed += issuers
    return None


def _state(
    path: Path,
    certificate: Certificate | CertificateDates,
    keys: Sequence[PemBlock],
    *,
    is_signed: bool | None,
    ending: datetime | None,
    now: datetime,
) -> tuple[AdminState, str]:
    """The result of Go's tls.X509KeyPair, then that of the API server's crypto/x509 with the CA in the kubeconfig."""
    subject = f"the admin certificate in {path}"
    if flaw := _key_flaw(path, certificate, keys):
        return AdminState.WRONG_KEY, flaw
    if now < certificate.not_before:
        return AdminState.NOT_YET_VALID, f"{subject} is not valid before {_day(certificate.not_before)}"
    if now > certificate.not_after:
        return AdminState.EXPIRED, f"{subject} expired on {_day(certificate.not_after)}"
    if not isinstance(certificate, CertificateDates) and not certificate.is_for_clients:
        what = "is not for clients: its extended key usage does not contain client authentication"
        return AdminState.NOT_FOR_CLIENTS, f"{subject} {what}"
    if is_signed is False:
        return AdminState.OTHER_CA, f"{subject} is not signed by the CA in the same file"
    if ending is not None and now > ending:
        return AdminState.OTHER_CA, f"{subject} is signed by a CA that expired on {_day(ending)}"
    group = f" and in {ADMINS}" if ADMINS in certificate.organizations else f", but not in {ADMINS}"
    if isinstance(certificate, CertificateDates):
        group += "; its key and its signature were not examined, because cryptography is not installed"
    return AdminState.VALID, f"{subject} is valid until {_day(certificate.not_after)}{group}"


def _key_flaw(path: Path, certificate: Certificate | CertificateDates, keys: Sequence[PemBlock]) -> str:
    key = f"the key of the admin certificate in {path}"
    if not keys:
        return f"{path} contains no key for the admin certificate"
    if keys[0].is_encrypted:
        return f"{key} is encrypted"
    if isinstance(certificate, CertificateDates):
        return ""
    from tarmak_iam.pki.certificates import Unreadable, read_key

    try:
        is_its_key = read_key(keys[0].data).public_key == certificate.public_key
    except Unreadable:
        return f"{key} cannot be read"
    return "" if is_its_key else f"the key in {path} does not belong to the admin certificate"


def _day(time: datetime) -> str:
    return f"{time.astimezone(timezone.utc):%Y-%m-%d}"
