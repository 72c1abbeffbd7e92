"""The directory of tarmak.yaml, and whose each file is: those that a session leaves there."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.docs.images.drawing import Drawing
from tests.docs.session import session

__all__ = ["files"]


class File(NamedTuple):
    name: str
    owner: str
    about: tuple[str, str]


OWNERS = {
    "yours": ("on-green edge-green", "you edit it, by hand or with tarmak-iam; commit it"),
    "Tarmak's": ("on-amber edge-amber", "Tarmak writes it; it contains a secret: never commit it"),
    "tarmak-iam's": ("on-blue edge-blue", "tarmak-iam writes it; keep it on the machine that applies"),
}
FILES = (
    File(
        "tarmak.yaml",
        "yours",
        ("the clusters, and awsIAMAuthenticatorInit", "tarmak-iam enable, disable, config; Tarmak"),
    ),
    File(
        "dev-cluster/aws-iam-authenticator.yaml",
        "yours",
        ("the mappings: who can log in, and as whom", "tarmak-iam map"),
    ),
    File(
        "dev-cluster/tarmak-iam.yaml", "yours", ("the settings: image, backends, role, profile", "tarmak-iam settings")
    ),
    File(
        "dev-cluster/kubeconfig",
        "Tarmak's",
        ("the admin certificate: your recovery access", "tarmak clusters kubeconfig"),
    ),
    File(
        "dev-cluster/tarmak-iam.state.json",
        "tarmak-iam's",
        ("the history: objects before and after each change", "tarmak-iam apply, run, rollback"),
    ),
)
_SESSION = """\
cp -R $EXAMPLES/single/tarmak.yaml . && export TARMAK_CONFIG=. && tarmak-iam enable
tarmak-iam map add arn:aws:iam::111122223333:role/KubernetesAdmin --username kubernetes-admin --group system:masters
tarmak-iam settings set role arn:aws:iam::111122223333:role/KubernetesAdmin
tarmak-iam run -- tarmak clusters apply
"""
_ROW, _TOP, _WIDTH, _NAME, _OWNER, _ABOUT = 50, 60, 860, 66, 360, 478


def files() -> str:
    if (left := _left_by_a_session()) != sorted(each.name for each in FILES):
        raise RuntimeError(f"a session leaves these files: {left}")
    rows = {"~/.tarmak/": None, **{each.name: each for each in FILES[:1]}, "dev-cluster/": None}
    rows |= {each.name: each for each in FILES[1:]}
    text = "; ".join(f"{each.name} ({each.owner}): {each.about[0]} ({each.about[1]})" for each in FILES)
    height = _TOP + len(rows) * _ROW + len(OWNERS) * 26
    drawing = Drawing("The files in the directory of tarmak.yaml, and whose they are", text, _WIDTH, height)
    for number, (name, file) in enumerate(rows.items()):
        y = _TOP - 16 + number * _ROW
        depth = 0 if number == 0 else 2 if name.startswith("dev-cluster/") and file else 1
        x = 24 + depth * 26
        drawing.code(x, y, name.removeprefix("dev-cluster/") or name, "text bold", 14)
        if file:
            drawing.box(_OWNER, y - 17, 104, 25, OWNERS[file.owner][0], 12)
            drawing.text(_OWNER + 52, y, file.owner, "text", "middle")
            drawing.text(_ABOUT, y - 6, file.about[0])
            drawing.text(_ABOUT, y + 12, file.about[1], "dim small")
    _branches(drawing)
    for number, (owner, (look, about)) in enumerate(OWNERS.items()):
        y = height - 22 - 26 * (len(OWNERS) - 1 - number)
        drawing.box(24, y - 15, 104, 21, look, 10)
        drawing.text(76, y, owner, "text", "middle")
        drawing.text(142, y, about, "dim")
    return drawing.svg()


def _branches(drawing: Drawing) -> None:
    """From each directory to what is in it."""
    for depth, first, last in ((0, 0, 2), (1, 2, 6)):
        x = 32 + depth * 26
        for row in range(first + 1, last + 1):
            drawing.line(f"M{x} {_TOP - 10 + first * _ROW}V{_TOP - 21 + row * _ROW}H{x + 14}")


def _left_by_a_session() -> list[str]:
    with tempfile.TemporaryDirectory(prefix="files-") as root, session(Path(root)) as shell:
        if (ran := shell.run_script(_SESSION)).code:
            raise RuntimeError(ran.output)
        return sorted(shell.run("find . -type f -printf '%P\\n'").output.split())
