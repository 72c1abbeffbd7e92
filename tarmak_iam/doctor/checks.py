"""The checks of doctor, and what they find."""

from __future__ import annotations

import posixpath
import shlex
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tarmak_iam.doctor.file_tree import FLAG, INIT_UNIT, Unit
from tarmak_iam.doctor.inspected_files import InspectedFiles, PemFile, WebhookKubeconfig
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.identity.daemon_config import DEFAULT_PORT
from tarmak_iam.pki.pem import is_certificate, is_key, is_key_of_init
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG, STATE_DIR, WEBHOOK_PATH, parse_address
from tarmak_iam.text import capped, one_line, quoted


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One finding. `id` is stable (`WEB020`). Neither `message` nor `remedy` contains any part of a key."""

    id: str
    severity: Severity
    place: Place
    message: str
    remedy: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", capped(self.message))
        object.__setattr__(self, "remedy", capped(self.remedy))

    @property
    def text(self) -> str:
        """Message and remedy on one line."""
        return one_line(f"{self.message}; {self.remedy}" if self.remedy else self.message)

    def __str__(self) -> str:
        return f"{one_line(str(self.place))}: {self.severity}: {self.text} [{self.id}]"


Problems = Iterator[tuple[str, Place, str, str]]
"""ID of the check, place, message and remedy of each finding."""


@dataclass(frozen=True, slots=True)
class Check:
    """`summary` is one sentence that says what is wrong if the check has a finding."""

    id: str
    severity: Severity
    summary: str


_INIT_HOST = "localhost"
_VERSION_FLAG = "--authentication-token-webhook-version"
_TIME = "%Y-%m-%d %H:%M:%S UTC"
_USAGES = {"digital_signature": "digital signature", "key_cert_sign": "certificate signing"}

CHECKS: tuple[Check, ...] = (
    Check("WEB001", Severity.ERROR, "A file cannot be read."),
    Check("WEB002", Severity.ERROR, "The certificate, the key or both are missing."),
    Check("WEB003", Severity.ERROR, "The file contains no PEM block of the right type."),
    Check("WEB004", Severity.ERROR, "The certificate or the key in the block cannot be used."),
    Check("WEB005", Severity.ERROR, "There is a private key in the certificate's file."),
    Check("WEB006", Severity.WARNING, "The file contains more than one block, and only the first is used."),
    Check("WEB007", Severity.WARNING, "The file has been edited by hand."),
    Check("WEB008", Severity.WARNING, "The key has a type or format that init does not create."),
    Check("WEB009", Severity.WARNING, "The key is short."),
    Check("WEB020", Severity.ERROR, "The key does not belong to the certificate."),
    Check("WEB021", Severity.ERROR, "The certificate has no subject alternative name."),
    Check("WEB022", Severity.ERROR, "The certificate is not for the host that the API server calls."),
    Check("WEB023", Severity.ERROR, "The certificate is not for a server."),
    Check("WEB024", Severity.WARNING, "The certificate lacks a usage that init sets."),
    Check("WEB025", Severity.ERROR, "The certificate has expired."),
    Check("WEB026", Severity.ERROR, "The certificate is not valid yet."),
    Check("WEB027", Severity.WARNING, "The certificate expires soon."),
    Check("WEB028", Severity.WARNING, "The certificate is not signed with its own key."),
    Check("WEB030", Severity.ERROR, "The API server cannot use the webhook kubeconfig."),
    Check("WEB031", Severity.ERROR, "The authenticator does not answer at this URL."),
    Check("WEB032", Severity.ERROR, "The authenticator listens on another address or port."),
    Check("WEB033", Severity.ERROR, "The kubeconfig contains no usable CA."),
    Check("WEB034", Severity.ERROR, "The kubeconfig trusts another certificate."),
    Check("WEB035", Severity.ERROR, "The kubeconfig disables the check of the certificate."),
    Check("WEB036", Severity.ERROR, "The webhook kubeconfig is missing."),
    Check("WEB040", Severity.ERROR, "Other users can read the key."),
    Check("WEB041", Severity.ERROR, "Every user can write a file or its directory."),
    Check("WEB042", Severity.WARNING, "A file does not belong to root."),
    Check("WEB043", Severity.ERROR, "The API server's user cannot read the webhook kubeconfig."),
    Check("WEB044", Severity.ERROR, "The file in the API server's flag does not exist."),
    Check("WEB045", Severity.ERROR, "The API server has no webhook flag."),
    Check("WEB046", Severity.ERROR, "The paths of the webhook kubeconfig differ."),
    Check("WEB047", Severity.ERROR, "The API server does not wait for the init unit."),
    Check("WEB048", Severity.ERROR, "The init unit and the authenticator use different directories."),
    Check("WEB049", Severity.ERROR, "The init unit writes a kubeconfig for the wrong host or port."),
    Check("WEB050", Severity.ERROR, "The API server sends token reviews that the authenticator does not support."),
    Check("WEB051", Severity.ERROR, "The authenticator's user cannot read the key."),
    Check("WEB060", Severity.ERROR, "The cluster IDs differ."),
    Check("WEB061", Severity.ERROR, "A manifest, kubeconfig or configuration cannot be read."),
)
"""All checks of `examine_tree`; docs/doctor.md has a paragraph about each."""


def _renew(files: InspectedFiles, *options: str) -> str:
    command = files.command_line.tarmak_iam("webhook --renew --output-dir DIR")
    return f"create a new certificate and key: `{' '.join([command, *map(shlex.quote, options)])}`"


def file_problems(files: InspectedFiles) -> Problems:
    """WEB001 and WEB002."""
    tree = files.tree
    for file in (*tree.of_master, *filter(None, [tree.flags])):  # the objects are reported as WEB061
        if file.data is None and file.is_forbidden:
            yield "WEB001", file.place, file.problem, "run doctor as root, or as the owner of the file"
        elif file.data is None:
            yield "WEB001", file.place, f"it cannot be used: {file.problem}", "replace it with the file itself"
    directory = tree.directory.rstrip("/") + STATE_DIR if tree.is_master else tree.directory
    there, missing = (tree.key, CERTIFICATE) if tree.certificate is None else (tree.certificate, KEY)
    if there is None:
        if tree.webhooks or tree.is_master:
            what = f"{CERTIFICATE} and {KEY} are missing: the authenticator would create new ones"
            remedy = "restore both files, or run the init unit again and restart the API server"
            yield "WEB002", Place(directory), f"{what}, which the API server does not trust", remedy
    elif tree.certificate is None or tree.key is None:
        what = f"{missing} is missing: `init` and the authenticator would create both files and overwrite this one"
        remedy = f"restore {missing} before `init` or the authenticator starts"
        key, key_file = files.key, files.key_file
        if (
            key is not None
            and key_file is not None
            and is_key_of_init(key_file.wanted[0], key.size)
            and not tree.webhooks
        ):
            command = files.command_line.tarmak_iam("webhook", "--output-dir", directory)
            remedy += f", or run `{command}`, which creates one for this key"
        yield "WEB002", there.place, what, remedy


def pem_problems(files: InspectedFiles) -> Problems:
    """WEB003 to WEB009."""
    restore = f"restore the right file, or {_renew(files)}"
    for file, kind in ((files.certificate_file, "certificate"), (files.key_file, "private key")):
        if file is None:
            continue
        data = file.file.data or b""
        if not file.wanted:
            yield "WEB003", file.file.at(1), f"no {kind} found in it: {_why_none(data, file)}", restore
        elif b"\r" in data:
            what = "its lines end with CRLF: an editor has changed it"
            yield "WEB007", file.file.at(1), what, "save it with LF line endings"
        elif not data.startswith(b"-----BEGIN "):
            what = "there is text before the PEM block"
            yield "WEB007", file.file.at(1), what, "remove everything except the block"
        if file.problem:
            what = f"the {kind.removeprefix('private ')} cannot be used: {file.problem}"
            yield "WEB004", file.place, what, restore
    if files.certificate_file is not None:
        yield from _other_blocks(files, files.certificate_file)
    if files.key_file is not None:
        yield from _key_problems(files, files.key_file)


_UTF_16 = "it is UTF-16, but PEM must be ASCII"
_NOT_PEM = {
    b"\xff\xfe": _UTF_16,
    b"\xfe\xff": _UTF_16,
    b"\xef\xbb\xbf": "it starts with a byte order mark",
    b"\x30": "it is DER, but must be PEM",
}


def _why_none(data: bytes, file: PemFile[Any]) -> str:
    if not data.strip():
        return "it is empty"
    if file.others:
        return f"it contains {file.others[0].label} instead"
    why = "its PEM block is broken" if b"-----BEGIN" in data else "it is not PEM"
    return next((text for start, text in _NOT_PEM.items() if data.startswith(start)), why)


def _other_blocks(files: InspectedFiles, file: PemFile[Any]) -> Problems:
    for block in filter(is_key, file.others):
        what = "there is a private key in the certificate's file, which every user may read"
        remedy = f"remove it, and if another user could read it, {_renew(files)}"
        yield "WEB005", file.file.at(block.line), what, remedy
    for block in file.wanted[1:]:
        what = "there is a second certificate in the file: only the first is used"
        yield "WEB006", file.file.at(block.line), what, f"keep only one in {CERTIFICATE}"


def _key_problems(files: InspectedFiles, file: PemFile[Any]) -> Problems:
    for block in [*file.wanted[1:], *filter(is_certificate, file.others)]:
        what = f"there is a second block in the file, {block.label}: only the first key is used"
        yield "WEB006", file.file.at(block.line), what, f"keep only one in {KEY}"
    key = files.key
    if key is not None and (key.kind != "RSA" or file.wanted[0].label != "RSA PRIVATE KEY"):
        what = f"the key is {key.kind} in a block {file.wanted[0].label}: this works"
        what += ", but `init` creates RSA PRIVATE KEY"
        yield "WEB008", file.place, what, "no action is needed if this is intended"
    if key is not None and key.kind == "RSA" and key.size < 2048:
        yield "WEB009", file.place, f"the key has {key.size} bits, but `init` creates 2048", _renew(files)


def pair_problems(files: InspectedFiles) -> Problems:
    """WEB020 and WEB022."""
    certificate = files.certificate
    if certificate is None:
        return
    if files.key is not None and files.key_file is not None and files.key.public_key != certificate.public_key:
        what = f"it is not the key of {CERTIFICATE}: `init` and the authenticator fail"
        consequence = ", and an API server whose unit requires the init unit does not start"
        remedy = f"restore the {KEY} or {CERTIFICATE} that belongs to the other"
        yield "WEB020", files.key_file.place, what + consequence, remedy
    for webhook in files.webhooks if certificate.names else ():
        host = webhook.server_name or webhook.host
        if host and certificate.names is not None and not certificate.names.covers(host):
            what = f"the API server expects a certificate for {host}, but the certificate is for {certificate.names}"
            yield "WEB022", webhook.server_place or webhook.place, what, _renew(files, "--hostname", host)


def certificate_problems(files: InspectedFiles) -> Problems:
    """WEB021, and WEB023 to WEB028."""
    if files.certificate_file is None or files.certificate is None:
        return
    place, certificate, renew = files.certificate_file.place, files.certificate, _renew(files)
    lacking = [] if certificate.is_ca else ["CA:TRUE"]
    if certificate.usages is not None:
        lacking += [text for usage, text in _USAGES.items() if usage not in certificate.usages]
    left = certificate.not_after - files.now
    no_name = "it has no subject alternative name: API servers of Kubernetes 1.19 and later ignore its common name"
    no_server = "its extended key usage does not allow server authentication: the API server rejects it"
    no_usage = f"it lacks {', '.join(lacking)}, which `init` sets: Go does not require this, other TLS clients do"
    other_key = "it is not signed with its own key: Go does not check the signature, other TLS clients do"
    for check, is_flaw, what in (
        ("WEB021", certificate.names is None, no_name),
        ("WEB023", not certificate.is_for_servers, no_server),
        ("WEB024", bool(lacking), no_usage),
        ("WEB025", left < timedelta(), f"it expired at {certificate.not_after:{_TIME}}: every IAM login fails"),
        ("WEB028", not certificate.is_self_signed, other_key),
    ):
        if is_flaw:
            yield check, place, what, renew
    if timedelta() <= left < timedelta(days=files.expires_within):
        what = f"it expires at {certificate.not_after:{_TIME}}, in {left.days} days"
        yield "WEB027", place, what, f"{renew}, and install the files on the masters before that"
    if files.now < certificate.not_before:
        what = f"it is not valid before {certificate.not_before:{_TIME}}"
        yield "WEB026", place, what, "compare the clocks of this machine and of the machine that created it"


def webhook_problems(files: InspectedFiles) -> Problems:
    """WEB030 to WEB036."""
    command = files.command_line.tarmak_iam("webhook --output-dir DIR")
    rewrite = f"run `{command}`, which keeps the certificate and key and writes the kubeconfig again"
    for webhook in files.webhooks:
        if not webhook.problem:
            yield from _url_problems(files, webhook, rewrite)
            yield from _trust_problems(files, webhook, rewrite)
        elif webhook.file.data is not None:  # a file that cannot be opened is WEB001
            yield "WEB030", webhook.place, f"the API server cannot use it: {webhook.problem}", rewrite
    if files.tree.certificate is not None and not files.tree.webhooks:
        what = f"{KUBECONFIG} is missing: without it, the API server does not call the authenticator"
        yield "WEB036", files.tree.certificate.place, what, rewrite


def _url_problems(files: InspectedFiles, webhook: WebhookKubeconfig, rewrite: str) -> Problems:
    place, url, server = webhook.server_place or webhook.place, webhook.url, files.server
    if url is None or url.scheme != "https":
        yield "WEB031", place, "the server is not an https URL with a host", rewrite
    elif url.path != WEBHOOK_PATH or url.query or url.fragment or url.username is not None:
        what = f"the authenticator answers only at {WEBHOOK_PATH}, which is not the path of this URL"
        yield "WEB031", place, what, rewrite
    if url is None or server is None:
        return
    port = url.port or 443
    if port != server.port:
        what = f"the API server connects to port {port}, but the authenticator listens on {server.port}"
        yield "WEB032", place, what, "use the same port in both (server.port in the mappings file)"
    elif not _listens_at(webhook.host, server.address):
        what = f"the API server connects to {webhook.host}, but the authenticator listens only on {server.address}"
        remedy = "use the same address in both (server.hostname and server.address in the mappings file)"
        yield "WEB032", place, what, remedy


def _listens_at(host: str, address: str) -> bool:
    """As far as this can be decided without resolving host names."""
    bound = parse_address(address)
    called = parse_address("127.0.0.1" if host == "localhost" else host)
    if bound is None or called is None or bound.is_unspecified:
        return True
    return bound.is_loopback if host == "localhost" else bound == called


def _trust_problems(files: InspectedFiles, webhook: WebhookKubeconfig, rewrite: str) -> Problems:
    place, certificate = webhook.ca_place or webhook.place, files.certificate
    if webhook.ca is None and webhook.ca_file:
        what = f"its CA is in the file {webhook.ca_file}, which doctor does not read"
        yield "WEB033", place, what, "set certificate-authority-data instead, as `init` does"
    elif webhook.ca is None and not webhook.is_insecure:
        what = "certificate-authority-data is missing: the API server does not trust the certificate"
        yield "WEB033", place, what, rewrite
    elif webhook.ca == ():
        yield "WEB033", place, "certificate-authority-data is not a PEM certificate in base64", rewrite
    elif webhook.ca and certificate and all(block.data != certificate.der for block in webhook.ca):
        what = f"the API server trusts a certificate other than {CERTIFICATE}"
        consequence = f": every IAM login fails, unless that certificate has signed {CERTIFICATE}"
        yield "WEB034", place, what + consequence, rewrite
    if webhook.is_insecure:
        what = "insecure-skip-tls-verify is on: a process that answers on this port decides who every caller is"
        yield "WEB035", webhook.place, what, "remove insecure-skip-tls-verify"


def id_problems(files: InspectedFiles) -> Problems:
    """WEB060 and WEB061. Every cluster ID is compared with the most trustworthy one: that of tarmak.yaml, else of the
    authenticator, a client, or the init unit."""
    ids: list[tuple[Place, str]] = []
    if files.installation is not None:
        ids.append((files.installation.place(), files.installation.cluster_id))
    ids += [(daemon.place, daemon.cluster_id) for daemon in files.daemons if daemon.cluster_id]
    has_flag = bool(ids and files.daemons and files.daemons[0].cluster_id)
    ids += [
        (config.id_place, read.cluster_id) for config, read in files.configurations if read.cluster_id or not has_flag
    ]
    ids += [(client.place, client.cluster_id) for client in files.clients]
    unit = files.init_unit
    word = unit.option("-i", "--cluster-id") if unit else None
    if unit is not None and word is not None:
        ids.append((unit.file.at(word.line), word.text))
    for place, cluster_id in ids[1:]:
        if cluster_id != ids[0][1]:
            consequence = "tokens for one are rejected by the other"
            if unit is not None and place.filename == unit.file.path:
                consequence = "this master belongs to another cluster"
            what = f"the cluster ID is {quoted(cluster_id)} here, but {quoted(ids[0][1])} in {ids[0][0]}"
            yield "WEB060", place, f"{what}: {consequence}", "use the same cluster ID everywhere"
    for broken in files.broken:
        remedy = "fix the file, or remove it from the directory"
        yield "WEB061", broken.place, f"it cannot be read: {broken.message}", remedy


def mode_problems(files: InspectedFiles) -> Problems:
    """WEB040 to WEB042."""
    tree, key = files.tree, files.tree.key
    if key is not None and key.data is not None and key.mode & 0o077:
        what = f"its mode is {key.mode_text}: a user who reads it can answer in place of the authenticator"
        path = shlex.quote(KEY if tree.is_master else key.path)  # on the master, not in a copy of it
        remedy = f"run `chmod 600 {path}`, and if another user could have read it, create a new certificate and key"
        yield "WEB040", key.place, f"{what}, and decide who every caller is", remedy
    writable = [(file, "write it") for file in tree.of_master if file.mode & stat.S_IWOTH]
    folders = [folder for folder in tree.directories if folder.mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH]
    for file, can in (*writable, *((folder, "replace its files") for folder in folders)):
        yield "WEB041", file.place, f"its mode is {file.mode_text}: every user can {can}", "run `chmod o-w` on it"
    read = [file for file in tree.of_master if file.data is not None]
    # Only if root owns some of the files: in a copy, all files belong to the user who made it.
    for file in read if tree.is_master and any(file.uid == 0 for file in read) else ():
        if file.uid != 0:
            yield "WEB042", file.place, f"it belongs to uid {file.uid}, not to root", "run `chown root` on it"


def flag_problems(files: InspectedFiles) -> Problems:
    """WEB043 to WEB046, and WEB050."""
    tree = files.tree
    if files.unit is not None:
        yield from _api_server_problems(files, files.unit)
    if files.webhook_flag is None:
        return
    flag_file, flag = files.webhook_flag
    copied = files.init_unit.copied_to if files.init_unit else None
    if tree.is_master and all(path != flag.text for path, _ in tree.webhooks):
        is_copied = copied is not None and copied.text == flag.text
        why = "the init unit copies the file there when it runs" if is_copied else "no unit creates it"
        what = f"{flag.text} does not exist: {why}"
        yield "WEB044", flag_file.at(flag.line), what, "copy the webhook kubeconfig there"
    others = [(f"{INIT_UNIT}:{copied.line}", copied.text)] if copied is not None else []
    if files.rendered_flag is not None and files.rendered_flag != files.webhook_flag:
        rendered, word = files.rendered_flag
        others.append((f"{rendered.path}:{word.line}", word.text))
    installation = files.installation
    if installation is not None and installation.webhook_file:
        others.append((str(installation.place("kubernetes", "apiServer")), installation.webhook_file))
    for other, path in others:
        if posixpath.normpath(path) != posixpath.normpath(flag.text):
            what = f"the API server reads {flag.text}, but {other} contains {path}"
            remedy = f"use the same path everywhere (authTokenWebhookFile), and run `{files.apply_command}`"
            yield "WEB046", flag_file.at(flag.line), what, remedy


def _api_server_problems(files: InspectedFiles, unit: Unit) -> Problems:
    user = unit.words("Service", "User")
    is_root = not user or user[-1].text in ("root", "0")
    for webhook in files.webhooks if files.webhook_flag and not is_root else ():
        file = webhook.file
        is_read = files.webhook_flag is not None and webhook.path == files.webhook_flag[1].text
        if is_read and file.data is not None and not file.mode & stat.S_IROTH:
            what = f"its mode is {file.mode_text}, but the API server runs as {user[-1].text} and cannot read it"
            yield "WEB043", file.place, f"{what}: it does not start", "run `chmod 644` on it: it contains no secret"
    if files.webhook_flag is None:
        what = f"the API server has no {FLAG}: it never calls the authenticator"
        enable = files.command_line.tarmak_iam("enable")
        remedy = f"run `{enable}`, or set authTokenWebhookFile, and then run `{files.apply_command}`"
        yield "WEB045", unit.file.place, what, remedy
    version = unit.option(_VERSION_FLAG)
    if version is not None and version.text != "v1beta1":
        what = f"{_VERSION_FLAG} is {version.text}, but the authenticator supports only v1beta1"
        yield "WEB050", unit.file.at(version.line), what, "remove the flag"


def unit_problems(files: InspectedFiles) -> Problems:
    """WEB047 to WEB049, and WEB051."""
    if files.init_unit is not None:
        rewrite = f"run `{files.apply_command}` with awsIAMAuthenticatorInit on, so that Tarmak writes the unit again"
        if files.unit is not None:
            yield from _order_problems(files.unit, files.init_unit, rewrite)
        yield from _init_problems(files, files.init_unit, rewrite)
    # The images run as another user than root, and the key that `init` creates is readable by root only.
    key = files.tree.key if files.tree.is_master else None
    owner = key.uid if key is not None else 0
    for daemon in files.daemons:
        if daemon.state_path and daemon.state_path != STATE_DIR:
            what = f"the authenticator's state directory is {daemon.state_path} on the host"
            yield "WEB048", daemon.place, f"{what}, but certificate and key are in {STATE_DIR}", f"mount {STATE_DIR}"
        if daemon.state_path and daemon.user not in (0, owner) and not daemon.is_prepared:
            who = "the image's own user" if daemon.user is None else f"uid {daemon.user}"
            what = f"the authenticator runs as {who}, but only uid {owner} can read {KEY}: it does not start"
            remedy = "set runAsUser: 0, or make the key readable for it in an init container"
            yield "WEB051", daemon.place, what, remedy


def _order_problems(unit: Unit, init_unit: Unit, rewrite: str) -> Problems:
    keys = ("After", "Requires")
    lacking = [key for key in keys if INIT_UNIT not in [word.text for word in unit.words("Unit", key)]]
    before = [word.text for word in init_unit.words("Unit", "Before")]
    if "After" in lacking and posixpath.basename(unit.file.path) in before:
        lacking.remove("After")
    if lacking:
        what = f"it has no {' and '.join(lacking)} for {INIT_UNIT}: the API server may start before the file exists"
        yield "WEB047", unit.file.place, what, rewrite


def _init_problems(files: InspectedFiles, unit: Unit, rewrite: str) -> Problems:
    """Tarmak's init unit passes neither a configuration nor a host name, so its kubeconfig is for the same URL."""
    if unit.init is None:
        yield "WEB048", unit.file.place, "it does not run `aws-iam-authenticator init`", rewrite
        return
    directory = unit.words("Service", "WorkingDirectory")[-1:]
    if [word.text.rstrip("/") for word in directory] != [STATE_DIR]:
        what = f"`init` does not run in {STATE_DIR}, where the authenticator reads its certificate and key"
        yield "WEB048", unit.file.at(directory[0].line if directory else None), what, rewrite
    if any(word.text.split("=")[0] in ("--config", "-c", "--hostname") for word in unit.init):
        return
    place, names = unit.file.at(unit.init[0].line), files.certificate.names if files.certificate else None
    written = f"at every start it writes a kubeconfig for https://{_INIT_HOST}:{DEFAULT_PORT}{WEBHOOK_PATH}, but the"
    if names is not None and not names.covers(_INIT_HOST):
        remedy = f"create a new certificate and key that are for {_INIT_HOST} too"
        yield "WEB049", place, f"{written} certificate is for {names}", remedy
    if files.server is not None and files.server.port != DEFAULT_PORT:
        what = f"{written} authenticator listens on port {files.server.port}"
        yield "WEB049", place, what, "remove server.port from the mappings file"


FINDERS = (
    *(file_problems, pem_problems, pair_problems, certificate_problems, webhook_problems),
    *(mode_problems, flag_problems, unit_problems, id_problems),
)
