"""The modules that `make mutants` changes, and the tests that should notice it."""

from __future__ import annotations

WANTED = 85.0
"""Per cent that should be killed of each; a part of the rest are changes that make no difference."""

_APPLY = ("tests/hook/test_apply_plan.py", "tests/hook/test_apply.py", "tests/hook/test_conflicts.py")

CHECKED: dict[str, tuple[str, ...]] = {
    "document/edit_batch": ("tests/document/test_edits.py", "tests/document/test_update.py"),
    "config/cluster_validation": ("tests/config/test_cluster_issues.py", "tests/config/test_goldens.py"),
    "identity/templates": ("tests/identity/test_templates.py", "tests/identity/test_goldens.py"),
    "identity/token_review": ("tests/identity",),
    "mappings/merging": ("tests/mappings/test_merge_plan.py", "tests/mappings/test_mappings_file.py"),
    "access/lockout": ("tests/access",),
    "token/make": ("tests/token",),
    "token/inspection": ("tests/token",),
    "pki/certificates": ("tests/pki/test_certificates.py",),
    "hook/cluster/apply_plan": _APPLY,
    "hook/cluster/object_fields": ("tests/hook/test_object_fields.py", "tests/hook/test_overlay.py", *_APPLY),
}
