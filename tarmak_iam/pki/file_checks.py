"""Checks of the files by themselves: there, readable, PEM as Go reads it, and nothing in it that does not belong."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.diagnosis import Check
from tarmak_iam.pki.evidence import Evidence, PemFile
from tarmak_iam.pki.layout import CERTIFICATE, KEY, STATE_DIR
from tarmak_iam.x509.pem import is_certificate, is_key

__all__ = ["FILE_CHECKS"]

Said = Iterator[tuple[Place, str, str]]


def _again(evidence: Evidence) -> str:
    return f"bring the right file back, or make a new pair: {evidence.renew}"


def _unreadable(evidence: Evidence) -> Said:
    objects = {id(each) for each in evidence.tree.objects}  # they are told as WEB061
    for found in evidence.tree.files:
        if found.data is None and id(found) not in objects:
            if found.is_forbidden:
                yield found.place, found.problem, "run doctor as root, or as the owner of the file"
            else:
                yield found.place, f"it cannot be used: {found.problem}", "put the file itself there"


def _missing(evidence: Evidence) -> Said:
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


def _not_pem(evidence: Evidence) -> Said:
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


def _unusable(evidence: Evidence) -> Said:
    for file, name in ((evidence.certificate_file, "certificate"), (evidence.key_file, "key")):
        if file is not None and file.problem:
            yield file.place, f"the {name} cannot be used: {file.problem}", _again(evidence)


def _key_beside_certificate(evidence: Evidence) -> Said:
    file = evidence.certificate_file
    for block in filter(is_key, file.others if file else ()):
        what = "a private key stands in the file of the certificate, which everybody may read"
        yield _at(file, block.line), what, "take it out; if anybody could read it, make a new pair"


def _several(evidence: Evidence) -> Said:
    file, key = evidence.certificate_file, evidence.key_file
    for block in file.wanted[1:] if file else ():
        yield _at(file, block.line), "a second certificate: only the first one counts", f"leave one in {CERTIFICATE}"
    for block in [*key.wanted[1:], *filter(is_certificate, key.others)] if key else []:
        yield _at(key, block.line), f"a second block, {block.label}: only the first key counts", f"leave one in {KEY}"


def _at(file: PemFile | None, line: int) -> Place:
    assert file is not None
    return file.found.at(line)


def _edited(evidence: Evidence) -> Said:
    for file in (evidence.certificate_file, evidence.key_file):
        if file is None or not file.wanted:
            continue
        data = file.found.data or b""
        if b"\r" in data:
            yield file.found.at(1), "its lines end with CRLF: an editor has been at it", "save it with LF"
        elif not data.startswith(b"-----BEGIN "):
            yield file.found.at(1), "text stands before the PEM block", "leave nothing but the block in it"


def _unusual_key(evidence: Evidence) -> Said:
    file, key = evidence.key_file, evidence.key
    if file is None or key is None:
        return
    if key.kind != "RSA" or file.wanted[0].label != "RSA PRIVATE KEY":
        what = f"the key is {key.kind} in a block {file.wanted[0].label}: it works, but init makes RSA PRIVATE KEY"
        yield file.place, what, "nothing, if that is intended"


def _short_key(evidence: Evidence) -> Said:
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
