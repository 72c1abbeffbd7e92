"""Checks of the certificate and the key: present, readable, PEM as Go reads it, belonging together, and the names, the
usages and the validity that Go's TLS checks.
"""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta

from tarmak_iam.doctor.diagnosis import Check, Problems
from tarmak_iam.doctor.inspected_files import InspectedFiles, PemFile
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.certificates import Certificate
from tarmak_iam.pki.pem import is_certificate, is_key
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, STATE_DIR

_USAGES = {"digital_signature": "digital signature", "key_cert_sign": "certificate signing"}

FILE_CHECKS = (
    Check("WEB001", Severity.ERROR, "A file cannot be read."),
    Check("WEB002", Severity.ERROR, "The certificate, the key or both are missing."),
    Check("WEB003", Severity.ERROR, "The file contains no PEM block of the right type."),
    Check("WEB004", Severity.ERROR, "The certificate or the key in the block cannot be used."),
    Check("WEB005", Severity.ERROR, "There is a private key in the certificate's file."),
    Check("WEB006", Severity.WARNING, "The file contains more than one block, and only the first is used."),
    Check("WEB007", Severity.WARNING, "The file has been edited by hand."),
    Check("WEB008", Severity.WARNING, "The type or format of the key is not that of init."),
    Check("WEB009", Severity.WARNING, "The key is short."),
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
        data = file.found.data or b""
        if not file.wanted:
            yield "WEB003", file.found.at(1), f"no {kind} found in it: {_why_none(data, file)}", restore
        elif b"\r" in data:
            what = "its lines end with CRLF: an editor has changed it"
            yield "WEB007", file.found.at(1), what, "save it with LF line endings"
        elif not data.startswith(b"-----BEGIN "):
            what = "there is text before the PEM block"
            yield "WEB007", file.found.at(1), what, "remove everything except the block"
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
        yield "WEB005", file.found.at(block.line), what, remedy
    for block in file.wanted[1:]:
        what = "there is a second certificate in the file: only the first is used"
        yield "WEB006", file.found.at(block.line), what, f"keep only one in {CERTIFICATE}"


def _key_problems(files: InspectedFiles, file: PemFile) -> Problems:
    for block in [*file.wanted[1:], *filter(is_certificate, file.others)]:
        what = f"there is a second block in the file, {block.label}: only the first key is used"
        yield "WEB006", file.found.at(block.line), what, f"keep only one in {KEY}"
    key = files.key
    if key is not None and (key.kind != "RSA" or file.wanted[0].label != "RSA PRIVATE KEY"):
        what = f"the key is {key.kind} in a block {file.wanted[0].label}: this works"
        remedy = "no action is needed if this is intended"
        yield "WEB008", file.place, f"{what}, but `init` creates RSA PRIVATE KEY", remedy
    if key is not None and key.kind == "RSA" and key.size < 2048:
        yield "WEB009", file.place, f"the key has {key.size} bits, but `init` creates 2048", _renew(files)


PAIR_CHECKS = (
    Check("WEB020", Severity.ERROR, "The key does not belong to the certificate."),
    Check("WEB021", Severity.ERROR, "The certificate has no subject alternative name."),
    Check("WEB022", Severity.ERROR, "The certificate is not for the host that the API server calls."),
    Check("WEB023", Severity.ERROR, "The certificate is not for a server."),
    Check("WEB024", Severity.WARNING, "The certificate lacks a usage that init sets."),
    Check("WEB025", Severity.ERROR, "The certificate has expired."),
    Check("WEB026", Severity.ERROR, "The certificate is not valid yet."),
    Check("WEB027", Severity.WARNING, "The certificate expires soon."),
    Check("WEB028", Severity.WARNING, "The certificate is not signed with its own key."),
)


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
