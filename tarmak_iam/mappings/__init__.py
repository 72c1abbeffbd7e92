"""The mappings file of a cluster and its entries, in the format of the authenticator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.mappings.entries import MappingEntry
    from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
    from tarmak_iam.mappings.merging import MergeOutcome, Wanted
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {".mappings_file": "MAPPINGS_NAME Mappings", ".entries": "MappingEntry", ".merging": "MergeOutcome Wanted"},
    )

__all__ = ["MAPPINGS_NAME", "MappingEntry", "Mappings", "MergeOutcome", "Wanted"]
