"""Checks of the webhook kubeconfigs, and of the cluster ID, which must be the same everywhere."""

from __future__ import annotations

from tarmak_iam.doctor.diagnosis import Check, Problems
from tarmak_iam.doctor.inspected_files import InspectedFiles
from tarmak_iam.doctor.kubernetes_files import WebhookKubeconfig
from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.server_names import parse_address
from tarmak_iam.pki.webhook_files import CERTIFICATE, KUBECONFIG, WEBHOOK_PATH
from tarmak_iam.text import quoted

WEBHOOK_CHECKS = (
    Check("WEB030", Severity.ERROR, "The API server cannot use the webhook kubeconfig."),
    Check("WEB031", Severity.ERROR, "The authenticator does not answer at this URL."),
    Check("WEB032", Severity.ERROR, "The authenticator listens on another address or port."),
    Check("WEB033", Severity.ERROR, "The kubeconfig contains no usable CA."),
    Check("WEB034", Severity.ERROR, "The kubeconfig trusts another certificate."),
    Check("WEB035", Severity.ERROR, "The kubeconfig disables the check of the certificate."),
    Check("WEB036", Severity.ERROR, "The webhook kubeconfig is missing."),
)


def webhook_problems(files: InspectedFiles) -> Problems:
    """WEB030 to WEB036."""
    command = files.command_line.tarmak_iam("webhook --output-dir DIR")
    rewrite = f"run `{command}`, which keeps the certificate and key and writes the kubeconfig again"
    for webhook in files.webhooks:
        if not webhook.problem:
            yield from _url_problems(files, webhook, rewrite)
            yield from _trust_problems(files, webhook, rewrite)
        elif webhook.found.data is not None:  # a file that cannot be opened is WEB001
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


ID_CHECKS = (
    Check("WEB060", Severity.ERROR, "The cluster IDs differ."),
    Check("WEB061", Severity.ERROR, "A manifest, kubeconfig or configuration cannot be read."),
)


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
