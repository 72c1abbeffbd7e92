"""Checks of certificate and key: there, readable, PEM as Go reads it, fitting, what for, and until when, as Go's TLS
looks at them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tarmak_iam.doctor.diagnosis import Check, CheckResults
from tarmak_iam.doctor.inspected_files import InspectedFiles, PemFile
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.certificates import Certificate
from tarmak_iam.pki.pem import is_certificate, is_key
from tarmak_iam.pki.webhook_files import CERTIFICATE, KEY, STATE_DIR

_SPELT = {"digital_signature": "digital signature", "key_cert_sign": "certificate signing"}


def _again(evidence: InspectedFiles) -> str:
    return f"bring the right file back, or make a new pair: {evidence.renew}"


def _unreadable(evidence: InspectedFiles) -> CheckResults:
    objects = {id(each) for each in evidence.tree.objects}  # they are told as WEB061
    for found in evidence.tree.files:
        if found.data is None and id(found) not in objects:
            if found.is_forbidden:
                yield found.place, found.problem, "run doctor as root, or as the owner of the file"
            else:
                yield found.place, f"it cannot be used: {found.problem}", "put the file itself there"


def _missing(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    directory = tree.directory.rstrip("/") + STATE_DIR if tree.is_master else tree.directory
    if (tree.certificate is None) != (tree.key is None):
        there, gone = (tree.key, CERTIFICATE) if tree.certificate is None else (tree.certificate, KEY)
        assert there is not None
        what = f"{gone} is missing beside it: init and the daemon would make a new pair and overwrite this file"
        yield there.place, what, f"bring {gone} back before anything is started there"
    elif tree.certificate is None and (tree.webhooks or tree.is_master):
        what = (
            f"there is neither {CERTIFICATE} nor {KEY}: the daemon would make a pair that the API server does not trust"
        )
        yield Place(directory), what, "bring the pair back, or let the init unit run again and restart the API server"


def _not_pem(evidence: InspectedFiles) -> CheckResults:
    for file, wanted in ((evidence.certificate_file, "certificate"), (evidence.key_file, "private key")):
        if file is not None and not file.wanted:
            yield file.found.at(1), f"Go finds no {wanted} in it: {_why(file)}", _again(evidence)


def _why(file: PemFile) -> str:
    data = file.found.data or b""
    if not data.strip():
        return "it is empty"
    if file.others:
        return f"it holds {file.others[0].label} instead"
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "it is UTF-16, and PEM is ASCII"
    if data.startswith(b"\xef\xbb\xbf"):
        return "a byte order mark stands before its first line"
    if data.startswith(b"\x30"):
        return "it is DER, and PEM is wanted"
    return "its PEM block is broken" if b"-----BEGIN" in data else "it is no PEM"


def _unusable(evidence: InspectedFiles) -> CheckResults:
    for file, name in ((evidence.certificate_file, "certificate"), (evidence.key_file, "key")):
        if file is not None and file.problem:
            yield file.place, f"the {name} cannot be used: {file.problem}", _again(evidence)


def _key_beside_certificate(evidence: InspectedFiles) -> CheckResults:
    file = evidence.certificate_file
    for block in filter(is_key, file.others if file else ()):
        what = "a private key stands in the file of the certificate, which everybody may read"
        yield _at(file, block.line), what, "take it out; if anybody could read it, make a new pair"


def _several(evidence: InspectedFiles) -> CheckResults:
    file, key = evidence.certificate_file, evidence.key_file
    for block in file.wanted[1:] if file else ():
        yield _at(file, block.line), "a second certificate: only the first one counts", f"leave one in {CERTIFICATE}"
    for block in [*key.wanted[1:], *filter(is_certificate, key.others)] if key else []:
        yield _at(key, block.line), f"a second block, {block.label}: only the first key counts", f"leave one in {KEY}"


def _at(file: PemFile | None, line: int) -> Place:
    assert file is not None
    return file.found.at(line)


def _edited(evidence: InspectedFiles) -> CheckResults:
    for file in (evidence.certificate_file, evidence.key_file):
        if file is None or not file.wanted:
            continue
        data = file.found.data or b""
        if b"\r" in data:
            yield file.found.at(1), "its lines end with CRLF: an editor has been at it", "save it with LF"
        elif not data.startswith(b"-----BEGIN "):
            yield file.found.at(1), "text stands before the PEM block", "leave nothing but the block in it"


def _unusual_key(evidence: InspectedFiles) -> CheckResults:
    file, key = evidence.key_file, evidence.key
    if file is None or key is None:
        return
    if key.kind != "RSA" or file.wanted[0].label != "RSA PRIVATE KEY":
        what = f"the key is {key.kind} in a block {file.wanted[0].label}: it works, but init makes RSA PRIVATE KEY"
        yield file.place, what, "nothing, if that is intended"


def _short_key(evidence: InspectedFiles) -> CheckResults:
    file, key = evidence.key_file, evidence.key
    if file is not None and key is not None and key.kind == "RSA" and key.size < 2048:
        what = f"the key has {key.size} bits, init makes 2048"
        yield file.place, what, f"make a new pair: {evidence.renew}"


FILE_CHECKS = (
    Check("WEB001", Severity.ERROR, "A file cannot be read.", _unreadable),
    Check("WEB002", Severity.ERROR, "The pair, or half of it, is missing.", _missing),
    Check("WEB003", Severity.ERROR, "There is no PEM block of the right kind in the file.", _not_pem),
    Check("WEB004", Severity.ERROR, "The certificate or the key in the block cannot be used.", _unusable),
    Check("WEB005", Severity.ERROR, "A private key stands in the certificate's file.", _key_beside_certificate),
    Check("WEB006", Severity.WARNING, "There is more than one block, and only the first counts.", _several),
    Check("WEB007", Severity.WARNING, "The file is not as a program writes it.", _edited),
    Check("WEB008", Severity.WARNING, "The key is of another form than init makes.", _unusual_key),
    Check("WEB009", Severity.WARNING, "The key is short.", _short_key),
)


def _renew(evidence: InspectedFiles) -> str:
    return f"make a new pair: {evidence.renew}"


def _certificates(evidence: InspectedFiles) -> Iterator[tuple[Place, Certificate]]:
    if evidence.certificate_file is not None and evidence.certificate is not None:
        yield evidence.certificate_file.place, evidence.certificate


def _unfitting(evidence: InspectedFiles) -> CheckResults:
    key, file = evidence.key, evidence.key_file
    for _, certificate in _certificates(evidence):
        if key is not None and file is not None and key.public_key != certificate.public_key:
            what = f"it is not the key of {CERTIFICATE}: init and the daemon end with an error"
            consequence = ", and an API server whose unit requires the init unit does not start"
            yield file.place, what + consequence, f"bring back the {KEY} or {CERTIFICATE} that belongs to the other"


def _nameless(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if certificate.names is None:
            what = "it has no subject alternative name: API servers from Kubernetes 1.19 on do not look at its CN"
            yield place, what, _renew(evidence)


def _other_names(evidence: InspectedFiles) -> CheckResults:
    names = evidence.certificate.names if evidence.certificate else None
    for webhook in evidence.webhooks if names else ():
        host = webhook.server_name or webhook.host
        if host and names is not None and not names.covers(host):
            what = f"the API server asks for {host}, but the certificate is for {names}"
            yield webhook.server_place or webhook.place, what, f"{_renew(evidence)} --hostname {host}"


def _wrong_purpose(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if not certificate.is_for_servers:
            yield place, "its extended key usage does not allow a server: the API server refuses it", _renew(evidence)


def _unlike_init(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        lacking = [] if certificate.is_ca else ["CA:TRUE"]
        if certificate.usages is not None:
            lacking += [_SPELT[usage] for usage in _SPELT if usage not in certificate.usages]
        if lacking:
            what = f"it lacks {', '.join(lacking)}, which init gives it: Go does without, other TLS clients do not"
            yield place, what, _renew(evidence)


def _expired(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if certificate.not_after < evidence.now:
            yield place, f"it expired at {_time(certificate.not_after)}: every IAM login is refused", _renew(evidence)


def _not_yet_valid(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if evidence.now < certificate.not_before:
            what = f"it is valid from {_time(certificate.not_before)} on only"
            yield place, what, "compare the clocks of this machine and of the one that made it"


def _expires_soon(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        left = certificate.not_after - evidence.now
        if timedelta() <= left < timedelta(days=evidence.expires_within):
            what = f"it expires at {_time(certificate.not_after)}, in {left.days} days"
            yield place, what, f"{_renew(evidence)}, and bring it to the masters before that"


def _time(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _unsigned(evidence: InspectedFiles) -> CheckResults:
    for place, certificate in _certificates(evidence):
        if not certificate.is_self_signed:
            what = "its signature is not its own key's: Go does not look at it, other TLS clients do"
            yield place, what, _renew(evidence)


PAIR_CHECKS = (
    Check("WEB020", Severity.ERROR, "The key is not the certificate's.", _unfitting),
    Check("WEB021", Severity.ERROR, "The certificate has no subject alternative name.", _nameless),
    Check("WEB022", Severity.ERROR, "The certificate is not for the host that the API server asks.", _other_names),
    Check("WEB023", Severity.ERROR, "The certificate is not for a server.", _wrong_purpose),
    Check("WEB024", Severity.WARNING, "The certificate lacks a usage that init gives it.", _unlike_init),
    Check("WEB025", Severity.ERROR, "The certificate has expired.", _expired),
    Check("WEB026", Severity.ERROR, "The certificate is not valid yet.", _not_yet_valid),
    Check("WEB027", Severity.WARNING, "The certificate expires soon.", _expires_soon),
    Check("WEB028", Severity.WARNING, "The certificate is not signed with its own key.", _unsigned),
)
