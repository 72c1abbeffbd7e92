"""Checks of the cluster id, which must be one and the same wherever it is said, and of the files that say it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tarmak_iam.errors import Place
from tarmak_iam.findings import Severity
from tarmak_iam.pki.diagnosis import Check
from tarmak_iam.pki.evidence import Evidence
from tarmak_iam.text import quoted

__all__ = ["ID_CHECKS", "cluster_ids"]

Said = Iterator[tuple[Place, str, str]]


class _Id(NamedTuple):
    place: Place
    text: str
    consequence: str = "tokens for one are refused by the other"


def cluster_ids(evidence: Evidence) -> list[_Id]:
    """Who says it, the most trustworthy first: tarmak.yaml, the daemon, the clients, the init unit."""
    found = []
    if evidence.installation is not None:
        found.append(_Id(evidence.installation.place(), evidence.installation.cluster_id))
    found += [_Id(each.place, each.cluster_id) for each in evidence.daemons if each.cluster_id]
    has_flag = bool(found and evidence.daemons and evidence.daemons[0].cluster_id)
    found += [
        _Id(each.id_place, read.cluster_id) for each, read in evidence.configurations if read.cluster_id or not has_flag
    ]
    found += [_Id(each.place, each.cluster_id) for each in evidence.clients]
    unit, init = evidence.tree.init_unit, evidence.init_unit
    word = init.option("-i", "--cluster-id") if init else None
    if unit is not None and word is not None:
        found.append(_Id(unit.at(word.line), word.text, "this master is another cluster's"))
    return found


def _ids_differ(evidence: Evidence) -> Said:
    first, *others = cluster_ids(evidence) or [_Id(Place(""), "")]
    for each in others:
        if each.text != first.text:
            what = f"the cluster id is {quoted(each.text)} here and {quoted(first.text)} in {first.place}"
            yield each.place, f"{what}: {each.consequence}", "write the same id everywhere"


def _broken(evidence: Evidence) -> Said:
    for each in evidence.broken:
        yield each.place, f"it cannot be read: {each.message}", "mend the file, or take it out of the directory"


ID_CHECKS = (
    Check("WEB060", Severity.ERROR, "Two places say different cluster ids.", _ids_differ),
    Check("WEB061", Severity.ERROR, "A manifest, kubeconfig or configuration cannot be read.", _broken),
)
