"""SARIF 2.1.0 (OASIS standard, sections in brackets): what code scanning and editors read."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, metadata
from typing import Any

from tarmak_iam._version import __version__
from tarmak_iam.cli.console import print_json
from tarmak_iam.cli.formats import BaseDirectory, CheckReport, OfferedFix, RuleDescription, TextChange
from tarmak_iam.errors import Place
from tarmak_iam.patterns import compiled

Json = dict[str, Any]

FINGERPRINT = "tarmakIamFinding/v1"
"""Our own name: GitHub's upload computes `primaryLocationLineHash` itself, and another value would conflict."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_WORD = compiled(r"[^\W_]+")
_REMEDY = compiled(r"^## Remedy\n+(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def print_sarif(report: CheckReport) -> None:
    print_json(_log(report, BaseDirectory.of_repository(os.environ), _project_url()))


def _project_url() -> str | None:
    """The home page; None if the distribution has none, or the package is not installed."""
    try:
        found = metadata("tarmak-iam")
    except PackageNotFoundError:
        return None
    homes = [*(found.get_all("Home-page") or [])]
    homes += [each.partition(",")[2].strip() for each in found.get_all("Project-URL") or [] if _is_home(each)]
    return homes[0] if homes else None


def _is_home(project_url: str) -> bool:
    return project_url.partition(",")[0].strip().lower() in ("homepage", "home", "source", "repository")


def _log(report: CheckReport, base: BaseDirectory, project: str | None) -> Json:
    """The whole log, the same for the same input. `project` is the address of the program's own pages."""
    fired = {each.finding.id for each in report.results}
    rules = [each for each in report.rules() if each.id in fired]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules, project)},
                "invocations": [_invocation(report, base)],
                "columnKind": "unicodeCodePoints",  # [3.14.17] as places here count them
                "newlineSequences": ["\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"],  # [3.14.18] YAML 1.1's
                "results": list(_results(report, [each.id for each in rules], base)),
            }
        ],
    }


def _driver(rules: Iterable[RuleDescription], project: str | None) -> Json:
    address = {"informationUri": project} if project else {}
    described = [_rule(each, _page_url(each, project)) for each in rules]
    return {"name": "tarmak-iam", "version": __version__, **address, "rules": described}


def _page_url(rule: RuleDescription, project: str | None) -> str:
    """The page of this release in the repository; empty if the repository is not known."""
    home = (project or "").rstrip("/")
    is_known = rule.path and home.startswith("https://github.com/")
    return f"{home}/blob/v{__version__}/{rule.path}" if is_known else ""


def _rule(rule: RuleDescription, url: str) -> Json:
    why = rule.page.partition("\n## ")[0].strip()
    remedy = _REMEDY.search(rule.page)
    plain = "\n\n".join([*([why] if why else []), *([remedy[1].strip()] if remedy else [])])
    return {
        "id": rule.id,
        "name": _rule_name(rule.summary),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": " ".join(why.split()) or rule.summary},
        "help": {"text": plain or rule.summary, **({"markdown": rule.page.strip()} if rule.page else {})},
        **({"helpUri": url} if url else {}),
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _rule_name(summary: str) -> str:
    """The summary in PascalCase, as SARIF recommends for names of rules."""
    words = _WORD.findall(summary.removeprefix("a ").removeprefix("an ").removeprefix("the ").replace("'s", "s"))
    return "".join(word[0].upper() + word[1:] for word in words)


def _invocation(report: CheckReport, base: BaseDirectory) -> Json:
    """[3.20.14] is false if something could not be checked; the notifications [3.20.21] say what."""
    notifications = [
        {
            "level": "error",
            "message": {"text": each.message},
            **({"locations": [_location(each.place, base)]} if each.place else {}),
        }
        for each in report.errors
    ]
    return {
        "executionSuccessful": report.is_complete and not notifications,
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }


def _results(report: CheckReport, ids: list[str], base: BaseDirectory) -> Iterable[Json]:
    seen: Counter[str] = Counter()
    for each in report.results:
        finding = each.finding
        uri, _ = base.uri(each.place.filename)
        constant = "\n".join((finding.id, uri, *each.fingerprint_parts, report.line_of(each.place).strip()))
        print_ = hashlib.sha256(constant.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[print_] += 1
        # [3.52]; an empty list means that it is not suppressed [3.27.23]
        suppressed = [] if each.suppression is None else [_suppression(each.suppression)]
        yield {
            "ruleId": finding.id,
            **({"ruleIndex": ids.index(finding.id)} if finding.id in ids else {}),
            "level": str(finding.severity),
            "message": {"text": finding.text},
            "locations": [_location(each.place, base)],
            "partialFingerprints": {FINGERPRINT: f"{print_}:{seen[print_]}"},
            "suppressions": suppressed,
            **_fixes(each.fix, base),
        }


def _fixes(fix: OfferedFix | None, base: BaseDirectory) -> Json:
    """[3.27.30]; nothing for a fix that cannot be made, or whose changes are too long for a report."""
    changes = fix.shown_changes if fix is not None else ()
    return {"fixes": [_fix(fix, changes, base)]} if fix is not None and changes else {}


def _fix(fix: OfferedFix, changes: Sequence[TextChange], base: BaseDirectory) -> Json:
    """[3.55], with the replacements [3.57] of the one file that it changes."""
    files = dict.fromkeys(each.filename for each in changes)
    return {
        "description": {
            "text": fix.title if fix.is_safe else f"{fix.title} (unsafe: changes access or what Tarmak uses)"
        },
        "artifactChanges": [
            {
                "artifactLocation": _artifact(name, base),
                "replacements": [_replacement(each) for each in changes if each.filename == name],
            }
            for name in files
        ],
    }


def _replacement(change: TextChange) -> Json:
    (line, column), (end_line, end_column) = change.start, change.end
    region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    inserted = {"insertedContent": {"text": change.text}} if change.text else {}  # [3.57.4]
    return {"deletedRegion": region, **inserted}


def _artifact(filename: str, base: BaseDirectory) -> Json:
    uri, is_below = base.uri(filename)
    return {"uri": uri, **({"uriBaseId": _ROOT} if is_below else {})}


def _suppression(reason: str) -> Json:
    return {"kind": "inSource", "status": "accepted", **({"justification": reason} if reason else {})}


def _location(place: Place, base: BaseDirectory) -> Json:
    physical: Json = {"artifactLocation": _artifact(place.filename, base)}
    if place.line is not None:
        column = {"startColumn": place.column} if place.column is not None else {}
        physical["region"] = {"startLine": place.line, **column}
    return {"physicalLocation": physical}
