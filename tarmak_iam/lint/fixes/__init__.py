"""The fixes of the built-in rules, by the ID of the rule."""

from __future__ import annotations

from tarmak_iam.lint.fixes.comment_fixes import COMMENT_FIXES
from tarmak_iam.lint.fixes.config_fixes import CONFIG_FIXES
from tarmak_iam.lint.fixes.daemon_fixes import DAEMON_FIXES
from tarmak_iam.lint.fixes.entry_fixes import ENTRY_FIXES
from tarmak_iam.lint.fixes.key_fixes import KEY_FIXES
from tarmak_iam.lint.fixes.name_fixes import NAME_FIXES
from tarmak_iam.lint.fixes.principal_fixes import PRINCIPAL_FIXES
from tarmak_iam.lint.rule import FixMaker

BUILT_IN_FIXES: dict[str, FixMaker] = {
    **CONFIG_FIXES,
    **PRINCIPAL_FIXES,
    **ENTRY_FIXES,
    **KEY_FIXES,
    **NAME_FIXES,
    **DAEMON_FIXES,
    **COMMENT_FIXES,
}
