"""The checks before an edit of the mappings is written: whether the authenticator starts, lock-outs, and findings."""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.access.diff import Effect, Loaded, effects
from tarmak_iam.access.lockout import check_admin_access, check_starts
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.new_findings import NewFindings
from tarmak_iam.mappings.mappings_file import Mappings


def guarded_edit(
    before: Installation, after: Mappings, *, me: str | None, force: bool, removes: bool
) -> tuple[list[Effect], NewFindings]:
    """Who gains and who loses access by the mappings `after`, and the new findings. `removes`: the edit only removes
    entries, and may repair a file with which the authenticator does not start; its findings are not computed.

    Raises ConfigError if the authenticator would not start. Unless `force`, raises PolicyRefused for a new finding that
    is an error, and if the last admin, a node role or the caller `me` would lose access.
    """
    now, then = Loaded.of(before), Loaded.of(replace(before, mappings=after))
    check_starts(now, then, repairs=removes)
    if not force:
        check_admin_access(now, then, me)
    new = NewFindings() if removes else NewFindings.of(now.installation, then.installation)
    if not force:
        new.refuse_errors()
    return list(effects(now, then)), new
