"""Checks of a master's files: modes and owners, the API server's flag, and the units that Tarmak writes."""

from __future__ import annotations

import posixpath
import shlex
import stat

from tarmak_iam.doctor.diagnosis import Check, Problems
from tarmak_iam.doctor.file_tree import FLAG, FoundFile
from tarmak_iam.doctor.inspected_files import InspectedFiles
from tarmak_iam.doctor.systemd_units import INIT_UNIT, Unit
from tarmak_iam.findings import Severity
from tarmak_iam.identity.daemon_config import DEFAULT_PORT
from tarmak_iam.pki.webhook_files import KEY, STATE_DIR, WEBHOOK_PATH

_INIT_HOST = "localhost"
_VERSION_FLAG = "--authentication-token-webhook-version"

MASTER_CHECKS = (
    Check("WEB040", Severity.ERROR, "Other users can read the key."),
    Check("WEB041", Severity.ERROR, "Every user can write a file or its directory."),
    Check("WEB042", Severity.WARNING, "A file does not belong to root."),
    Check("WEB043", Severity.ERROR, "The API server's user cannot read the webhook kubeconfig."),
    Check("WEB044", Severity.ERROR, "The file in the API server's flag does not exist."),
    Check("WEB045", Severity.ERROR, "The API server has no webhook flag."),
    Check("WEB046", Severity.ERROR, "The paths of the webhook kubeconfig differ."),
    Check("WEB047", Severity.ERROR, "The API server does not wait for the init unit."),
    Check("WEB048", Severity.ERROR, "The init unit and the authenticator use different directories."),
    Check("WEB049", Severity.ERROR, "The init unit writes a kubeconfig for the wrong host or port."),
    Check("WEB050", Severity.ERROR, "The API server sends token reviews that the authenticator does not support."),
    Check("WEB051", Severity.ERROR, "The authenticator's user cannot read the key."),
)


def mode_problems(files: InspectedFiles) -> Problems:
    """WEB040 to WEB042."""
    tree, key = files.tree, files.tree.key
    if key is not None and key.data is not None and key.mode & 0o077:
        what = f"its mode is {_mode(key)}: a user who reads it can answer in place of the authenticator"
        path = shlex.quote(KEY if tree.is_master else key.path)  # on the master, not in a copy of it
        remedy = f"run `chmod 600 {path}`, and if another user could have read it, create a new certificate and key"
        yield "WEB040", key.place, f"{what}, and decide who every caller is", remedy
    writable = [(file, "write it") for file in tree.of_master if file.mode & stat.S_IWOTH]
    replaceable = [
        folder for folder in tree.directories if folder.mode & stat.S_IWOTH and not folder.mode & stat.S_ISVTX
    ]
    for file, can in (*writable, *((directory, "replace its files") for directory in replaceable)):
        yield "WEB041", file.place, f"its mode is {_mode(file)}: every user can {can}", "run `chmod o-w` on it"
    read = [file for file in tree.of_master if file.data is not None]
    # Only if root owns some of the files: in a copy, all files belong to the user who made it.
    for file in read if tree.is_master and any(file.uid == 0 for file in read) else ():
        if file.uid != 0:
            yield "WEB042", file.place, f"it belongs to uid {file.uid}, not to root", "run `chown root` on it"


def _mode(file: FoundFile) -> str:
    return f"{stat.S_IMODE(file.mode):04o}"


def flag_problems(files: InspectedFiles) -> Problems:
    """WEB043 to WEB046, and WEB050."""
    tree, unit = files.tree, files.unit
    if unit is not None and tree.unit is not None:
        yield from _api_server_problems(files, unit, tree.unit)
    if files.webhook_flag is None:
        return
    flag_file, flag = files.webhook_flag
    copied = files.init_unit.copied_to if files.init_unit else None
    if tree.is_master and all(path != flag.text for path, _ in tree.webhooks):
        is_copied = copied is not None and copied.text == flag.text
        why = "the init unit copies the file there when it runs" if is_copied else "no unit creates it"
        what = f"{flag.text} does not exist: {why}"
        yield "WEB044", flag_file.at(flag.line), what, "copy the webhook kubeconfig there"
    others = [(f"{INIT_UNIT}:{copied.line}", copied.text)] if copied is not None else []
    if files.rendered_flag is not None and files.rendered_flag != files.webhook_flag:
        rendered, word = files.rendered_flag
        others.append((f"{rendered.path}:{word.line}", word.text))
    installation = files.installation
    if installation is not None and installation.webhook_file:
        others.append((str(installation.place("kubernetes", "apiServer")), installation.webhook_file))
    for other, path in others:
        if posixpath.normpath(path) != posixpath.normpath(flag.text):
            what = f"the API server reads {flag.text}, but {other} contains {path}"
            remedy = f"use the same path everywhere (authTokenWebhookFile), and run `{_apply(files)}`"
            yield "WEB046", flag_file.at(flag.line), what, remedy


def _api_server_problems(files: InspectedFiles, unit: Unit, unit_file: FoundFile) -> Problems:
    user = unit.words("Service", "User")
    is_root = not user or user[-1].text in ("root", "0")
    for webhook in files.webhooks if files.webhook_flag and not is_root else ():
        file = webhook.file
        is_read = files.webhook_flag is not None and webhook.path == files.webhook_flag[1].text
        if is_read and file.data is not None and not file.mode & stat.S_IROTH:
            what = f"its mode is {_mode(file)}, but the API server runs as {user[-1].text} and cannot read it"
            yield "WEB043", file.place, f"{what}: it does not start", "run `chmod 644` on it: it contains no secret"
    if files.webhook_flag is None:
        what = f"the API server has no {FLAG}: it never calls the authenticator"
        enable = files.command_line.tarmak_iam("enable")
        remedy = f"run `{enable}`, or set authTokenWebhookFile, and then run `{_apply(files)}`"
        yield "WEB045", unit_file.place, what, remedy
    version = unit.option(_VERSION_FLAG)
    if version is not None and version.text != "v1beta1":
        what = f"{_VERSION_FLAG} is {version.text}, but the authenticator supports only v1beta1"
        yield "WEB050", unit_file.at(version.line), what, "remove the flag"


def _apply(files: InspectedFiles) -> str:
    return files.command_line.tarmak("clusters apply")


def unit_problems(files: InspectedFiles) -> Problems:
    """WEB047 to WEB049, and WEB051."""
    if files.init_unit is not None and files.tree.init_unit is not None:
        rewrite = f"run `{_apply(files)}` with awsIAMAuthenticatorInit on, so that Tarmak writes the unit again"
        yield from _order_problems(files, files.init_unit, rewrite)
        yield from _init_problems(files, files.init_unit, files.tree.init_unit, rewrite)
    # The images run as another user than root, and the key that `init` creates is readable by root only.
    key = files.tree.key if files.tree.is_master else None
    owner = key.uid if key is not None else 0
    for daemon in files.daemons:
        if daemon.state_path and daemon.state_path != STATE_DIR:
            what = f"the authenticator's state directory is {daemon.state_path} on the host"
            remedy = f"mount {STATE_DIR}"
            yield "WEB048", daemon.place, f"{what}, but certificate and key are in {STATE_DIR}", remedy
        if daemon.state_path and daemon.user not in (0, owner) and not daemon.is_prepared:
            who = "the image's own user" if daemon.user is None else f"uid {daemon.user}"
            what = f"the authenticator runs as {who}, but only uid {owner} can read {KEY}: it does not start"
            remedy = "set runAsUser: 0, or make the key readable for it in an init container"
            yield "WEB051", daemon.place, what, remedy


def _order_problems(files: InspectedFiles, init_unit: Unit, rewrite: str) -> Problems:
    unit, file = files.unit, files.tree.unit
    if unit is None or file is None:
        return
    keys = ("After", "Requires")
    lacking = [key for key in keys if INIT_UNIT not in [word.text for word in unit.words("Unit", key)]]
    before = [word.text for word in init_unit.words("Unit", "Before")]
    if "After" in lacking and posixpath.basename(file.path) in before:
        lacking.remove("After")
    if lacking:
        what = f"it has no {' and '.join(lacking)} for {INIT_UNIT}: the API server may start before the file exists"
        yield "WEB047", file.place, what, rewrite


def _init_problems(files: InspectedFiles, unit: Unit, file: FoundFile, rewrite: str) -> Problems:
    """Tarmak's init unit passes neither a configuration nor a host name to `init`, so its kubeconfig is always for the
    same URL."""
    if unit.init is None:
        yield "WEB048", file.place, "it does not run `aws-iam-authenticator init`", rewrite
        return
    directory = unit.words("Service", "WorkingDirectory")[-1:]
    if [word.text.rstrip("/") for word in directory] != [STATE_DIR]:
        what = f"`init` does not run in {STATE_DIR}, where the authenticator reads its certificate and key"
        yield "WEB048", file.at(directory[0].line if directory else None), what, rewrite
    if any(word.text.split("=")[0] in ("--config", "-c", "--hostname") for word in unit.init):
        return
    place, names = file.at(unit.init[0].line), files.certificate.names if files.certificate else None
    written = f"at every start it writes a kubeconfig for https://{_INIT_HOST}:{DEFAULT_PORT}{WEBHOOK_PATH}, but the"
    if names is not None and not names.covers(_INIT_HOST):
        remedy = f"create a new certificate and key that are for {_INIT_HOST} too"
        yield "WEB049", place, f"{written} certificate is for {names}", remedy
    if files.server is not None and files.server.port != DEFAULT_PORT:
        what = f"{written} authenticator listens on port {files.server.port}"
        yield "WEB049", place, what, "remove server.port from the mappings file"
