"""A directory that artifacts are written to: only what was written there before is replaced or removed."""

from tarmak_iam.directory.planning import Action, Plan, Step, plan
from tarmak_iam.directory.record import RECORD_NAME, Record
from tarmak_iam.directory.writing import carry_out

__all__ = ["RECORD_NAME", "Action", "Plan", "Record", "Step", "carry_out", "plan"]
