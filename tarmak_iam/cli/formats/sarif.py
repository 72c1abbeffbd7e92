"""SARIF 2.1.0 (OASIS standard, sections in brackets): what code scanning and editors read."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from tarmak_iam._version import __version__
from tarmak_iam.cli.formats import BaseDirectory, CheckReport, FindingResult, RuleDescription
from tarmak_iam.errors import Place, TarmakIamError

Json = dict[str, Any]

FINGERPRINT = "tarmakIamFinding/v1"
"""Ours; `primaryLocationLineHash` is what GitHub's upload computes itself, and would find different."""

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT = "%SRCROOT%"
_WORD = re.compile(r"[^\W_]+")
_REMEDY = re.compile(r"^## Remedy\n+(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)


def sarif_log(
    report: CheckReport, base: BaseDirectory, line_of: Callable[[Place], str], project: str | None = None
) -> Json:
    """The whole log, the same for the same input. `line_of` gives the text at a place; `project` is the address of
    the program's own pages."""
    fired = {each.id for each in report.results}
    rules = [each for each in report.rules if each.id in fired]
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(rules, project)},
                "invocations": [_invocation(report.errors, base)],
                "columnKind": "unicodeCodePoints",  # [3.14.17] as places here count them
                "newlineSequences": ["\r\n", "\n", "\r", "\u0085", "\u2028", "\u2029"],  # [3.14.18] YAML 1.1's
                "results": list(_results(report.results, [each.id for each in rules], base, line_of)),
            }
        ],
    }


def _driver(rules: Iterable[RuleDescription], project: str | None) -> Json:
    address = {"informationUri": project} if project else {}
    return {"name": "tarmak-iam", "version": __version__, **address, "rules": [_rule(each) for each in rules]}


def _rule(rule: RuleDescription) -> Json:
    why = rule.page.partition("\n## ")[0].strip()
    remedy = _REMEDY.search(rule.page)
    plain = "\n\n".join([*([why] if why else []), *([remedy[1].strip()] if remedy else [])])
    return {
        "id": rule.id,
        "name": _rule_name(rule.summary),
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": " ".join(why.split()) or rule.summary},
        "help": {"text": plain or rule.summary, **({"markdown": rule.page.strip()} if rule.page else {})},
        **({"helpUri": rule.url} if rule.url else {}),
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _rule_name(summary: str) -> str:
    """One word, each of its parts in a capital letter, as rules are called there."""
    words = _WORD.findall(summary.removeprefix("a ").removeprefix("an ").removeprefix("the ").replace("'s", "s"))
    return "".join(word[0].upper() + word[1:] for word in words)


def _invocation(errors: Iterable[TarmakIamError], base: BaseDirectory) -> Json:
    """[3.20.14] is false where something could not be looked at, which the notifications [3.20.21] then say."""
    notifications = [
        {
            "level": "error",
            "message": {"text": each.message},
            **({"locations": [_location(each.place, base)]} if each.place else {}),
        }
        for each in errors
    ]
    return {
        "executionSuccessful": not notifications,
        **({"toolExecutionNotifications": notifications} if notifications else {}),
    }


def _results(
    results: Iterable[FindingResult], ids: list[str], base: BaseDirectory, line_of: Callable[[Place], str]
) -> Iterable[Json]:
    seen: Counter[str] = Counter()
    for each in results:
        uri, _ = base.uri(each.place.filename)
        constant = "\n".join((each.id, uri, *each.fingerprint_parts, line_of(each.place).strip()))
        print_ = hashlib.sha256(constant.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        seen[print_] += 1
        # [3.52] where a comment has suppressed it; an empty list says that of the others [3.27.23]
        suppressed = [] if each.suppression is None else [_suppression(each.suppression)]
        yield {
            "ruleId": each.id,
            **({"ruleIndex": ids.index(each.id)} if each.id in ids else {}),
            "level": str(each.severity),
            "message": {"text": each.text},
            "locations": [_location(each.place, base)],
            "partialFingerprints": {FINGERPRINT: f"{print_}:{seen[print_]}"},
            "suppressions": suppressed,
        }


def _suppression(reason: str) -> Json:
    return {"kind": "inSource", "status": "accepted", **({"justification": reason} if reason else {})}


def _location(place: Place, base: BaseDirectory) -> Json:
    uri, is_below = base.uri(place.filename)
    physical: Json = {"artifactLocation": {"uri": uri, **({"uriBaseId": _ROOT} if is_below else {})}}
    if place.line is not None:
        column = {"startColumn": place.column} if place.column is not None else {}
        physical["region"] = {"startLine": place.line, **column}
    return {"physicalLocation": physical}
