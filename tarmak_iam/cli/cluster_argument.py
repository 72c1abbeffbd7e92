"""A cluster that somebody gives as an argument: the command line with --current-cluster, which was meant."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

import click

from tarmak_iam.cli.session import Session, session_of
from tarmak_iam.command_line import CommandLine
from tarmak_iam.errors import TarmakIamError
from tarmak_iam.near import closest

__all__ = ["cluster_remedy", "remember_words", "typed_words", "unexpected"]

_WORDS = f"{__name__}.words"
# <environment>-<name>, and neither a path nor an ARN.
_CLUSTER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]*(-[A-Za-z0-9_.]+)+/?", re.ASCII)


def remember_words(context: click.Context, words: Sequence[str]) -> None:
    """All that was typed after the program's name, for the answers to errors."""
    context.meta[_WORDS] = tuple(words)


def typed_words(context: click.Context) -> tuple[str, ...]:
    """Empty where nobody has remembered them."""
    words: tuple[str, ...] = context.meta.get(_WORDS, ())
    return words


def cluster_remedy(context: click.Context, words: Iterable[str], *, exactly: bool = False) -> str:
    """What to type instead where one of the words is a cluster: one of tarmak.yaml, or nearly one unless `exactly`, or
    a word that looks like one where there is no tarmak.yaml. Empty for none, and where a cluster is chosen already."""
    session = session_of(context)
    likely = [word for word in words if _CLUSTER.fullmatch(word)]
    if not likely or session.cluster_name:
        return ""
    names = _names(session)
    for word in likely:
        cluster = _meant(word.rstrip("/"), names, exactly=exactly)
        if cluster is not None:
            return f"did you mean `{_without(word, typed_words(context), cluster)}`?"
    return ""


def unexpected(context: click.Context, words: Sequence[str]) -> str:
    """The message for words that a command does not take, where one of what was typed is a cluster; else empty."""
    others = [word for word in typed_words(context) if word not in words]
    remedy = cluster_remedy(context, words) or cluster_remedy(context, others, exactly=True)
    many = "s" if len(words) > 1 else ""
    return f"unexpected argument{many} {shlex.join(words)}; {remedy}" if remedy else ""


def _names(session: Session) -> list[str] | None:
    """The clusters of tarmak.yaml; None where it cannot be read."""
    try:
        return [each.cluster_name for each in session.config().selectable_clusters]
    except TarmakIamError:
        return None


def _meant(word: str, names: list[str] | None, *, exactly: bool) -> str | None:
    if names is None:
        return None if exactly else word
    return word if word in names else None if exactly else closest(word, names)


def _without(word: str, typed: Sequence[str], cluster: str) -> str:
    rest = list(typed)
    index = next((number for number, each in enumerate(rest) if each.rstrip("/") == word.rstrip("/")), None)
    if index is not None:
        del rest[index]
    return CommandLine(cluster_name=cluster).tarmak_iam(shlex.join(rest) or "COMMAND")
