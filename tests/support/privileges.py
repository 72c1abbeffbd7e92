"""Modes of files hold for root as well, for tests of what may not be written."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3 of linux/capability.h: two sets of 32 bits each
_OVERRIDES = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH


@contextmanager
def modes_hold() -> Iterator[None]:
    """Root goes without the capabilities that override modes, in this thread; for anybody else there is nothing to do.

    Another user would need to reach the test's directory, the checkout and Python, which root may keep to itself.
    """
    if os.geteuid() != 0:
        yield
        return
    if sys.platform != "linux":
        pytest.skip("only Linux takes from root what overrides modes")
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_VERSION, 0)
    had = (ctypes.c_uint32 * 6)()  # twice effective, permitted, inheritable
    _succeeds(libc.capget(header, had))
    _succeeds(libc.capset(header, (ctypes.c_uint32 * 6)(had[0] & ~_OVERRIDES, *had[1:])))
    try:
        yield
    finally:
        _succeeds(libc.capset(header, had))


def _succeeds(code: int) -> None:
    if code != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
