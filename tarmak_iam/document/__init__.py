"""YAML and strict JSON documents: nodes with positions, lossless edits, atomic files."""

from tarmak_iam.document.document import Document
from tarmak_iam.errors import EditRefused

__all__ = ["Document", "EditRefused"]
