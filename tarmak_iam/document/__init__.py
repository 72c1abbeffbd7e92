"""Read and edit YAML and strict JSON documents: nodes with positions, lossless edits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tarmak_iam.plugins import lazy_exports

if TYPE_CHECKING:
    from tarmak_iam.document.document import Document
    from tarmak_iam.document.edits import Append, Edit, Insert, Move, Remove, Rename, Set
    from tarmak_iam.errors import EditRefused
else:
    __getattr__, __dir__ = lazy_exports(
        __name__,
        {
            ".edits": "Append Edit Insert Move Remove Rename Set",
            ".document": "Document",
            "tarmak_iam.errors": "EditRefused",
        },
    )

__all__ = ["Append", "Document", "Edit", "EditRefused", "Insert", "Move", "Remove", "Rename", "Set"]
