"""What a change of the cluster goes through: apply, verify and rollback."""

from __future__ import annotations

from tarmak_iam.cli.console import ExitCode
from tarmak_iam.hook.cluster.history import Status
from tarmak_iam.hook.login.review import LoginOutcome
from tests.docs.images.drawing import Drawing

__all__ = ["states"]

_DESCRIPTION = (
    "apply and run first check the files, and have the API server try each write. If anything is wrong, or an admin"
    " would lose access, nothing is changed. Then the change is {begun}: it is in the history, and objects are "
    "being written. After a kill, the next apply completes it, or rollback undoes it. When all objects are written "
    "and the pods are replaced, the change is {applied}. verify then logs in. If a mapped caller logs in as whois "
    "expects, the change is verified, with exit code {ok}. If no mapped caller has logged in, it stays and is not "
    "verified, with exit code {unknown}. If the login fails, the exit code is {failed}. rollback undoes a change: "
    "it is {undoing} until all pods are replaced, then {undone}, and the cluster is as it was before. "
    "--rollback-on-failure does so after a login that failed, --rollback-unless-verified also after one that is not"
    " verified."
)


def states() -> str:
    text = _DESCRIPTION.format(
        **{each.name.lower(): each for each in Status},
        ok=ExitCode.OK,
        unknown=ExitCode.NOT_VERIFIED,
        failed=ExitCode.FINDINGS,
    )
    drawing = Drawing("The states of a change: apply, verify and rollback", text, 860, 540)
    _changed(drawing)
    _verified(drawing)
    _undone(drawing)
    return drawing.svg()


def _changed(drawing: Drawing) -> None:
    _state(drawing, 250, 20, "as it was", "the cluster before the change", "zone edge-edge")
    drawing.arrow("M250 36H190Q166 36 166 48Q166 60 190 60H249", "edge-line dashed")
    drawing.text(152, 52, "refused: no change", "text", "end")
    drawing.arrow("M360 76V139")
    drawing.text(372, 104, "apply, run", "text bold")
    drawing.text(372, 122, "after all checks", "dim small")
    _state(drawing, 250, 140, Status.BEGUN, "objects are being written", "on-amber edge-amber")
    drawing.arrow("M250 156H190Q166 156 166 168Q166 180 190 180H249", "edge-line dashed")
    drawing.text(152, 164, "killed: the next", "text", "end")
    drawing.text(152, 182, "apply completes it", "text", "end")
    drawing.arrow("M360 196V259")
    drawing.text(372, 224, "objects are written,", "dim small")
    drawing.text(372, 242, "pods are replaced", "dim small")
    _state(drawing, 250, 260, Status.APPLIED, "not verified yet", "on-blue edge-blue")


def _verified(drawing: Drawing) -> None:
    drawing.text(372, 348, "verify, run, apply --verify", "text bold")
    drawing.line("M360 316V362", "edge-line wide")
    drawing.arrow("M360 362H130V399")
    drawing.arrow("M360 362V399")
    drawing.arrow("M360 362H590V399")
    outcomes = (
        (20, LoginOutcome.VERIFIED, "a mapped caller logged in", ExitCode.OK, "on-green edge-green"),
        (250, "not verified", "no mapped caller logged in", ExitCode.NOT_VERIFIED, "on-amber edge-amber"),
        (480, LoginOutcome.FAILED, "denied, or another user", ExitCode.FINDINGS, "on-red edge-red"),
    )
    for x, name, about, code, look in outcomes:
        _state(drawing, x, 400, name, about, look)
        drawing.text(x + 12, 476, f"exit code {code:d}", "dim small")


def _undone(drawing: Drawing) -> None:
    _state(drawing, 616, 140, Status.UNDOING, "objects and pods are being restored", "on-amber edge-amber")
    drawing.arrow("M470 168H615", "edge-line dashed")
    drawing.text(482, 160, "rollback", "text bold")
    drawing.arrow("M470 288H646V197")
    drawing.text(482, 280, "rollback", "text bold")
    drawing.arrow("M676 400V197")
    drawing.text(664, 340, "--rollback-on-failure", "text", "end")
    drawing.arrow("M360 456V506H806V197")
    drawing.text(794, 498, "--rollback-unless-verified", "text", "end")
    drawing.arrow("M726 140V48H471")
    drawing.text(482, 40, f"{Status.UNDONE}: all pods are replaced")


def _state(drawing: Drawing, x: int, y: int, name: str, about: str, look: str) -> None:
    drawing.box(x, y, 220, 56, look)
    drawing.text(x + 110, y + 23, str(name), "text bold", "middle")
    drawing.text(x + 110, y + 43, about, "text small", "middle")
