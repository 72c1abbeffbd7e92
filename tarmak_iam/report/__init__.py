"""The access review: who can get into which cluster, as whom, by which entry, and what they may do there."""
