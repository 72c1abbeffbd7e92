"""What several rules say in the same words."""

from __future__ import annotations

from dataclasses import replace

from tarmak_iam.admin_access import NOT_EXAMINED
from tarmak_iam.command_line import PLAIN
from tarmak_iam.document import Document
from tarmak_iam.findings import Finding
from tarmak_iam.installation import Installation
from tarmak_iam.lint.entries import Entry

__all__ = ["IMPORT", "MAP", "early_end", "for_admins", "of_cluster", "way_in"]

MAP = PLAIN.tarmak_iam("map")
"""How commands begin that rules name which see the mappings alone; `of_cluster` makes them the cluster's own."""
IMPORT = f"{MAP} import"


def way_in(installation: Installation | None = None) -> str:
    """What every message about a lock-out says of the admin certificate; a rule that sees the mappings alone cannot
    know it."""
    return installation.admin_access.text if installation else NOT_EXAMINED


def of_cluster(finding: Finding, installation: Installation) -> Finding:
    """What a rule finds that sees the mappings alone, with what was found of the cluster's admin certificate, and with
    the cluster's own command."""
    message = finding.message
    if NOT_EXAMINED in message:
        message = message.replace(NOT_EXAMINED, way_in(installation))
    return replace(finding, message=message, remedy=finding.remedy.replace(MAP, installation.command("map")))


def for_admins(entry: Entry, what: str, installation: Installation | None = None) -> str:
    """The message, and what was found of the way back where the entry was to let an admin in."""
    return f"{what}; {way_in(installation)}" if entry.is_admin else what


def early_end(document: Document) -> tuple[str, str] | None:
    """Why go-yaml stops in the middle of a file, and what to do; None where it reads all, or up to a marker."""
    if not document.ends_early or document.root is None or document.next_document is None:
        return None
    column, first = document.next_document.column or 0, document.place(document.root).column or 0
    if column < first:
        return "this line is indented less than the first key", "begin all top-level keys in the same column"
    return "the text before it is complete", "remove it, or put it before the closing bracket or quote"
