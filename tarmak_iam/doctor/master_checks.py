"""Checks of a master's files: modes and owners, the API server's flag, and the units that Tarmak writes."""

from __future__ import annotations

import posixpath
import stat
from collections.abc import Iterator

from tarmak_iam.doctor.diagnosis import Check, CheckResults
from tarmak_iam.doctor.file_tree import FLAG, FoundFile
from tarmak_iam.doctor.inspected_files import InspectedFiles
from tarmak_iam.doctor.systemd_units import INIT_UNIT, Word
from tarmak_iam.findings import Severity
from tarmak_iam.identity.daemon_config import DEFAULT_PORT
from tarmak_iam.pki.webhook_files import KEY, STATE_DIR, WEBHOOK_PATH

_INIT_HOST = "localhost"
_VERSION_FLAG = "--authentication-token-webhook-version"


def _readable_key(evidence: InspectedFiles) -> CheckResults:
    key = evidence.tree.key
    if key is not None and key.data is not None and key.mode & 0o077:
        what = f"its mode is {_mode(key)}: whoever reads it can say who everybody is"
        file = KEY if evidence.tree.is_master else key.path  # on the master, not in a copy of it
        yield key.place, what, f"chmod 600 {file}; if anybody could have read it, make a new pair"


def _writable(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    for found in tree.of_master:
        if found.mode & stat.S_IWOTH:
            yield found.place, f"its mode is {_mode(found)}: everybody may write it", "chmod o-w"
    for found in tree.directories:
        if found.mode & stat.S_IWOTH and not found.mode & stat.S_ISVTX:
            yield found.place, f"its mode is {_mode(found)}: everybody may put another file there", "chmod o-w"


def _mode(found: FoundFile) -> str:
    return f"{stat.S_IMODE(found.mode):04o}"


def _other_owner(evidence: InspectedFiles) -> CheckResults:
    """Only where root owns some of it: in a copy that somebody made, everything is theirs."""
    tree = evidence.tree
    files = [found for found in tree.of_master if found.data is not None]
    if tree.is_master and any(found.uid == 0 for found in files):
        for found in files:
            if found.uid != 0:
                yield found.place, f"it belongs to uid {found.uid}", "chown root: nobody else has business there"


def _closed_to_api_server(evidence: InspectedFiles) -> CheckResults:
    user = evidence.unit.words("Service", "User") if evidence.unit else ()
    if not user or user[-1].text in ("root", "0"):
        return
    for webhook in evidence.webhooks:
        is_asked = evidence.webhook_flag is not None and webhook.path == evidence.webhook_flag[1].text
        if is_asked and webhook.found.data is not None and not webhook.found.mode & stat.S_IROTH:
            what = f"its mode is {_mode(webhook.found)}, and the API server runs as {user[-1].text}: it would not start"
            yield webhook.found.place, what, "chmod 644: there is no secret in it"


def _nothing_at_flag(evidence: InspectedFiles) -> CheckResults:
    if not evidence.tree.is_master or evidence.webhook_flag is None:
        return
    found, word = evidence.webhook_flag
    if all(path != word.text for path, _ in evidence.tree.webhooks):
        copied = evidence.init_unit.copied_to if evidence.init_unit else None
        hope = (
            "the init unit copies it there when it runs" if copied and copied.text == word.text else "nobody makes it"
        )
        yield found.at(word.line), f"there is no {word.text}: {hope}", "put the webhook kubeconfig there"


def _no_flag(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    if evidence.unit is not None and tree.unit is not None and evidence.webhook_flag is None:
        what = f"the API server has no {FLAG}: it never asks the authenticator"
        enable = evidence.command_line.tarmak_iam("enable")
        yield tree.unit.place, what, f"switch it on ({enable}) and apply, or set authTokenWebhookFile"


def _paths_differ(evidence: InspectedFiles) -> CheckResults:
    if evidence.webhook_flag is None:
        return
    found, word = evidence.webhook_flag
    for other, path in _other_paths(evidence):
        if posixpath.normpath(path) != posixpath.normpath(word.text):
            what = f"the API server reads {word.text}, but {other} says {path}"
            yield found.at(word.line), what, "give them the same path (authTokenWebhookFile) and apply"


def _other_paths(evidence: InspectedFiles) -> Iterator[tuple[str, str]]:
    copied = evidence.init_unit.copied_to if evidence.init_unit else None
    if copied is not None:
        yield f"{INIT_UNIT}:{copied.line}", copied.text
    if evidence.rendered_flag is not None and evidence.rendered_flag != evidence.webhook_flag:
        found, word = evidence.rendered_flag
        yield f"{found.path}:{word.line}", word.text
    installation = evidence.installation
    if installation is not None and installation.webhook_file:
        yield str(installation.place("kubernetes", "apiServer")), installation.webhook_file


def _unordered(evidence: InspectedFiles) -> CheckResults:
    unit, tree = evidence.unit, evidence.tree
    if unit is None or tree.unit is None or evidence.init_unit is None:
        return
    lacking = [key for key in ("After", "Requires") if INIT_UNIT not in _texts(unit.words("Unit", key))]
    before = _texts(evidence.init_unit.words("Unit", "Before"))
    if "After" in lacking and posixpath.basename(tree.unit.path) in before:
        lacking.remove("After")
    if lacking:
        what = f"it has no {' and '.join(lacking)} for {INIT_UNIT}: the API server may start before the file is there"
        yield tree.unit.place, what, "apply the switch again, so that Tarmak writes the unit"


def _texts(words: tuple[Word, ...]) -> list[str]:
    return [word.text for word in words]


def _state_elsewhere(evidence: InspectedFiles) -> CheckResults:
    tree, unit = evidence.tree, evidence.init_unit
    if unit is not None and tree.init_unit is not None:
        directory = unit.words("Service", "WorkingDirectory")
        if unit.init is None:
            yield tree.init_unit.place, "it runs no aws-iam-authenticator init", "let Tarmak write it again"
        elif [word.text.rstrip("/") for word in directory[-1:]] != [STATE_DIR]:
            what = f"init does not run in {STATE_DIR}, where the daemon looks for its pair"
            yield tree.init_unit.at(directory[-1].line if directory else None), what, "let Tarmak write it again"
    for daemon in evidence.daemons:
        if daemon.state_path and daemon.state_path != STATE_DIR:
            what = f"the daemon's state directory is {daemon.state_path} of the host, the pair is in {STATE_DIR}"
            yield daemon.place, what, f"mount {STATE_DIR}"


def _init_overwrites(evidence: InspectedFiles) -> CheckResults:
    """Tarmak's init unit gives neither configuration nor host name, so its kubeconfig is always for the same URL."""
    unit, tree = evidence.init_unit, evidence.tree
    if unit is None or tree.init_unit is None or unit.init is None:
        return
    if any(word.text.split("=")[0] in ("--config", "-c", "--hostname") for word in unit.init):
        return
    url = f"https://{_INIT_HOST}:{DEFAULT_PORT}{WEBHOOK_PATH}"
    names = evidence.certificate.names if evidence.certificate else None
    place = tree.init_unit.at(unit.init[0].line)
    if names is not None and not names.covers(_INIT_HOST):
        what = f"at every start it writes a kubeconfig for {url}, and the certificate is for {names}"
        yield place, what, f"make a new pair that is for {_INIT_HOST} too"
    if evidence.server is not None and evidence.server.port != DEFAULT_PORT:
        what = f"at every start it writes a kubeconfig for {url}, and the daemon listens at port {evidence.server.port}"
        yield place, what, "leave server.port out of the mappings"


def _review_version(evidence: InspectedFiles) -> CheckResults:
    if evidence.unit is not None and evidence.tree.unit is not None:
        word = evidence.unit.option(_VERSION_FLAG)
        if word is not None and word.text != "v1beta1":
            what = f"{_VERSION_FLAG} is {word.text}: the authenticator answers v1beta1 only"
            yield evidence.tree.unit.at(word.line), what, "remove the flag"


def _closed_to_daemon(evidence: InspectedFiles) -> CheckResults:
    """The images run as somebody else than root, and `init` leaves the key to root alone."""
    key = evidence.tree.key if evidence.tree.is_master else None
    owner = key.uid if key is not None else 0
    for daemon in evidence.daemons:
        if daemon.state_path and daemon.user not in (0, owner) and not daemon.is_prepared:
            who = "the image's own user" if daemon.user is None else f"uid {daemon.user}"
            what = f"the daemon runs as {who}, and {KEY} is for uid {owner} alone: it would not start"
            yield daemon.place, what, "set runAsUser: 0, or give it the key in an init container"


MASTER_CHECKS = (
    Check("WEB040", Severity.ERROR, "Others can read the key.", _readable_key),
    Check("WEB041", Severity.ERROR, "Everybody can write a file or its directory.", _writable),
    Check("WEB042", Severity.WARNING, "A file belongs to somebody else than root.", _other_owner),
    Check("WEB043", Severity.ERROR, "The API server's user cannot read the webhook kubeconfig.", _closed_to_api_server),
    Check("WEB044", Severity.ERROR, "There is no file where the API server's flag says.", _nothing_at_flag),
    Check("WEB045", Severity.ERROR, "The API server has no webhook flag.", _no_flag),
    Check("WEB046", Severity.ERROR, "Two places say different paths of the webhook kubeconfig.", _paths_differ),
    Check("WEB047", Severity.ERROR, "The API server does not wait for the init unit.", _unordered),
    Check("WEB048", Severity.ERROR, "Init and daemon do not share a directory.", _state_elsewhere),
    Check("WEB049", Severity.ERROR, "The init unit writes a kubeconfig that does not fit.", _init_overwrites),
    Check("WEB050", Severity.ERROR, "The API server sends reviews that the daemon does not read.", _review_version),
    Check("WEB051", Severity.ERROR, "The daemon's user cannot read the key.", _closed_to_daemon),
)
