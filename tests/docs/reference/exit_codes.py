"""What the exit codes mean for each command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tarmak_iam.cli.console import ExitCode

_EVERY = {
    ExitCode.OK: "done",
    ExitCode.ERROR: "wrong usage, configuration or input, or something cannot be read, written or reached",
    ExitCode.BUG: "a bug in tarmak-iam",
}
_FINDINGS = {
    "config get": "the key is not set",
    "config set": "with --if: the key has another value; with --if-unset: it is set; nothing was written",
    "settings get": "the setting has no value",
    "check": "there are findings; with --fail-on error: errors; with --diff: --fix would change a file",
    "diff": "there are differences",
    "map import": "an entry with system:masters was not imported, or no mapping to system:masters exists afterwards; "
    "the other entries were imported",
    "map remove": "the principal is not mapped, and --if-exists is not given",
    "whois": "with --exit-code: the caller is denied",
    "doctor": "there are findings; with --fail-on error: errors",
    "token inspect": "an authenticator would reject the token",
    "apply": "with --verify: applied, but the login failed",
    "verify": "the login failed: it was rejected, or its user is not the expected one, or is not mapped",
}
_WHY_NOT = "no mapped principal has logged in: you are not mapped, or have no valid AWS credentials"
_NOT_VERIFIED = {"apply": f"with --verify: applied, not verified: {_WHY_NOT}", "verify": f"not verified: {_WHY_NOT}"}
_RUN = {
    ExitCode.OK: "tarmak has succeeded, and the manifests, if any, are applied and verified by a login",
    ExitCode.FINDINGS: "`check` reported errors, a principal would be locked out, the login failed, or an unverified "
    "change was rolled back",
    ExitCode.ERROR: "something cannot be read, applied or reached",
    ExitCode.NOT_VERIFIED: f"applied, not verified: {_WHY_NOT}",
    ExitCode.CANNOT_BE_RUN: "tarmak cannot be executed",
    ExitCode.NOT_FOUND: "tarmak was not found",
}


def codes_of(command: Sequence[str]) -> Mapping[ExitCode, str]:
    """By the names of a command and its groups, as `("map", "add")`."""
    name = " ".join(command)
    if name == "run":
        return _RUN
    further = ((ExitCode.FINDINGS, _FINDINGS), (ExitCode.NOT_VERIFIED, _NOT_VERIFIED))
    return {**_EVERY, **{code: meaning[name] for code, meaning in further if name in meaning}}
