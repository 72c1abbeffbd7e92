"""Network namespaces with nothing but loopback, and ports of one that lead to the same port of another."""

from __future__ import annotations

import ctypes
import os
import select
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.node.inside import loopback_up

__all__ = ["HERE", "isolated", "led"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
HERE = Path("/proc/self/ns/net")


@contextmanager
def isolated() -> Iterator[None]:
    """This process and all that it starts then, in a network of their own, from which nothing leads outside.

    The authenticator listens at 21363 of every address, whatever its configuration is: no other may be in the way.
    """
    before = os.open(HERE, os.O_RDONLY)
    try:
        _checked(_LIBC.unshare(_CLONE_NEWNET))
        loopback_up()
        yield
    finally:
        _set_namespace(before)
        os.close(before)


@contextmanager
def led(port: int, *, listening: Path, connecting: Path) -> Iterator[None]:
    """Who connects to 127.0.0.1:`port` in the namespace `listening` gets to that port in `connecting`.

    Both are files as /proc/PID/ns/net.
    """
    with ThreadPoolExecutor(1) as thread_of_its_own:  # the main thread stays where it is, for /proc/self
        server = thread_of_its_own.submit(_listen, port, listening).result()
    with server:
        thread = threading.Thread(target=_serve, args=(server, port, connecting), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)  # ends accept()
            thread.join()


def _listen(port: int, namespace: Path) -> socket.socket:
    with _within(namespace):
        return socket.create_server(("127.0.0.1", port))


@contextmanager
def _within(namespace: Path) -> Iterator[None]:
    """This thread alone; a socket stays in the namespace in which it was made."""
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _enter(namespace)
        yield
    finally:
        try:
            _set_namespace(before)
        finally:
            os.close(before)


def _enter(namespace: Path) -> None:
    opened = os.open(namespace, os.O_RDONLY)
    try:
        _set_namespace(opened)
    finally:
        os.close(opened)


def _set_namespace(descriptor: int) -> None:
    _checked(_LIBC.setns(descriptor, _CLONE_NEWNET))


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _serve(server: socket.socket, port: int, connecting: Path) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_lead, args=(client, port, connecting), daemon=True).start()


def _lead(client: socket.socket, port: int, connecting: Path) -> None:
    with client, suppress(OSError):
        with _within(connecting):
            upstream = socket.create_connection(("127.0.0.1", port))
        with upstream:
            _relay(client, upstream)


def _relay(one: socket.socket, other: socket.socket) -> None:
    peers = {one: other, other: one}
    while peers:
        for ready in select.select(list(peers), [], [])[0]:
            data = ready.recv(65536)
            if data:
                peers[ready].sendall(data)
            else:
                return
