"""Rules: is it right, and is it safe? Findings are values; printing is somebody else's business."""

from tarmak_iam.lint.check import RULES, Located, all_rules, check
from tarmak_iam.lint.rule import Rule, Scope, Subjects

__all__ = ["RULES", "Located", "Rule", "Scope", "Subjects", "all_rules", "check"]
