"""SARIF 2.1.0 (OASIS standard, sections in brackets): what code scanning and editors read."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.formats import CheckReport, base_directory, path_below
from tarmak_iam.errors import Place
from tarmak_iam.lint.rule import page_of
from tarmak_iam.plugins import __version__

if TYPE_CHECKING:
    from tarmak_iam.doctor.checks import Check
    from tarmak_iam.lint.fixing import FixableFinding
    from tarmak_iam.lint.rule import Rule

Json = dict[str, Any]
FINGERPRINT = "tarmakIamFinding/v1"
"""Our own name: GitHub's upload computes `primaryLocationLineHash` itself, and another value would conflict."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_REMEDY = r"(?ms)^## Remedy\n+(.*?)(?=^## |\Z)"


def print_sarif(report: CheckReport) -> None:
    """The whole log, the same for the same input."""
    base = base_directory(in_repository=True)
    fired = {result.finding.id for result in report.results}
    rules = sorted((rule for rule in report.rules if rule.id in fired), key=lambda rule: rule.id)
    notifications = []
    for error in report.errors:
        where = {"locations": [_location(error.place, base)]} if error.place else {}
        notifications.append({"level": "error", "message": {"text": error.message}, **where})
    driver = {"name": "tarmak-iam", "version": __version__, "rules": [_rule(rule) for rule in rules]}
    # [3.20.14] is false if something could not be checked; the notifications [3.20.21] say what.
    invocation = {
        "executionSuccessful": report.is_complete and not notifications,
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }
    run = {
        "tool": {"driver": driver},
        "invocations": [invocation],
        "columnKind": "unicodeCodePoints",  # [3.14.17] as places here count them
        "newlineSequences": ["\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"],  # [3.14.18] YAML 1.1's
        "results": list(_results(report, [rule.id for rule in rules], base)),
    }
    print_json({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: Rule | Check) -> Json:
    page = page_of(rule.id)  # empty for those of doctor and of plugins
    why = page.partition("\n## ")[0].strip()
    remedy = re.search(_REMEDY, page)
    plain = "\n\n".join([*([why] if why else []), *([remedy[1].strip()] if remedy else [])])
    # The name is the summary in PascalCase, as SARIF recommends.
    summary = rule.summary.removeprefix("a ").removeprefix("an ").removeprefix("the ").replace("'s", "s")
    words = re.findall(r"[^\W_]+", summary)
    return {
        "id": rule.id,
        "name": "".join(word[0].upper() + word[1:] for word in words),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": " ".join(why.split()) or rule.summary},
        "help": {"text": plain or rule.summary, **({"markdown": page.strip()} if page else {})},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _results(report: CheckReport, ids: list[str], base: Path) -> Iterable[Json]:
    seen: Counter[str] = Counter()
    for result in report.results:
        finding, reason = result.finding, result.suppression
        uri = artifact(result.place.filename, base)["uri"]
        constant = "\n".join((finding.id, uri, *result.fingerprint_parts, report.line_of(result.place).strip()))
        print_ = hashlib.sha256(constant.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[print_] += 1
        suppression = {"kind": "inSource", "status": "accepted", **({"justification": reason} if reason else {})}
        yield {
            "ruleId": finding.id,
            **({"ruleIndex": ids.index(finding.id)} if finding.id in ids else {}),
            "level": str(finding.severity),
            "message": {"text": finding.text},
            "locations": [_location(result.place, base)],
            "partialFingerprints": {FINGERPRINT: f"{print_}:{seen[print_]}"},
            # [3.52]; an empty list means that it is not suppressed [3.27.23]
            "suppressions": [] if reason is None else [suppression],
            **_fixes(report, result.fix, base),
        }


def _fixes(report: CheckReport, fix: FixableFinding | None, base: Path) -> Json:
    """[3.27.30, 3.55], with replacements [3.57]. None if they cannot be made, or are too long for a report."""
    changes = report.changes_of(fix) if fix is not None else None
    if fix is None or not changes:
        return {}
    replacements: dict[str, list[Json]] = {}
    for change in changes:
        region = {"startLine": change["line"], "startColumn": change["column"]}
        region |= {key: change[key] for key in ("endLine", "endColumn")}
        inserted = {"insertedContent": {"text": change["text"]}} if change["text"] else {}  # [3.57.4]
        replacements.setdefault(change["file"], []).append({"deletedRegion": region, **inserted})
    title = fix.fix.title if fix.is_safe else f"{fix.fix.title} (unsafe: changes access or what Tarmak uses)"
    files = [{"artifactLocation": artifact(name, base), "replacements": made} for name, made in replacements.items()]
    return {"fixes": [{"description": {"text": title}, "artifactChanges": files}]}


def artifact(filename: str, base: Path) -> Json:
    below = path_below(base, filename)
    if below is None:  # a file elsewhere has an absolute URI
        return {"uri": f"file://{quote(os.fsencode(os.path.abspath(filename)))}"}
    return {"uri": quote(os.fsencode(below)), "uriBaseId": "%SRCROOT%"}


def _location(place: Place, base: Path) -> Json:
    physical: Json = {"artifactLocation": artifact(place.filename, base)}
    if place.line is not None:
        column = {"startColumn": place.column} if place.column is not None else {}
        physical["region"] = {"startLine": place.line, **column}
    return {"physicalLocation": physical}
