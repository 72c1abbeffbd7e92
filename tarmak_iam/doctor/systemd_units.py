"""Reads the systemd units of a master: the API server's, and the authenticator's init unit that Tarmak writes."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

COMMAND = "aws-iam-authenticator"
UNIT_DIR = "/etc/systemd/system"
UNIT = "kube-apiserver.service"
INIT_UNIT = "aws-iam-authenticator-init.service"


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    line: int


@dataclass(frozen=True)
class Unit:
    """`settings`: section, key and words of each setting."""

    settings: tuple[tuple[str, str, tuple[Word, ...]], ...]

    def words(self, section: str, key: str) -> tuple[Word, ...]:
        """All words of a setting, which may be repeated."""
        return tuple(word for *names, words in self.settings if names == [section, key] for word in words)

    @cached_property
    def commands(self) -> tuple[tuple[Word, ...], ...]:
        """The commands in the order in which systemd runs them: ExecStartPre, then ExecStart."""
        keys = ("ExecStartPre", "ExecStart")
        return tuple(words for key in keys for *names, words in self.settings if words and names == ["Service", key])

    def option(self, *names: str) -> Word | None:
        """The value of the last option of the commands with one of these names."""
        return next(filter(None, (command_option(command, *names) for command in reversed(self.commands))), None)

    @property
    def init(self) -> tuple[Word, ...] | None:
        """The command that creates the certificate and key; None if there is none."""
        runs = [command for command in self.commands if _name(command[0]).startswith(COMMAND)]
        return next((command for command in runs if any(word.text == "init" for word in command[1:])), None)

    @property
    def copied_to(self) -> Word | None:
        """The path to which the kubeconfig is copied."""
        copies = [command for command in self.commands if _name(command[0]) in ("cp", "install", "mv")]
        return next((command[-1] for command in copies if len(command) > 2), None)


def parse_unit(text: str) -> Unit:
    """Never fails: lines that are not settings are skipped, as systemd does."""
    settings: list[tuple[str, str, tuple[Word, ...]]] = []
    section, key, words = "", "", list[Word]()
    goes_on = False
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if line.startswith(("#", ";")) or (not line and not goes_on):
            continue
        if not goes_on:
            if line.startswith("["):
                section = line.strip("[]")
                continue
            key, sign, line = (part.strip() for part in line.partition("="))
            words = []
            if not sign:
                continue
        goes_on = line.endswith("\\")
        words += (Word(word, number) for word in _split(line.removesuffix("\\")))
        if not goes_on:
            settings.append((section, key, tuple(words)))
    if goes_on:
        settings.append((section, key, tuple(words)))
    return Unit(tuple(settings))


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:  # a quote that is not closed
        return line.split()


def command_option(words: Iterable[Word], *names: str) -> Word | None:
    """The value of the last `--name=value`, `--name value`, `-n value` or `-nvalue`."""
    value, wanted = None, False
    for word in words:
        if wanted:
            value, wanted = word, False
            continue
        for name in names:
            if word.text == name:
                wanted = True
            elif word.text.startswith(f"{name}="):
                value = Word(word.text[len(name) + 1 :], word.line)
            elif len(name) == 2 and word.text.startswith(name):
                value = Word(word.text[2:], word.line)
    return value


def _name(word: Word) -> str:
    """The name of the program, without the prefixes that systemd accepts before a path."""
    return posixpath.basename(word.text.lstrip("-@:+!"))
