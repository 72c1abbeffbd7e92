"""A network namespace with nothing but loopback."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.node.inside import loopback_up

__all__ = ["isolated"]

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_HERE = Path("/proc/self/ns/net")


@contextmanager
def isolated() -> Iterator[None]:
    """This process and all that it starts then, in a network of their own, from which nothing leads outside.

    The authenticator listens at 21363 of every address, whatever its configuration is: no other may be in the way.
    """
    before = os.open(_HERE, os.O_RDONLY)
    try:
        _checked(_LIBC.unshare(_CLONE_NEWNET))
        loopback_up()
        yield
    finally:
        _set_namespace(before)
        os.close(before)


def _set_namespace(descriptor: int) -> None:
    _checked(_LIBC.setns(descriptor, _CLONE_NEWNET))


def _checked(result: int) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
