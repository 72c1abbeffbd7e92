"""Process 1 of a node: `python inside.py DIRECTORY`, in namespaces of its own for mounts and processes.

Mounts what containerd and the kubelet would otherwise write to the machine, and starts both again when they end, as
systemd does on a master. Whatever is left to it is reaped. It ends with its namespaces.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
"""What the kubelet would set for the whole machine (cm.setupKernelTunables): it finds its own values in files."""

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_PAUSE = 0.5


def main(directory: Path) -> None:
    _mount(directory)
    loopback_up()
    programs: dict[str, list[str]] = json.loads((directory / "programs.json").read_text(encoding="utf-8"))
    running: dict[int, str] = {}
    while True:
        for name in sorted(programs.keys() - running.values()):
            running[_start(programs[name], directory / f"{name}.log")] = name
        ended, _ = os.wait()
        if running.pop(ended, None) is not None:
            time.sleep(_PAUSE)


def _mount(directory: Path) -> None:
    layers = ",".join(f"{key}dir={directory / name}" for key, name in (("upper", "var"), ("work", "work")))
    _run("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/var,{layers}", "/var")
    # containerd's shims listen in /run/containerd, whatever its state directory is.
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for name, value in _SYSCTLS.items():
        own, real = directory / name.replace("/", "."), Path("/proc/sys", name)
        if real.exists():
            own.write_text(f"{value}\n", encoding="ascii")
            _run("mount", "--bind", str(own), str(real))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


def loopback_up() -> None:
    """A new network namespace has its loopback down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        (flags,) = struct.unpack("16xh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))
        if not flags & _IFF_UP:
            fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


def _start(command: list[str], log: Path) -> int:
    with log.open("ab") as output:
        return subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True).pid


if __name__ == "__main__":
    main(Path(sys.argv[1]))
