"""Checks of certificate and key: whether they fit, what for, and until when, as Go's TLS looks at them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.diagnosis import Check
from tarmak_iam.pki.evidence import Evidence
from tarmak_iam.pki.layout import CERTIFICATE, KEY
from tarmak_iam.x509.certificates import Certificate

__all__ = ["PAIR_CHECKS"]

Said = Iterator[tuple[Place, str, str]]

_SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
_ANY_USAGE = "2.5.29.37.0"
_SPELT = {"digital_signature": "digital signature", "key_cert_sign": "certificate signing"}


def _renew(evidence: Evidence) -> str:
    return f"make a new pair: {evidence.renew}"


def _certificates(evidence: Evidence) -> Iterator[tuple[Place, Certificate]]:
    if evidence.certificate_file is not None and evidence.certificate is not None:
        yield evidence.certificate_file.place, evidence.certificate


def _unfitting(evidence: Evidence) -> Said:
    key, file = evidence.key, evidence.key_file
    for _, certificate in _certificates(evidence):
        if key is not None and file is not None and key.public_key != certificate.public_key:
            what = f"it is not the key of {CERTIFICATE}: init and the daemon end with an error"
            consequence = ", and an API server whose unit requires the init unit does not start"
            yield file.place, what + consequence, f"bring back the {KEY} or {CERTIFICATE} that belongs to the other"


def _nameless(evidence: Evidence) -> Said:
    for place, certificate in _certificates(evidence):
        if certificate.names is None:
            what = "it has no subject alternative name: API servers from Kubernetes 1.19 on do not look at its CN"
            yield place, what, _renew(evidence)


def _other_names(evidence: Evidence) -> Said:
    names = evidence.certificate.names if evidence.certificate else None
    for webhook in evidence.webhooks if names else ():
        host = webhook.server_name or webhook.host
        if host and names is not None and not names.covers(host):
            what = f"the API server asks for {host}, but the certificate is for {names}"
            yield webhook.server_place or webhook.place, what, f"{_renew(evidence)} --hostname {host}"


def _wrong_purpose(evidence: Evidence) -> Said:
    for place, certificate in _certificates(evidence):
        if certificate.extended is not None and not certificate.extended & {_SERVER_AUTH, _ANY_USAGE}:
            yield place, "its extended key usage does not allow a server: the API server refuses it", _renew(evidence)


def _unlike_init(evidence: Evidence) -> Said:
    for place, certificate in _certificates(evidence):
        lacking = [] if certificate.is_ca else ["CA:TRUE"]
        if certificate.usages is not None:
            lacking += [_SPELT[usage] for usage in _SPELT if usage not in certificate.usages]
        if lacking:
            what = f"it lacks {', '.join(lacking)}, which init gives it: Go does without, other TLS clients do not"
            yield place, what, _renew(evidence)


def _expired(evidence: Evidence) -> Said:
    for place, certificate in _certificates(evidence):
        if certificate.not_after < evidence.now:
            yield place, f"it expired at {_time(certificate.not_after)}: every IAM login is refused", _renew(evidence)


def _not_yet_valid(evidence: Evidence) -> Said:
    for place, certificate in _certificates(evidence):
        if evidence.now < certificate.not_before:
            what = f"it is valid from {_time(certificate.not_before)} on only"
            yield place, what, "compare the clocks of this machine and of the one that made it"


def _expires_soon(evidence: Evidence) -> Said:
    for place, certificate in _certificates(evidence):
        left = certificate.not_after - evidence.now
        if timedelta() <= left < timedelta(days=evidence.expires_within):
            what = f"it expires at {_time(certificate.not_after)}, in {left.days} days"
            yield place, what, f"{_renew(evidence)}, and bring it to the masters before that"


def _time(time: object) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def _unsigned(evidence: Evidence) -> Said:
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
