"""enable, disable, show: a section of tarmak.yaml, above all the amazon section."""

from __future__ import annotations

from collections.abc import Callable

import click

from tarmak_iam.cli.all_clusters import NOT_ATOMIC, ReportProgress, clusters_of, finish_all, for_each
from tarmak_iam.cli.completion import sections
from tarmak_iam.cli.console import note, print_json, print_line, print_payload
from tarmak_iam.cli.edits import edits_tarmak_yaml, finish_config_edit, finish_edit
from tarmak_iam.cli.options import all_clusters_option, all_of, atomic_option, dry_run_option, format_option, option
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.config import Cluster, TarmakConfig
from tarmak_iam.config.api_server import AMAZON, authenticator_init_route
from tarmak_iam.config.removals import reads_differently
from tarmak_iam.config.section_keys import keys_of, section_named
from tarmak_iam.document.plain_values import value_at
from tarmak_iam.text import shortened

_edit_options = all_of(all_clusters_option, atomic_option, dry_run_option)


@click.command()
@_edit_options
@pass_session
@edits_tarmak_yaml
def enable(session: Session, **options: bool) -> None:
    _edit(session, TarmakConfig.enable_authenticator, **options)


@click.command()
@_edit_options
@pass_session
@edits_tarmak_yaml
def disable(session: Session, **options: bool) -> None:
    _edit(session, TarmakConfig.disable_authenticator, **options)


_Edit = Callable[[TarmakConfig, str], TarmakConfig]


def _edit(session: Session, edit: _Edit, *, all_clusters: bool, atomic: bool, dry_run: bool) -> None:
    before = session.config()
    if all_clusters:
        _edit_all(session, before, edit, is_atomic=atomic, dry_run=dry_run)
        return
    cluster = session.cluster(before)
    after = edit(before, cluster.cluster_name)
    enabled = after.clusters[cluster.index].authenticator_init
    result = f"awsIAMAuthenticatorInit is {'on' if enabled else 'off'} for {shortened(cluster.cluster_name)}"
    if after is before:
        note(f"unchanged: {result}")
        route, value = authenticator_init_route(cluster), str(enabled).lower()
        if reads_differently(before.document, route):
            command = session.command(f"config set awsIAMAuthenticatorInit {value}")
            what = f"note: other YAML parsers do not read {value} here"
            note(f"{before.document.position(route)}: {what}; write {value}: {command}")
        return
    apply = before.command_line(cluster).tarmak("clusters apply")
    done = f"{result}; run `{apply}` to roll it out to the masters"
    finish_edit(before.document, after.document, after.save, dry_run=dry_run, done=done)


def _edit_all(session: Session, before: TarmakConfig, edit: _Edit, *, is_atomic: bool, dry_run: bool) -> None:
    """One edit of the file, without the clusters for which it is refused."""
    after, changed = before, list[Cluster]()

    def change(cluster: Cluster, _: ReportProgress) -> bool:
        nonlocal after
        start, after = after, edit(after, cluster.cluster_name)
        changed.extend([cluster] if after is not start else [])
        return after is not start

    outcomes = list(for_each(clusters_of(before, session.environment), change, "editing"))
    if is_atomic and any(outcome.error for outcome in outcomes):
        note(NOT_ATOMIC)
        after, outcomes = before, [outcome._replace(value=False) for outcome in outcomes]
    if after is not before:
        finish_config_edit(before, after, clusters=changed, unchanged="", dry_run=dry_run)
    word = "would be changed" if dry_run else "changed"
    finish_all(outcomes, dict, "text", lambda is_changed: word if is_changed else "unchanged", "unchanged", {})


@click.command()
@option("--section NAME", "name", shell_complete=sections, default=AMAZON.name)
@format_option("text", "json", "yaml")
@pass_session
def show(session: Session, name: str, output: str) -> None:
    from tarmak_iam.document.render import Layout, flow_text, yaml_bytes

    config, section = session.config(), section_named(name)
    cluster = session.cluster(config)
    effective = cluster.effective_section(section)
    given = section.data(cluster.data_for(section))
    if output == "json":
        print_json(effective)
    elif output == "yaml":
        print_payload(yaml_bytes(effective))
    else:
        for key in keys_of(section):
            value, is_default = value_at(effective, key.path), value_at(given, key.path) is None
            text = "-" if value is None else flow_text(value, Layout())
            print_line(f"{key.key}: {text}{'  # default' if is_default and value is not None else ''}")
    if given is None:
        note(f"{shortened(cluster.cluster_name)} has no section {section.name} in {config.document.filename}")
