"""Which entry of the mappings lets somebody in, and why others let in nobody."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.daemon import kind_of
from tarmak_iam.effects import account_of
from tarmak_iam.errors import Place, TarmakIamError
from tarmak_iam.identity.arn import is_account
from tarmak_iam.identity.caller import identity_of
from tarmak_iam.identity.entries import Listed
from tarmak_iam.identity.model import Grant
from tarmak_iam.identity.reach import Flaw, canonical_text, misfit
from tarmak_iam.installation import Installation
from tarmak_iam.text import quoted

__all__ = ["Entries"]

# Any suffix will do: a permission set's role has one, of sixteen hexadecimal digits.
_SUFFIX = "ffffffffffffffff"


class Entries:
    """The entries of an installation's mappings, by what its daemon makes of them."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        mappings = installation.mappings
        self.all: tuple[Listed, ...] = mappings.entries if mappings else ()
        self._by_place: dict[Place, Listed] = {}
        self._accounts: dict[str, Listed] = {}
        for entry in self.all if mappings else ():
            assert mappings
            if entry.kind == "account":
                self._accounts[entry.arn] = entry
            else:
                self._by_place[mappings.document.position(entry.route)] = entry

    def of(self, grant: Grant) -> Listed | None:
        """The one that gives a grant; of an account that is listed twice the last one."""
        if grant.kind == "account" or grant.is_by_account:
            return self._accounts.get(grant.principal if grant.kind == "account" else account_of(grant))
        return self._by_place.get(grant.place) if grant.place else None

    def idle(self) -> Iterator[tuple[Listed, str]]:
        """Each entry that no principal gets in by, and the reason, in the order that the daemon asks them."""
        loaded = self._installation.loaded
        used = {self.of(each) for grant in loaded.grants for each in (grant, *loaded.alternatives(grant))}
        return ((entry, self._reason(entry)) for entry in self.all if entry not in used)

    def place(self, entry: Listed) -> Place | None:
        mappings = self._installation.mappings
        return mappings.document.position(entry.route) if mappings else None

    def _reason(self, entry: Listed) -> str:
        failure = self._installation.loaded.failure
        if failure is not None:
            return f"the authenticator would not start: {failure.reason}"
        why = self._installation.daemon.uncarried(kind_of(entry))
        if why:
            return why
        if entry.kind == "account":
            return self._of_account(entry)
        if kind_of(entry) == "sso":
            account, _, permission_set = entry.sso.partition("/")
            arn = f"arn:aws:iam::{account}:role/AWSReservedSSO_{permission_set}_{_SUFFIX}"
            return self._decided(entry, Grant("sso", entry.sso, "", (), "")) or self._answered(arn)
        found = misfit(entry.arn) if entry.arn else None
        if not entry.arn or (found is not None and found.flaw is not Flaw.ASSUMED_ROLE):
            return found.what if found is not None else "it names nobody"
        return self._decided(entry, Grant("arn", canonical_text(entry.arn), "", (), "")) or self._answered(entry.arn)

    def _of_account(self, entry: Listed) -> str:
        if not is_account(entry.arn):
            return f"{quoted(entry.arn)} is no account's number: that has twelve digits, and stands in quotes"
        return self._decided(entry, Grant("account", entry.arn, "", (), "")) or "no backend admits accounts"

    def _decided(self, own: Listed, asked: Grant) -> str:
        """Which other entry counts for its principal; empty where none does."""
        grant = self._installation.loaded.grant(asked)
        entry = None if grant is None else self.of(grant)
        place = None if entry is None or entry == own else self.place(entry)
        if place is None:
            return ""
        if entry is not None and entry.kind == "account" and own.kind != "account":
            return f"it does not count; the principal gets in by its account, in line {place.line}"
        return f"the entry in line {place.line} is for the same principal, and counts"

    def _answered(self, arn: str) -> str:
        """What the authenticator would say to such a caller."""
        try:
            return self._installation.loaded.whois(identity_of(arn)).reason
        except TarmakIamError as error:
            return error.what
