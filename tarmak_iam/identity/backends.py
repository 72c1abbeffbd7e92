"""The backends of a configuration, loaded in the order in which the daemon asks them."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping as AnyMapping

from tarmak_iam.errors import Place
from tarmak_iam.identity.daemon_config import DaemonConfig
from tarmak_iam.identity.mounted_file import load_mounted_file
from tarmak_iam.identity.refusal import NotStarted
from tarmak_iam.identity.table import Table
from tarmak_iam.routes import Route

__all__ = ["load_tables"]


def load_tables(
    config: DaemonConfig, files: AnyMapping[str, str], place: Callable[[Route | None], Place | None]
) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """The tables, and what should be known about them. Raises NotStarted. `place` is the configuration's."""
    del files
    mounted = load_mounted_file(config, place)
    for backend in config.backends:
        if backend != "MountedFile":
            raise NotStarted(f"the backend {backend} reads its mappings elsewhere, which is not supported yet")
    return (mounted,), ()
