"""diff: who would gain and lose what if the mappings replaced others."""

from __future__ import annotations

from dataclasses import replace

import click

from tarmak_iam.cli.mapping_change import effect_json
from tarmak_iam.cli.mapping_formats import read_foreign
from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.effects import effects
from tarmak_iam.errors import ConfigError
from tarmak_iam.guards import principal_refusal
from tarmak_iam.identity.formats import as_mappings
from tarmak_iam.installation import Installation

__all__ = ["diff"]


@click.command(
    epilog="\b\nExamples:\n"
    "  git show HEAD~1:dev-cluster/aws-iam-authenticator.yaml | tarmak-iam diff --from -\n"
    "  kubectl -n kube-system get configmap aws-iam-authenticator -o yaml | tarmak-iam diff --from -",
)
@click.option("--from", "file", metavar="FILE", help="What is in effect now, in any format that map import reads.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def diff(session: Session, file: str | None, output: str) -> None:
    """Who gains and who loses what if the mappings of the current cluster replace those of FILE (- for stdin).

    Exit code 1 if there are differences, 0 if there are none.
    """
    if file is None:
        raise ConfigError(
            "diff needs to know what to compare with",
            remedy="give it a file with --from, such as a dump of the live ConfigMap or an older version",
        )
    after = session.installation()
    found = effects(_as_installed(after, file), after)
    if output == "json":
        print_json({"changed": bool(found), "effects": [effect_json(effect) for effect in found]})
    for effect in found if output == "text" else ():
        click.echo(effect.text)
    if found:
        click.get_current_context().exit(1)
    note("no differences: everyone keeps what they have")


def _as_installed(installation: Installation, file: str) -> Installation:
    """The same installation with what the file maps."""
    found = read_foreign(file, None)
    mappings, left_out = as_mappings(found, installation.cluster_id, file, principal_refusal(installation))
    for each in left_out:
        note(f"note: {each}")
    return replace(installation, mappings=mappings)
