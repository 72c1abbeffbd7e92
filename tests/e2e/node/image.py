"""Archives of images, made of programs of this machine: what `ctr images import` takes, so that nothing is pulled."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

__all__ = ["write_image"]

_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")


def write_image(
    archive: Path,
    name: str,
    program: Path,
    *args: str,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
) -> None:
    """Under this name: `program` with its libraries, started with `args`. `files` are others, by their path."""
    contents = {f"bin/{program.name}": program.read_bytes(), **_libraries(program), **(files or {})}
    layer = _tar(contents)
    digest = hashlib.sha256(layer).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "created": "2026-01-01T00:00:00Z",
        "config": {
            "Entrypoint": [f"/bin/{program.name}", *args],
            # As upstream's images have it: the emitted pod says itself that it needs another one.
            "User": "65532:65532",
            "Env": [f"{key}={value}" for key, value in {"PATH": "/bin", **(environment or {})}.items()],
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    encoded = json.dumps(config).encode()
    config_name, layer_name = f"{hashlib.sha256(encoded).hexdigest()}.json", f"{digest}/layer.tar"
    manifest = [{"Config": config_name, "RepoTags": [name], "Layers": [layer_name]}]
    archive.write_bytes(_tar({layer_name: layer, config_name: encoded, "manifest.json": json.dumps(manifest).encode()}))


def _libraries(program: Path) -> dict[str, bytes]:
    """What the dynamic linker loads for it, itself included; nothing for a static program."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=False)
    return {path.lstrip("/"): Path(path).read_bytes() for path in _LIBRARY.findall(done.stdout)}


def _tar(contents: Mapping[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name in ("tmp", "etc", "var", "proc", "sys", "dev"):
            directory = tarfile.TarInfo(name)
            directory.type, directory.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(directory)
        for path, data in contents.items():
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return made.getvalue()
