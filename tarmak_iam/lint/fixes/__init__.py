"""The fixes of the built-in rules, by the ID of the rule."""

from __future__ import annotations

from tarmak_iam.lint.fixes.config_fixes import CONFIG_FIXES
from tarmak_iam.lint.fixes.mapping_fixes import MAPPING_FIXES
from tarmak_iam.lint.rule import FixMaker

BUILT_IN_FIXES: dict[str, FixMaker] = {**CONFIG_FIXES, **MAPPING_FIXES}
