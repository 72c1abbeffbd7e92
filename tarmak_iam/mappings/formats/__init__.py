"""The mapping formats of other tools, read into entries and written from entries, as plain data."""

from tarmak_iam.mappings.formats.conversion import (
    FORMATS,
    SECTIONS,
    Import,
    as_mappings,
    convert_mappings,
    read_mappings,
)

__all__ = ["FORMATS", "SECTIONS", "Import", "as_mappings", "convert_mappings", "read_mappings"]
