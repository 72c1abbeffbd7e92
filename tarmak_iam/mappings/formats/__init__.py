"""The mapping formats of other tools, read into entries and written from entries, as plain data."""

from tarmak_iam.mappings.formats.conversion import (
    FORMATS,
    SECTIONS,
    Conversion,
    Import,
    as_mappings,
    backend_objects,
    convert_mappings,
    deciding,
    read_mappings,
)
from tarmak_iam.mappings.formats.foreign_file import LeftOut

__all__ = [
    "FORMATS",
    "SECTIONS",
    "Conversion",
    "Import",
    "LeftOut",
    "as_mappings",
    "backend_objects",
    "convert_mappings",
    "deciding",
    "read_mappings",
]
