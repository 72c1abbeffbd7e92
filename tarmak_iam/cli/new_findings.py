"""What `check` finds in the mappings after a change, and did not find before."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tarmak_iam.errors import EditRefused, TarmakIamError
from tarmak_iam.findings import Severity, Subject
from tarmak_iam.installation import Installation
from tarmak_iam.lint import Located, Subjects, check

__all__ = ["NewFindings"]

# Lines and sizes, which an edit changes in what was found before.
_NUMBER = re.compile(r"[0-9][0-9,]*")


@dataclass(frozen=True, slots=True)
class NewFindings:
    """`unknown`: why nothing can be said, as where a plugin's rule fails; empty where there is no such reason."""

    found: tuple[Located, ...] = ()
    unknown: str = ""

    @classmethod
    def of(cls, before: Installation, after: Installation) -> NewFindings:
        """Raises nothing: what cannot be checked forbids nothing."""
        try:
            return cls(tuple(_new(_findings(before), _findings(after))))
        except TarmakIamError as error:
            return cls(unknown=error.message)

    @property
    def lines(self) -> list[str]:
        """A slip is best reported where it is made."""
        return [*map(str, self.found), *([f"not checked: {self.unknown}"] if self.unknown else ())]

    def refuse_errors(self) -> None:
        """Raises EditRefused for the first of those that are errors. Its place is left out: its lines are those of a
        text that is not written."""
        errors = [each.finding for each in self.found if each.finding.severity is Severity.ERROR]
        if errors:
            more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
            raise EditRefused(
                f"{errors[0].text} [{errors[0].id}]{more}; nothing was changed", remedy="--force writes it all the same"
            )


def _new(before: Iterable[Located], after: Iterable[Located]) -> Iterator[Located]:
    known = Counter(map(_constant, before))
    for each in after:
        key = _constant(each)
        if known[key]:
            known[key] -= 1
        else:
            yield each


def _constant(located: Located) -> tuple[str, str]:
    return located.finding.id, _NUMBER.sub("#", located.finding.message)


def _findings(installation: Installation) -> list[Located]:
    found = check(Subjects(mappings=installation.mappings, installation=installation))
    return [each for each in found if each.finding.subject is Subject.MAPPINGS]
