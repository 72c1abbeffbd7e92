"""Checks of a master's files: modes and owners, the API server's flag, and the units that Tarmak writes."""

from __future__ import annotations

import posixpath
import shlex
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
        what = f"its mode is {_mode(key)}: a user who reads it can answer in place of the authenticator"
        file = shlex.quote(KEY if evidence.tree.is_master else key.path)  # on the master, not in a copy of it
        remedy = f"run `chmod 600 {file}`, and if another user could have read it, create a new certificate and key"
        yield key.place, f"{what}, and decide who every caller is", remedy


def _writable(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    for found in tree.of_master:
        if found.mode & stat.S_IWOTH:
            yield found.place, f"its mode is {_mode(found)}: every user can write it", "run `chmod o-w` on it"
    for found in tree.directories:
        if found.mode & stat.S_IWOTH and not found.mode & stat.S_ISVTX:
            yield found.place, f"its mode is {_mode(found)}: every user can replace its files", "run `chmod o-w` on it"


def _mode(found: FoundFile) -> str:
    return f"{stat.S_IMODE(found.mode):04o}"


def _other_owner(evidence: InspectedFiles) -> CheckResults:
    """Only if root owns some of the files: in a copy, all files belong to the user who made it."""
    tree = evidence.tree
    files = [found for found in tree.of_master if found.data is not None]
    if tree.is_master and any(found.uid == 0 for found in files):
        for found in files:
            if found.uid != 0:
                yield found.place, f"it belongs to uid {found.uid}, not to root", "run `chown root` on it"


def _unreadable_for_api_server(evidence: InspectedFiles) -> CheckResults:
    user = evidence.unit.words("Service", "User") if evidence.unit else ()
    if not user or user[-1].text in ("root", "0"):
        return
    for webhook in evidence.webhooks:
        is_asked = evidence.webhook_flag is not None and webhook.path == evidence.webhook_flag[1].text
        if is_asked and webhook.found.data is not None and not webhook.found.mode & stat.S_IROTH:
            what = f"its mode is {_mode(webhook.found)}, but the API server runs as {user[-1].text}"
            consequence = " and cannot read it: it does not start"
            yield webhook.found.place, what + consequence, "run `chmod 644` on it: it contains no secret"


def _missing_flag_file(evidence: InspectedFiles) -> CheckResults:
    if not evidence.tree.is_master or evidence.webhook_flag is None:
        return
    found, word = evidence.webhook_flag
    if all(path != word.text for path, _ in evidence.tree.webhooks):
        copied = evidence.init_unit.copied_to if evidence.init_unit else None
        is_copied = copied is not None and copied.text == word.text
        why = "the init unit copies the file there when it runs" if is_copied else "no unit creates it"
        yield found.at(word.line), f"{word.text} does not exist: {why}", "copy the webhook kubeconfig there"


def _no_flag(evidence: InspectedFiles) -> CheckResults:
    tree = evidence.tree
    if evidence.unit is not None and tree.unit is not None and evidence.webhook_flag is None:
        what = f"the API server has no {FLAG}: it never calls the authenticator"
        enable = evidence.command_line.tarmak_iam("enable")
        yield tree.unit.place, what, f"run `{enable}`, or set authTokenWebhookFile, and then run `{_apply(evidence)}`"


def _apply(evidence: InspectedFiles) -> str:
    return evidence.command_line.tarmak("clusters apply")


def _paths_differ(evidence: InspectedFiles) -> CheckResults:
    if evidence.webhook_flag is None:
        return
    found, word = evidence.webhook_flag
    for other, path in _other_paths(evidence):
        if posixpath.normpath(path) != posixpath.normpath(word.text):
            what = f"the API server reads {word.text}, but {other} contains {path}"
            remedy = f"use the same path everywhere (authTokenWebhookFile), and run `{_apply(evidence)}`"
            yield found.at(word.line), what, remedy


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
        what = f"it has no {' and '.join(lacking)} for {INIT_UNIT}: the API server may start before the file exists"
        yield tree.unit.place, what, _rewrite_units(evidence)


def _rewrite_units(evidence: InspectedFiles) -> str:
    return f"run `{_apply(evidence)}` with awsIAMAuthenticatorInit on, so that Tarmak writes the unit again"


def _texts(words: tuple[Word, ...]) -> list[str]:
    return [word.text for word in words]


def _state_elsewhere(evidence: InspectedFiles) -> CheckResults:
    tree, unit = evidence.tree, evidence.init_unit
    if unit is not None and tree.init_unit is not None:
        directory = unit.words("Service", "WorkingDirectory")
        if unit.init is None:
            yield tree.init_unit.place, "it does not run `aws-iam-authenticator init`", _rewrite_units(evidence)
        elif [word.text.rstrip("/") for word in directory[-1:]] != [STATE_DIR]:
            what = f"`init` does not run in {STATE_DIR}, where the authenticator reads its certificate and key"
            yield tree.init_unit.at(directory[-1].line if directory else None), what, _rewrite_units(evidence)
    for daemon in evidence.daemons:
        if daemon.state_path and daemon.state_path != STATE_DIR:
            what = f"the authenticator's state directory is {daemon.state_path} on the host"
            yield daemon.place, f"{what}, but certificate and key are in {STATE_DIR}", f"mount {STATE_DIR}"


def _init_overwrites(evidence: InspectedFiles) -> CheckResults:
    """Tarmak's init unit passes neither a configuration nor a host name to `init`, so its kubeconfig is always for the
    same URL."""
    unit, tree = evidence.init_unit, evidence.tree
    if unit is None or tree.init_unit is None or unit.init is None:
        return
    if any(word.text.split("=")[0] in ("--config", "-c", "--hostname") for word in unit.init):
        return
    url = f"https://{_INIT_HOST}:{DEFAULT_PORT}{WEBHOOK_PATH}"
    names = evidence.certificate.names if evidence.certificate else None
    place = tree.init_unit.at(unit.init[0].line)
    if names is not None and not names.covers(_INIT_HOST):
        what = f"at every start it writes a kubeconfig for {url}, but the certificate is for {names}"
        yield place, what, f"create a new certificate and key that are for {_INIT_HOST} too"
    if evidence.server is not None and evidence.server.port != DEFAULT_PORT:
        what = f"at every start it writes a kubeconfig for {url}, but the authenticator listens on port"
        yield place, f"{what} {evidence.server.port}", "remove server.port from the mappings file"


def _review_version(evidence: InspectedFiles) -> CheckResults:
    if evidence.unit is not None and evidence.tree.unit is not None:
        word = evidence.unit.option(_VERSION_FLAG)
        if word is not None and word.text != "v1beta1":
            what = f"{_VERSION_FLAG} is {word.text}, but the authenticator supports only v1beta1"
            yield evidence.tree.unit.at(word.line), what, "remove the flag"


def _unreadable_for_daemon(evidence: InspectedFiles) -> CheckResults:
    """The images run as another user than root, and the key that `init` creates is readable by root only."""
    key = evidence.tree.key if evidence.tree.is_master else None
    owner = key.uid if key is not None else 0
    for daemon in evidence.daemons:
        if daemon.state_path and daemon.user not in (0, owner) and not daemon.is_prepared:
            who = "the image's own user" if daemon.user is None else f"uid {daemon.user}"
            what = f"the authenticator runs as {who}, but only uid {owner} can read {KEY}: it does not start"
            yield daemon.place, what, "set runAsUser: 0, or make the key readable for it in an init container"


MASTER_CHECKS = (
    Check("WEB040", Severity.ERROR, "Other users can read the key.", _readable_key),
    Check("WEB041", Severity.ERROR, "Every user can write a file or its directory.", _writable),
    Check("WEB042", Severity.WARNING, "A file does not belong to root.", _other_owner),
    Check(
        "WEB043",
        Severity.ERROR,
        "The API server's user cannot read the webhook kubeconfig.",
        _unreadable_for_api_server,
    ),
    Check("WEB044", Severity.ERROR, "The file in the API server's flag does not exist.", _missing_flag_file),
    Check("WEB045", Severity.ERROR, "The API server has no webhook flag.", _no_flag),
    Check("WEB046", Severity.ERROR, "The paths of the webhook kubeconfig differ.", _paths_differ),
    Check("WEB047", Severity.ERROR, "The API server does not wait for the init unit.", _unordered),
    Check("WEB048", Severity.ERROR, "The init unit and the authenticator use different directories.", _state_elsewhere),
    Check("WEB049", Severity.ERROR, "The init unit writes a kubeconfig for the wrong host or port.", _init_overwrites),
    Check(
        "WEB050",
        Severity.ERROR,
        "The API server sends token reviews that the authenticator does not support.",
        _review_version,
    ),
    Check("WEB051", Severity.ERROR, "The authenticator's user cannot read the key.", _unreadable_for_daemon),
)
