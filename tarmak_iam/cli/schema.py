"""schema: the JSON Schemas of the sections and of the whole file."""

from __future__ import annotations

import click

from tarmak_iam.cli.completing import schemas
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.plugins import load_sections, section_named
from tarmak_iam.config.schema import WHOLE_FILE, file_schema, schema_text, section_schema

__all__ = ["schema"]


@click.command(epilog=f"\b\nExample: tarmak-iam schema {WHOLE_FILE} > tarmak.schema.json")
@click.argument("name", metavar="[NAME]", default=AMAZON.name, shell_complete=schemas)
def schema(name: str) -> None:
    """The JSON Schema (draft-07) of a section of tarmak.yaml, or of the whole file.

    NAME is a section's, by default kubernetes.apiServer.amazon, or tarmak.yaml. An editor with yaml-language-server
    uses the file's with this line at the top of tarmak.yaml:

    \b
    # yaml-language-server: $schema=tarmak.schema.json
    """
    made = file_schema(load_sections()) if name == WHOLE_FILE else section_schema(section_named(name))
    click.echo(schema_text(made), nl=False)
