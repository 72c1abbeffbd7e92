"""The authenticator of a release, changed so that it answers callers on its standard input: who each one becomes.

All that decides is the release's own code: its command line, its configuration by viper, its backends, its server. Ours
is what is around it: STS, EC2, the API server and the files, in authenticator_program.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from tests.e2e.daemon_builds import daemon_workspace

__all__ = ["OURS", "answering_workspace"]

_PROGRAM = Path(__file__).parent / "authenticator_program"
OURS = sha256(b"".join(path.read_bytes() for path in sorted(_PROGRAM.iterdir()))).hexdigest()[:8]
"""Differs where our part of the program does."""
_WITH_CONTEXT = {
    "CONTEXT_PACKAGE": '"context"',
    "CONTEXT_ARGUMENT": "_ context.Context,",
    "CONTEXT_ONLY": "_ context.Context",
    "NEW": "New(context.Background(), cfg)",
}
_WITHOUT_CONTEXT = {
    "CONTEXT_PACKAGE": "",
    "CONTEXT_ARGUMENT": "",
    "CONTEXT_ONLY": "",
    "NEW": "New(cfg, make(chan struct{}))",
}


def answering_workspace(work: Path, version: str) -> Path:
    """A copy of the release's source with our files in its packages, to build in. Raises Missing."""
    source = daemon_workspace(work, version)
    module = (source / "go.mod").read_text(encoding="utf-8").partition("\n")[0].removeprefix("module ").strip()
    words = {"MODULE": module, **(_WITH_CONTEXT if version.startswith("v0.7.") else _WITHOUT_CONTEXT)}
    _copy("command.go", source / "cmd" / "aws-iam-authenticator", words)
    for name in ("answers.go", "api_server.go", _start_of(source)):
        _copy(name, source / "pkg" / "server", words)
    return source


def _start_of(source: Path) -> str:
    """How a server of the release is started."""
    if not (source / "pkg" / "mapper").exists():
        return "before_backends.go"
    return "with_files.go" if (source / "pkg" / "fileutil").exists() else "with_backends.go"


def _copy(name: str, package: Path, words: dict[str, str]) -> None:
    text = (_PROGRAM / name).read_text(encoding="utf-8")
    for word, meant in words.items():
        text = text.replace(word, meant)
    (package / f"our_{name}").write_text(text, encoding="utf-8")
