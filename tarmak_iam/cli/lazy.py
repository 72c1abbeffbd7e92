"""Click groups that say which command was meant, and one that imports its commands when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.cluster_argument import cluster_remedy
from tarmak_iam.cli.common import offer_common_options
from tarmak_iam.near import LIKELY, did_you_mean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["CommandGroup", "LazyGroup"]

_FEW = 6


class CommandGroup(click.Group):
    """`also`: what people call a command, or expect in this place -> what they mean. `has_cluster`: whether the
    commands work on the cluster that --current-cluster names."""

    def __init__(
        self, *args: Any, also: Mapping[str, str] | None = None, has_cluster: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._also, self._has_cluster = also or {}, has_cluster

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, known = args[0], self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            remedy = self._remedy(ctx, name, known)
            raise click.UsageError(f"there is no command '{name}'{remedy and '; ' + remedy}", ctx)
        return super().resolve_command(ctx, args)

    def _remedy(self, ctx: click.Context, name: str, known: list[str]) -> str:
        """A cluster of tarmak.yaml, then a command, then what only looks like a cluster."""
        also = self._also.get(name)
        return (
            (self._has_cluster and cluster_remedy(ctx, [name], exactly=True))
            or (also and f"did you mean {also}?")
            or did_you_mean(name, known, cutoff=LIKELY)
            or (self._has_cluster and cluster_remedy(ctx, [name]))
            or (f"choose one of {', '.join(known)}" if len(known) <= _FEW else "")
        )

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [] if _rest(ctx) else super().shell_complete(ctx, incomplete)


def _rest(ctx: click.Context) -> list[str]:
    """The words behind the group's own options: in a completion there are some where the first is no command."""
    known = vars(ctx)  # the attribute of the second name is a deprecated property since click 8.2
    return [*known.get("_protected_args", known.get("protected_args", ())), *ctx.args]


class LazyGroup(CommandGroup):
    """`commands_by_name`: name -> (module, attribute, one line of help). `headings`: what the help groups under each;
    what is in none comes last."""

    def __init__(
        self,
        *args: Any,
        commands_by_name: Mapping[str, tuple[str, str, str]],
        headings: Mapping[str, Sequence[str]],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._lazy, self._headings = commands_by_name, headings

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._lazy:
            return None
        module, attribute, _ = self._lazy[cmd_name]
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        offer_common_options(command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table, so that listing the commands imports none of them."""
        grouped = {name for names in self._headings.values() for name in names}
        rest = [name for name in self._lazy if name not in grouped]
        width = max(map(len, self._lazy))
        for heading, names in (*self._headings.items(), ("Other commands", rest)):
            rows = [(name.ljust(width), self._lazy[name][2]) for name in names if name in self._lazy]
            if rows:
                with formatter.section(heading):
                    formatter.write_dl(rows)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """From the table too."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=row[2]) for name, row in self._lazy.items() if name.startswith(incomplete)]
        return [] if _rest(ctx) else [*named, *click.Command.shell_complete(self, ctx, incomplete)]
