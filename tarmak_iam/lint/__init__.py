"""Rules that check tarmak.yaml, the mappings and the settings of a cluster. Findings are values; `cli` prints them."""

from tarmak_iam.lint.check import RULES, Located, Report, all_rules, check, examine
from tarmak_iam.lint.rule import Rule, Scope, Subjects

__all__ = ["RULES", "Located", "Report", "Rule", "Scope", "Subjects", "all_rules", "check", "examine"]
