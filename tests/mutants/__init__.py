"""The modules that `make mutants` changes, and the tests that should notice it."""

from __future__ import annotations

from tests.support import ROOT

WANTED = 85.0
"""Per cent that should be killed of each; a part of the rest are changes that make no difference."""

RANDOM = "document/test_random_edits.py::test_edits_of_generated_documents"

CHECKED: dict[str, tuple[str, ...]] = {
    "document/blocks": ("document/test_survey.py", "document/test_windows.py", "document/test_edits.py"),
    "document/engine": ("document/test_batches.py", "document/test_edits.py", "document/test_update.py", RANDOM),
    "document/proof": ("document/test_edits.py", "document/test_update.py", RANDOM),
    "document/windows": ("document/test_edits.py", "document/test_update.py", RANDOM),
    "config/cluster_validation": (
        "config/test_cluster_issues.py",
        "config/test_cluster_versions.py",
        "config/test_environment_validation.py",
        "lint/test_cases.py::test_case",
        "lint/test_region_rules.py",
    ),
    "identity/templates": ("identity/test_template_texts.py",),
    "identity/token_review": (
        "identity/test_cases.py",
        "identity/test_authenticator.py",
        "identity/test_goldens.py",
    ),
    "mappings/merging": ("mappings/test_merge_plan.py", "mappings/test_mappings_file.py"),
    "access/lockout": (),
    "token/make": (),
    "token/inspection": ("token/test_reasons.py", "token/test_refusals.py"),
    "pki/certificates": (),
    "hook/cluster/object_fields": ("hook/test_object_fields.py",),
}
"""By module the tests besides its own, which are called as it is."""


def selection(module: str) -> list[str]:
    room, name = module.split("/", maxsplit=1)[0], module.rsplit("/", maxsplit=1)[-1]
    listed = [f"{room}/test_{name}.py", *CHECKED[module]]
    return [f"tests/{each}" for each in listed if ROOT.joinpath("tests", each.partition("::")[0]).exists()]
