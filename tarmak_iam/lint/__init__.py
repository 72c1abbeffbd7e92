"""Rules: is it right, and is it safe? Findings are values; printing is somebody else's business."""

from tarmak_iam.lint.check import RULES, check, place_of
from tarmak_iam.lint.rule import Rule, Scope, Subjects

__all__ = ["RULES", "Rule", "Scope", "Subjects", "check", "place_of"]
