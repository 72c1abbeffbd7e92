"""Read and edit YAML and strict JSON documents: nodes with positions, lossless edits, atomic file writes."""

from tarmak_iam.document.document import Document
from tarmak_iam.document.edits import Append, Edit, Insert, Remove, Set
from tarmak_iam.errors import EditRefused

__all__ = ["Append", "Document", "Edit", "EditRefused", "Insert", "Remove", "Set"]
