"""Checks of the webhook's files: certificate and key as Go reads them, with the names, usages and validity that its TLS
checks; the webhook kubeconfigs; and the cluster ID, which must be the same everywhere.
"""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta

from tarmak_iam.doctor.diagnosis import Check, Problems
from tarmak_iam.doctor.inspected_files import InspectedFiles, PemFile
from tarmak_iam.doctor.kubernetes_files import WebhookKubeconfig
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.certificates import Certificate
from tarmak_iam.pki.pem import is_certificate, is_key
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, KUBECONFIG, STATE_DIR, WEBHOOK_PATH, parse_address
from tarmak_iam.text import quoted

_USAGES = {"digital_signature": "digital signature", "key_cert_sign": "certificate signing"}

WEBHOOK_CHECKS = (
    Check("WEB001", Severity.ERROR, "A file cannot be read."),
    Check("WEB002", Severity.ERROR, "The certificate, the key or both are missing."),
    Check("WEB003", Severity.ERROR, "The file contains no PEM block of the right type."),
    Check("WEB004", Severity.ERROR, "The certificate or the key in the block cannot be used."),
    Check("WEB005", Severity.ERROR, "There is a private key in the certificate's file."),
    Check("WEB006", Severity.WARNING, "The file contains more than one block, and only the first is used."),
    Check("WEB007", Severity.WARNING, "The file has been edited by hand."),
    Check("WEB008", Severity.WARNING, "The type or format of the key is not that of init."),
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
    Check("WEB060", Severity.ERROR, "The cluster IDs differ."),
    Check("WEB061", Severity.ERROR, "A manifest, kubeconfig or configuration cannot be read."),
)


def _renew(files: InspectedFiles, *options: str) -> str:
    return f"create a new certificate and key: `{' '.join([files.renew, *map(shlex.quote, options)])}`"


def file_problems(files: InspectedFiles) -> Problems:
    """WEB001 and WEB002."""
    tree = files.tree
    objects = {id(file) for file in tree.objects}  # they are reported as WEB061
    for file in tree.files:
        if file.data is None and id(file) not in objects:
            if file.is_forbidden:
                yield "WEB001", file.place, file.problem, "run doctor as root, or as the owner of the file"
            else:
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
        if files.key is not None and files.key.size == 2048 and not tree.webhooks:
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


def _why_none(data: bytes, file: PemFile) -> str:
    if not data.strip():
        return "it is empty"
    if file.others:
        return f"it contains {file.others[0].label} instead"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16, but PEM must be ASCII"
    if data.startswith(b"\xef\xbb\xbf"):
        return "it starts with a byte order mark"
    if data.startswith(b"\x30"):
        return "it is DER, but must be PEM"
    return "its PEM block is broken" if b"-----BEGIN" in data else "it is not PEM"


def _other_blocks(files: InspectedFiles, file: PemFile) -> Problems:
    for block in filter(is_key, file.others):
        what = "there is a private key in the certificate's file, which every user may read"
        remedy = f"remove it, and if another user could read it, {_renew(files)}"
        yield "WEB005", file.file.at(block.line), what, remedy
    for block in file.wanted[1:]:
        what = "there is a second certificate in the file: only the first is used"
        yield "WEB006", file.file.at(block.line), what, f"keep only one in {CERTIFICATE}"


def _key_problems(files: InspectedFiles, file: PemFile) -> Problems:
    for block in [*file.wanted[1:], *filter(is_certificate, file.others)]:
        what = f"there is a second block in the file, {block.label}: only the first key is used"
        yield "WEB006", file.file.at(block.line), what, f"keep only one in {KEY}"
    key = files.key
    if key is not None and (key.kind != "RSA" or file.wanted[0].label != "RSA PRIVATE KEY"):
        what = f"the key is {key.kind} in a block {file.wanted[0].label}: this works"
        remedy = "no action is needed if this is intended"
        yield "WEB008", file.place, f"{what}, but `init` creates RSA PRIVATE KEY", remedy
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
    if certificate.names is None:
        what = "it has no subject alternative name: API servers of Kubernetes 1.19 and later ignore its common name"
        yield "WEB021", place, what, renew
    if not certificate.is_for_servers:
        what = "its extended key usage does not allow server authentication: the API server rejects it"
        yield "WEB023", place, what, renew
    lacking = [] if certificate.is_ca else ["CA:TRUE"]
    if certificate.usages is not None:
        lacking += [text for usage, text in _USAGES.items() if usage not in certificate.usages]
    if lacking:
        what = f"it lacks {', '.join(lacking)}, which `init` sets: Go does not require this, other TLS clients do"
        yield "WEB024", place, what, renew
    if not certificate.is_self_signed:
        what = "it is not signed with its own key: Go does not check the signature, other TLS clients do"
        yield "WEB028", place, what, renew
    yield from _validity_problems(files, certificate, place)


def _validity_problems(files: InspectedFiles, certificate: Certificate, place: Place) -> Problems:
    left, renew = certificate.not_after - files.now, _renew(files)
    if left < timedelta():
        yield "WEB025", place, f"it expired at {_time(certificate.not_after)}: every IAM login fails", renew
    elif left < timedelta(days=files.expires_within):
        what = f"it expires at {_time(certificate.not_after)}, in {left.days} days"
        yield "WEB027", place, what, f"{renew}, and install the files on the masters before that"
    if files.now < certificate.not_before:
        what = f"it is not valid before {_time(certificate.not_before)}"
        yield "WEB026", place, what, "compare the clocks of this machine and of the machine that created it"


def _time(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


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
    if webhook.port != server.port:
        what = f"the API server connects to port {webhook.port}, but the authenticator listens on {server.port}"
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
    unit = files.tree.init_unit
    word = files.init_unit.option("-i", "--cluster-id") if files.init_unit else None
    if unit is not None and word is not None:
        ids.append((unit.at(word.line), word.text))
    for place, cluster_id in ids[1:]:
        if cluster_id != ids[0][1]:
            consequence = "tokens for one are rejected by the other"
            if unit is not None and place.filename == unit.path:
                consequence = "this master belongs to another cluster"
            what = f"the cluster ID is {quoted(cluster_id)} here, but {quoted(ids[0][1])} in {ids[0][0]}"
            yield "WEB060", place, f"{what}: {consequence}", "use the same cluster ID everywhere"
    for broken in files.broken:
        remedy = "fix the file, or remove it from the directory"
        yield "WEB061", broken.place, f"it cannot be read: {broken.message}", remedy
