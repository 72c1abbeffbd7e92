"""The mappings file of a cluster and its entries, in the format of the authenticator."""

from tarmak_iam.mappings.entries import MappingEntry
from tarmak_iam.mappings.mappings_file import MAPPINGS_NAME, Mappings
from tarmak_iam.mappings.merging import MergeOutcome, Wanted

__all__ = ["MAPPINGS_NAME", "MappingEntry", "Mappings", "MergeOutcome", "Wanted"]
