"""A cluster's mappings file and its entries, in the authenticator's own format."""

from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.mappings.merging import MergeOutcome, Wanted

__all__ = ["MAPPINGS_NAME", "MappingEntry", "Mappings", "MergeOutcome", "Wanted"]
