"""Other tools' mapping formats: read into entries, and written from entries, as plain data."""

from tarmak_iam.identity.formats.converting import CONVERTIBLE, Conversion, as_mappings, convert, deciding
from tarmak_iam.identity.formats.found import LeftOut, Shadowed
from tarmak_iam.identity.formats.reading import FORMATS, Import, read_mappings

__all__ = [
    "CONVERTIBLE",
    "FORMATS",
    "Conversion",
    "Import",
    "LeftOut",
    "Shadowed",
    "as_mappings",
    "convert",
    "deciding",
    "read_mappings",
]
