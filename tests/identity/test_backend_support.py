"""Backends as objects: their names, old and new."""

from __future__ import annotations

import pytest

from tarmak_iam.identity.backend_support import (
    BACKEND_SPELLINGS,
    WRITABLE_BACKENDS,
    backend_of,
    current_name,
)
from tarmak_iam.identity.releases import DaemonVersion
from tarmak_iam.installation.settings import choices_of


def test_what_can_be_written_is_what_the_settings_offer() -> None:
    assert choices_of("backends") == WRITABLE_BACKENDS


def test_names_old_and_new() -> None:
    assert [current_name(name) for name in ("File", "ConfigMap", "CRD")] == ["MountedFile", "EKSConfigMap", "CRD"]
    assert backend_of("File") is backend_of("MountedFile")
    assert current_name("mountedfile") == "mountedfile"
    with pytest.raises(KeyError):
        backend_of("mountedfile")


def test_the_first_names_are_those_of_the_first_release() -> None:
    first = DaemonVersion.parse("v0.5.0")
    assert [name for name in BACKEND_SPELLINGS if first.accepts_backend(name)] == ["CRD", "File", "ConfigMap"]
