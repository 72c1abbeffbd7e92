"""The findings of `check` that an edit of the mappings adds, or a mapping."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from tarmak_iam.errors import PolicyRefused, TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation.installation import Installation
from tarmak_iam.lint.check import check, findings_with
from tarmak_iam.lint.rule import Subjects
from tarmak_iam.lint.rule_run import Located

_NUMBER = re.compile(r"[0-9][0-9,]*")


class NewFindings(NamedTuple):
    """`why_unchecked`: why nothing could be checked, such as a plugin's rule that fails; else empty."""

    found: tuple[Located, ...] = ()
    why_unchecked: str = ""

    @classmethod
    def of(cls, before: Installation, after: Installation) -> NewFindings:
        """Raises nothing: an edit is not refused because it cannot be checked."""
        try:
            found = _of_mappings(check(_subjects(after)))
            if not found:
                return cls()
            known = findings_with({each.finding.id for each in found}, _subjects(before))
            return cls(tuple(added_findings(_of_mappings(known), found)))
        except TarmakIamError as error:
            return cls(why_unchecked=error.message)

    @classmethod
    def of_mapping(cls, installation: Installation, principal: str) -> NewFindings:
        """The findings that the mapping of a principal adds to those of the other mappings."""
        assert installation.mappings is not None  # it maps the principal
        others = replace(installation, mappings=installation.mappings.remove(principal))
        return cls.of(others, installation)

    @property
    def lines(self) -> list[str]:
        """The notes to print after the edit."""
        return [*map(str, self.found), *([f"not checked: {self.why_unchecked}"] if self.why_unchecked else ())]

    def refuse_errors(self) -> None:
        """Raises PolicyRefused for the first error among them, without its place: the line is one of a text that is not
        written."""
        errors = [each.finding for each in self.found if each.finding.severity is Severity.ERROR]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise PolicyRefused(
                f"{errors[0].text} [{errors[0].id}]{more}; nothing was changed", remedy="use --force to write it anyway"
            )


def added_findings(before: Iterable[Located], after: Iterable[Located]) -> Iterator[Located]:
    """The findings that are not among those before; line numbers and places are not compared, since an edit changes
    them."""
    known = Counter(map(finding_key, before))
    for each in after:
        key = finding_key(each)
        if known[key]:
            known[key] -= 1
        else:
            yield each


def finding_key(located: Located) -> tuple[str, str]:
    """The same for a finding before and after edits of other lines, whichever of several has the consequence of all."""
    found = located.finding
    alone = replace(found, consequence="", recovery=None) if found.consequence else found
    return found.id, without_numbers(alone.message)


def without_numbers(text: str) -> str:
    """Line numbers and sizes in the messages of old findings: an edit changes them."""
    return _NUMBER.sub("#", text)


def _subjects(installation: Installation) -> Subjects:
    return Subjects(mappings=installation.mappings, installation=installation)


def _of_mappings(found: Iterable[Located]) -> list[Located]:
    return [each for each in found if each.finding.subject is Subject.MAPPINGS]
