"""Checks of the certificate and the key: present, readable, PEM as Go reads it, belonging together, and the names, the
usages and the validity that Go's TLS checks.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import timedelta

from tarmak_iam.doctor.diagnosis import Check, CheckResults
from tarmak_iam.doctor.inspected_files import InspectedFiles, PemFile
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.certificates import Certificate
from tarmak_iam.pki.pem import is_certificate, is_key
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, STATE_DIR

_USAGES = {"digital_signature": "digital signature", "key_cert_sign": "certificate signing"}


def _restore(evidence: InspectedFiles) -> str:
    return f"restore the right file, or {_renew(evidence)}"


def _renew(evidence: InspectedFiles, *options: str) -> str:
    return f"create a new certificate and key: `{' '.join([evidence.renew, *map(shlex.quote, options)])}`"


def _unreadable(evidence: InspectedFiles) -> CheckResults:
    objects = {id(each) for each in evidence.tree.objects}  # they are reported as WEB061
    for found in evidence.tree.files:
        if found.data is None and id(found) not in objects:
            if found.is_forbidden:
                yield found.place, found.problem, "run doctor as root, or as the owner of the file"
            else:
                yield found.place, f"it cannot be used: {found.problem}", "replace it with the file itself"


def _missing(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    directory = tree.directory.rstrip("/") + STATE_DIR if tree.is_master else tree.directory
    if (tree.certificate is None) != (tree.key is None):
        there, gone = (tree.key, CERTIFICATE) if tree.certificate is None else (tree.certificate, KEY)
        assert there is not None
        what = f"{gone} is missing: `init` and the authenticator would create both files and overwrite this one"
        remedy = f"restore {gone} before `init` or the authenticator starts"
        if evidence.key is not None and evidence.key.size == 2048 and not tree.webhooks:
            command = evidence.command_line.tarmak_iam("webhook", "--output-dir", directory)
            remedy += f", or run `{command}`, which creates one for this key"
        yield there.place, what, remedy
    elif tree.certificate is None and (tree.webhooks or tree.is_master):
        what = f"{CERTIFICATE} and {KEY} are missing: the authenticator would create new ones"
        consequence = ", which the API server does not trust"
        remedy = "restore both files, or run the init unit again and restart the API server"
        yield Place(directory), what + consequence, remedy


def _not_pem(evidence: InspectedFiles) -> CheckResults:
    for file, wanted in ((evidence.certificate_file, "certificate"), (evidence.key_file, "private key")):
        if file is not None and not file.wanted:
            yield file.found.at(1), f"no {wanted} found in it: {_why(file)}", _restore(evidence)


def _why(file: PemFile) -> str:
    data = file.found.data or b""
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


def _unusable(evidence: InspectedFiles) -> CheckResults:
    for file, name in ((evidence.certificate_file, "certificate"), (evidence.key_file, "key")):
        if file is not None and file.problem:
            yield file.place, f"the {name} cannot be used: {file.problem}", _restore(evidence)


def _key_in_certificate_file(evidence: InspectedFiles) -> CheckResults:
    file = evidence.certificate_file
    for block in filter(is_key, file.others if file else ()):
        what = "there is a private key in the certificate's file, which every user may read"
        yield _at(file, block.line), what, f"remove it, and if another user could read it, {_renew(evidence)}"


def _several(evidence: InspectedFiles) -> CheckResults:
    file, key = evidence.certificate_file, evidence.key_file
    for block in file.wanted[1:] if file else ():
        what = "there is a second certificate in the file: only the first is used"
        yield _at(file, block.line), what, f"keep only one in {CERTIFICATE}"
    for block in [*key.wanted[1:], *filter(is_certificate, key.others)] if key else []:
        what = f"there is a second block in the file, {block.label}: only the first key is used"
        yield _at(key, block.line), what, f"keep only one in {KEY}"


def _at(file: PemFile | None, line: int) -> Place:
    assert file is not None
    return file.found.at(line)


def _edited(evidence: InspectedFiles) -> CheckResults:
    for file in (evidence.certificate_file, evidence.key_file):
        if file is None or not file.wanted:
            continue
        data = file.found.data or b""
        if b"\r" in data:
            yield file.found.at(1), "its lines end with CRLF: an editor has changed it", "save it with LF line endings"
        elif not data.startswith(b"-----BEGIN "):
            yield file.found.at(1), "there is text before the PEM block", "remove everything except the block"


def _unusual_key(evidence: InspectedFiles) -> CheckResults:
    file, key = evidence.key_file, evidence.key
    if file is None or key is None:
        return
    if key.kind != "RSA" or file.wanted[0].label != "RSA PRIVATE KEY":
        what = f"the key is {key.kind} in a block {file.wanted[0].label}: this works"
        yield file.place, f"{what}, but `init` creates RSA PRIVATE KEY", "no action is needed if this is intended"


def _short_key(evidence: InspectedFiles) -> CheckResults:
    file, key = evidence.key_file, evidence.key
    if file is not None and key is not None and key.kind == "RSA" and key.size < 2048:
        yield file.place, f"the key has {key.size} bits, but `init` creates 2048", _renew(evidence)


FILE_CHECKS = (
    Check("WEB001", Severity.ERROR, "A file cannot be read.", _unreadable),
    Check("WEB002", Severity.ERROR, "The certificate, the key or both are missing.", _missing),
    Check("WEB003", Severity.ERROR, "The file contains no PEM block of the right type.", _not_pem),
    Check("WEB004", Severity.ERROR, "The certificate or the key in the block cannot be used.", _unusable),
    Check("WEB005", Severity.ERROR, "There is a private key in the certificate's file.", _key_in_certificate_file),
    Check("WEB006", Severity.WARNING, "The file contains more than one block, and only the first is used.", _several),
    Check("WEB007", Severity.WARNING, "The file has been edited by hand.", _edited),
    Check("WEB008", Severity.WARNING, "The type or format of the key is not that of init.", _unusual_key),
    Check("WEB009", Severity.WARNING, "The key is short.", _short_key),
)


def _certificates(evidence: InspectedFiles) -> Iterator[tuple[Place, Certificate]]:
    if evidence.certificate_file is not None and evidence.certificate is not None:
        yield evidence.certificate_file.place, evidence.certificate


def _unfitting(evidence: InspectedFiles) -> CheckResults:
    key, file = evidence.key, evidence.key_file
    for _, certificate in _certificates(evidence):
        if key is not None and file is not None and key.public_key != certificate.public_key:
            what = f"it is not the key of {CERTIFICATE}: `init` and the authenticator fail"
            consequence = ", and an API server whose unit requires the init unit does not start"
            yield file.place, what + consequence, f"restore the {KEY} or {CERTIFICATE} that belongs to the other"


def _nameless(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if certificate.names is None:
            what = "it has no subject alternative name: API servers of Kubernetes 1.19 and later ignore its common name"
            yield place, what, _renew(evidence)


def _other_names(evidence: InspectedFiles) -> CheckResults:
    names = evidence.certificate.names if evidence.certificate else None
    for webhook in evidence.webhooks if names else ():
        host = webhook.server_name or webhook.host
        if host and names is not None and not names.covers(host):
            what = f"the API server expects a certificate for {host}, but the certificate is for {names}"
            yield webhook.server_place or webhook.place, what, _renew(evidence, "--hostname", host)


def _wrong_purpose(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if not certificate.is_for_servers:
            what = "its extended key usage does not allow server authentication: the API server rejects it"
            yield place, what, _renew(evidence)


def _unlike_init(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        lacking = [] if certificate.is_ca else ["CA:TRUE"]
        if certificate.usages is not None:
            lacking += [_USAGES[usage] for usage in _USAGES if usage not in certificate.usages]
        if lacking:
            what = f"it lacks {', '.join(lacking)}, which `init` sets: Go does not require this, other TLS clients do"
            yield place, what, _renew(evidence)


def _expired(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if certificate.not_after < evidence.now:
            yield place, f"it expired at {_time(certificate.not_after)}: every IAM login fails", _renew(evidence)


def _not_yet_valid(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if evidence.now < certificate.not_before:
            what = f"it is not valid before {_time(certificate.not_before)}"
            yield place, what, "compare the clocks of this machine and of the machine that created it"


def _expires_soon(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        left = certificate.not_after - evidence.now
        if timedelta() <= left < timedelta(days=evidence.expires_within):
            what = f"it expires at {_time(certificate.not_after)}, in {left.days} days"
            yield place, what, f"{_renew(evidence)}, and install the files on the masters before that"


def _time(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _unsigned(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if not certificate.is_self_signed:
            what = "it is not signed with its own key: Go does not check the signature, other TLS clients do"
            yield place, what, _renew(evidence)


PAIR_CHECKS = (
    Check("WEB020", Severity.ERROR, "The key does not belong to the certificate.", _unfitting),
    Check("WEB021", Severity.ERROR, "The certificate has no subject alternative name.", _nameless),
    Check("WEB022", Severity.ERROR, "The certificate is not for the host that the API server calls.", _other_names),
    Check("WEB023", Severity.ERROR, "The certificate is not for a server.", _wrong_purpose),
    Check("WEB024", Severity.WARNING, "The certificate lacks a usage that init sets.", _unlike_init),
    Check("WEB025", Severity.ERROR, "The certificate has expired.", _expired),
    Check("WEB026", Severity.ERROR, "The certificate is not valid yet.", _not_yet_valid),
    Check("WEB027", Severity.WARNING, "The certificate expires soon.", _expires_soon),
    Check("WEB028", Severity.WARNING, "The certificate is not signed with its own key.", _unsigned),
)
