"""Checks of the webhook kubeconfigs, and of the cluster ID, which must be the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tarmak_iam.doctor.diagnosis import Check, CheckResults
from tarmak_iam.doctor.inspected_files import InspectedFiles
from tarmak_iam.doctor.kubernetes_files import WebhookKubeconfig
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.server_names import parse_address
from tarmak_iam.pki.webhook_files import CERTIFICATE, KUBECONFIG, WEBHOOK_PATH
from tarmak_iam.text import quoted


def _rewrite(evidence: InspectedFiles) -> str:
    webhook = evidence.command_line.tarmak_iam("webhook --output-dir DIR")
    return f"run `{webhook}`, which keeps the certificate and key and writes the kubeconfig again"


def _readable(evidence: InspectedFiles) -> Iterator[WebhookKubeconfig]:
    return (each for each in evidence.webhooks if not each.problem)


def _unreadable(evidence: InspectedFiles) -> CheckResults:
    for webhook in evidence.webhooks:
        if webhook.problem and webhook.found.data is not None:  # a file that cannot be opened is WEB001
            yield webhook.place, f"the API server cannot use it: {webhook.problem}", _rewrite(evidence)


def _wrong_url(evidence: InspectedFiles) -> CheckResults:
    for webhook in _readable(evidence):
        place, url = webhook.server_place or webhook.place, webhook.url
        if url is None or url.scheme != "https":
            yield place, "the server is not an https URL with a host", _rewrite(evidence)
        elif url.path != WEBHOOK_PATH or url.query or url.fragment or url.username is not None:
            what = f"the authenticator answers only at {WEBHOOK_PATH}, which is not the path of this URL"
            yield place, what, _rewrite(evidence)


def _elsewhere(evidence: InspectedFiles) -> CheckResults:
    server = evidence.server
    for webhook in _readable(evidence) if server else ():
        if server is None or webhook.url is None:
            continue
        place = webhook.server_place or webhook.place
        if webhook.port != server.port:
            what = f"the API server connects to port {webhook.port}, but the authenticator listens on {server.port}"
            yield place, what, "use the same port in both (server.port in the mappings file)"
        elif not _listens_at(webhook.host, server.address):
            what = f"the API server connects to {webhook.host}, but the authenticator listens only on {server.address}"
            yield place, what, "use the same address in both (server.hostname and server.address in the mappings file)"


def _listens_at(host: str, address: str) -> bool:
    """As far as this can be decided without resolving host names."""
    bound = parse_address(address)
    asked = parse_address("127.0.0.1" if host == "localhost" else host)
    if bound is None or asked is None or bound.is_unspecified:
        return True
    return bound.is_loopback if host == "localhost" else bound == asked


def _no_ca(evidence: InspectedFiles) -> CheckResults:
    for webhook in _readable(evidence):
        place = webhook.ca_place or webhook.place
        if webhook.ca is None and webhook.ca_file:
            what = f"its CA is in the file {webhook.ca_file}, which doctor does not read"
            yield place, what, "set certificate-authority-data instead, as `init` does"
        elif webhook.ca is None and not webhook.is_insecure:
            what = "certificate-authority-data is missing: the API server does not trust the certificate"
            yield place, what, _rewrite(evidence)
        elif webhook.ca is not None and not webhook.ca:
            yield place, "certificate-authority-data is not a PEM certificate in base64", _rewrite(evidence)


def _other_ca(evidence: InspectedFiles) -> CheckResults:
    certificate = evidence.certificate
    for webhook in _readable(evidence) if certificate else ():
        if certificate is not None and webhook.ca and all(each.data != certificate.der for each in webhook.ca):
            what = f"the API server trusts a certificate other than {CERTIFICATE}"
            consequence = f": every IAM login fails, unless that certificate has signed {CERTIFICATE}"
            yield webhook.ca_place or webhook.place, what + consequence, _rewrite(evidence)


def _insecure(evidence: InspectedFiles) -> CheckResults:
    for webhook in _readable(evidence):
        if webhook.is_insecure:
            what = "insecure-skip-tls-verify is on: a process that answers on this port decides who every caller is"
            yield webhook.place, what, "remove insecure-skip-tls-verify"


def _missing(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    if tree.certificate is not None and not tree.webhooks:
        what = f"{KUBECONFIG} is missing: without it, the API server does not call the authenticator"
        yield tree.certificate.place, what, _rewrite(evidence)


WEBHOOK_CHECKS = (
    Check("WEB030", Severity.ERROR, "The API server cannot use the webhook kubeconfig.", _unreadable),
    Check("WEB031", Severity.ERROR, "The authenticator does not answer at this URL.", _wrong_url),
    Check("WEB032", Severity.ERROR, "The authenticator listens on another address or port.", _elsewhere),
    Check("WEB033", Severity.ERROR, "The kubeconfig contains no usable CA.", _no_ca),
    Check("WEB034", Severity.ERROR, "The kubeconfig trusts another certificate.", _other_ca),
    Check("WEB035", Severity.ERROR, "The kubeconfig disables the check of the certificate.", _insecure),
    Check("WEB036", Severity.ERROR, "The webhook kubeconfig is missing.", _missing),
)


class _Id(NamedTuple):
    place: Place
    text: str
    consequence: str = "tokens for one are rejected by the other"


def cluster_ids(evidence: InspectedFiles) -> list[_Id]:
    """All places with a cluster ID, the most trustworthy first: tarmak.yaml, authenticator, clients, init unit."""
    found = []
    if evidence.installation is not None:
        found.append(_Id(evidence.installation.place(), evidence.installation.cluster_id))
    found += [_Id(each.place, each.cluster_id) for each in evidence.daemons if each.cluster_id]
    has_flag = bool(found and evidence.daemons and evidence.daemons[0].cluster_id)
    found += [
        _Id(each.id_place, read.cluster_id) for each, read in evidence.configurations if read.cluster_id or not has_flag
    ]
    found += [_Id(each.place, each.cluster_id) for each in evidence.clients]
    unit, init = evidence.tree.init_unit, evidence.init_unit
    word = init.option("-i", "--cluster-id") if init else None
    if unit is not None and word is not None:
        found.append(_Id(unit.at(word.line), word.text, "this master belongs to another cluster"))
    return found


def _ids_differ(evidence: InspectedFiles) -> CheckResults:
    first, *others = cluster_ids(evidence) or [_Id(Place(""), "")]
    for each in others:
        if each.text != first.text:
            what = f"the cluster ID is {quoted(each.text)} here, but {quoted(first.text)} in {first.place}"
            yield each.place, f"{what}: {each.consequence}", "use the same cluster ID everywhere"


def _broken(evidence: InspectedFiles) -> CheckResults:
    for each in evidence.broken:
        yield each.place, f"it cannot be read: {each.message}", "fix the file, or remove it from the directory"


ID_CHECKS = (
    Check("WEB060", Severity.ERROR, "The cluster IDs differ.", _ids_differ),
    Check("WEB061", Severity.ERROR, "A manifest, kubeconfig or configuration cannot be read.", _broken),
)
