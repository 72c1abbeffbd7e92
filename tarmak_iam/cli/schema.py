"""schema: the JSON Schema of a section."""

from __future__ import annotations

import click

from tarmak_iam.config.schema import section_schema_text

__all__ = ["schema"]


@click.command(epilog="\b\nExample: tarmak-iam schema > amazon.schema.json")
def schema() -> None:
    """The JSON Schema (draft-07) of kubernetes.apiServer.amazon."""
    click.echo(section_schema_text(), nl=False)
