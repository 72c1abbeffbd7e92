"""set, unset, show: the keys of a section of tarmak.yaml."""

from __future__ import annotations

from typing import Any

import click
from pydantic import ValidationError

from tarmak_iam.cli.edit import dry_run_option, finish_edit
from tarmak_iam.cli.output import note, print_json
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import TarmakConfig
from tarmak_iam.config.amazon import AMAZON
from tarmak_iam.config.options import option, options
from tarmak_iam.config.plugins import section_named
from tarmak_iam.config.sections import Section
from tarmak_iam.document.layout import Layout
from tarmak_iam.document.render import flow_text
from tarmak_iam.emit.artifact import yaml_bytes
from tarmak_iam.lint import Subjects, check

__all__ = ["set_", "show", "unset"]

_section_option = click.option(
    "--section",
    "name",
    metavar="NAME",
    default=AMAZON.name,
    show_default=True,
    help="Section of the cluster; plugins bring further ones.",
)


@click.command(
    name="set", epilog="\b\nExample: tarmak-iam set internalELBAccessLogs.bucket my-logs\n\nThe keys: tarmak-iam show"
)
@click.argument("key")
@click.argument("value")
@_section_option
@dry_run_option
@pass_session
def set_(session: Session, key: str, value: str, name: str, dry_run: bool) -> None:
    """Give a key of the section a value, as in publicELBAccessLogs.bucket.

    What Tarmak would refuse is refused, and nothing is written; every byte that the edit does not need stays.
    """
    config, section = session.config(), section_named(name)
    typed = option(section, key).typed(value)
    cluster_name = session.cluster(config).cluster_name
    after = config.set(cluster_name, key, typed, section)
    _finish(config, after, f"{key} has this value", dry_run)
    known = {(each.finding.id, each.finding.message) for each in check(Subjects(config))}
    for each in check(Subjects(after)):
        if (each.finding.id, each.finding.message) not in known:
            note(str(each))


@click.command(epilog="\b\nExample: tarmak-iam unset internalELBAccessLogs")
@click.argument("key")
@_section_option
@dry_run_option
@pass_session
def unset(session: Session, key: str, name: str, dry_run: bool) -> None:
    """Take a key of the section out, so that its default counts; its empty parents go with it."""
    config, section = session.config(), section_named(name)
    after = config.unset(session.cluster(config).cluster_name, key, section)
    _finish(config, after, f"{key} is not set", dry_run)


def _finish(before: TarmakConfig, after: TarmakConfig, unchanged: str, dry_run: bool) -> None:
    if after is before:
        note(f"unchanged: {unchanged}")
        return
    done = f"wrote {after.document.filename}; `tarmak clusters apply` brings it to the cluster"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)


@click.command(epilog="\b\nExample: tarmak-iam show -o yaml")
@_section_option
@click.option("-o", "--output", type=click.Choice(["text", "json", "yaml"]), default="text", show_default=True)
@pass_session
def show(session: Session, name: str, output: str) -> None:
    """Show what takes effect of the section: the values of tarmak.yaml, and the defaults of what is not there.

    As text every key is listed as `set` takes it, a dash for those without a value.
    """
    config, section = session.config(), section_named(name)
    cluster = session.cluster(config)
    given = cluster.section(section)
    effective = _effective(section, given)
    if output == "json":
        print_json(effective)
    elif output == "yaml":
        click.echo(yaml_bytes(effective), nl=False)
    else:
        own = {} if given is None else given.model_dump(mode="json", exclude_unset=True)
        for each in options(section):
            value, is_default = _at(effective, each.path), _at(own, each.path) is None
            text = "-" if value is None else flow_text(value, Layout())
            click.echo(f"{each.key}: {text}{'  # default' if is_default and value is not None else ''}")
    if given is None:
        note(f"{cluster.cluster_name} has no section {section.name} in {config.document.filename}")


def _effective(section: Section[Any], given: Any) -> dict[str, Any]:
    try:
        model = section.model() if given is None else given
    except ValidationError:  # a plugin's section with keys that have no default
        return {}
    dumped: dict[str, Any] = section.defaults(model).model_dump(mode="json", exclude_none=True)
    return dumped


def _at(data: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data
