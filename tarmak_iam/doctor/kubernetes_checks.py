"""Checks of the webhook kubeconfigs, and of the cluster id, which must be one and the same wherever it is said."""

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
from tarmak_iam.text import quoted, shortened


def _again(evidence: InspectedFiles) -> str:
    webhook = evidence.command_line.tarmak_iam("webhook --output-dir DIR")
    return f"write it anew: {webhook} keeps the pair and makes its kubeconfig"


def _readable(evidence: InspectedFiles) -> Iterator[WebhookKubeconfig]:
    return (each for each in evidence.webhooks if not each.problem)


def _unreadable(evidence: InspectedFiles) -> CheckResults:
    for webhook in evidence.webhooks:
        if webhook.problem and webhook.found.data is not None:  # a file that cannot be opened is WEB001
            yield webhook.place, f"the API server cannot use it: {webhook.problem}", _again(evidence)


def _wrong_url(evidence: InspectedFiles) -> CheckResults:
    for webhook in _readable(evidence):
        place, url = webhook.server_place or webhook.place, webhook.url
        if url is None or url.scheme != "https":
            yield place, f"server is {shortened(webhook.server)!r}, no https URL with a host", _again(evidence)
        elif url.path != WEBHOOK_PATH or url.query or url.fragment or url.username is not None:
            yield (
                place,
                f"server is {shortened(webhook.server)!r}, and the daemon answers at {WEBHOOK_PATH} only",
                _again(evidence),
            )


def _elsewhere(evidence: InspectedFiles) -> CheckResults:
    server = evidence.server
    for webhook in _readable(evidence) if server else ():
        if server is None or webhook.url is None:
            continue
        place = webhook.server_place or webhook.place
        if webhook.port != server.port:
            what = f"the API server asks at port {webhook.port}, the daemon listens at {server.port}"
            yield place, what, "give both the same port (server.port of the mappings)"
        elif not _listens_at(webhook.host, server.address):
            what = f"the API server asks at {webhook.host}, the daemon listens at {server.address} only"
            yield place, what, "give both the same address (server.hostname and server.address of the mappings)"


def _listens_at(host: str, address: str) -> bool:
    """As far as that can be told without a resolver."""
    bound = parse_address(address)
    asked = parse_address("127.0.0.1" if host == "localhost" else host)
    if bound is None or asked is None or bound.is_unspecified:
        return True
    return bound.is_loopback if host == "localhost" else bound == asked


def _no_ca(evidence: InspectedFiles) -> CheckResults:
    for webhook in _readable(evidence):
        place = webhook.ca_place or webhook.place
        if webhook.ca is None and webhook.ca_file:
            what = f"its CA is in the file {webhook.ca_file}, which is not looked at"
            yield place, what, "put it into certificate-authority-data, as init does"
        elif webhook.ca is None and not webhook.is_insecure:
            yield (
                place,
                "there is no certificate-authority-data: the daemon's certificate is not trusted",
                _again(evidence),
            )
        elif webhook.ca is not None and not webhook.ca:
            yield place, "certificate-authority-data is not the base64 of a certificate's PEM", _again(evidence)


def _other_ca(evidence: InspectedFiles) -> CheckResults:
    certificate = evidence.certificate
    for webhook in _readable(evidence) if certificate else ():
        if certificate is not None and webhook.ca and all(each.data != certificate.der for each in webhook.ca):
            what = f"the API server trusts another certificate than {CERTIFICATE}"
            consequence = ": unless it signed that, every IAM login is refused"
            yield webhook.ca_place or webhook.place, what + consequence, _again(evidence)


def _insecure(evidence: InspectedFiles) -> CheckResults:
    for webhook in _readable(evidence):
        if webhook.is_insecure:
            what = "insecure-skip-tls-verify: whoever answers at that port says who everybody is"
            yield webhook.place, what, "remove it"


def _none(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    if tree.certificate is not None and not tree.webhooks:
        yield (
            tree.certificate.place,
            f"there is no {KUBECONFIG}: the API server does not know whom to ask",
            _again(evidence),
        )


WEBHOOK_CHECKS = (
    Check("WEB030", Severity.ERROR, "The API server cannot use the webhook kubeconfig.", _unreadable),
    Check("WEB031", Severity.ERROR, "The URL is none that the daemon answers.", _wrong_url),
    Check("WEB032", Severity.ERROR, "The URL is not where the daemon listens.", _elsewhere),
    Check("WEB033", Severity.ERROR, "The kubeconfig has no CA that can be used.", _no_ca),
    Check("WEB034", Severity.ERROR, "The CA of the kubeconfig is not this certificate.", _other_ca),
    Check("WEB035", Severity.ERROR, "The kubeconfig switches the check of the certificate off.", _insecure),
    Check("WEB036", Severity.ERROR, "There is no webhook kubeconfig.", _none),
)


class _Id(NamedTuple):
    place: Place
    text: str
    consequence: str = "tokens for one are refused by the other"


def cluster_ids(evidence: InspectedFiles) -> list[_Id]:
    """Who says it, the most trustworthy first: tarmak.yaml, the daemon, the clients, the init unit."""
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
        found.append(_Id(unit.at(word.line), word.text, "this master is another cluster's"))
    return found


def _ids_differ(evidence: InspectedFiles) -> CheckResults:
    first, *others = cluster_ids(evidence) or [_Id(Place(""), "")]
    for each in others:
        if each.text != first.text:
            what = f"the cluster id is {quoted(each.text)} here and {quoted(first.text)} in {first.place}"
            yield each.place, f"{what}: {each.consequence}", "write the same id everywhere"


def _broken(evidence: InspectedFiles) -> CheckResults:
    for each in evidence.broken:
        yield each.place, f"it cannot be read: {each.message}", "mend the file, or take it out of the directory"


ID_CHECKS = (
    Check("WEB060", Severity.ERROR, "Two places say different cluster ids.", _ids_differ),
    Check("WEB061", Severity.ERROR, "A manifest, kubeconfig or configuration cannot be read.", _broken),
)
