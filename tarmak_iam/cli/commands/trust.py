"""trust check, trust show: what trust policies say, and the one that a mapping for people needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from tarmak_iam.aws.arn import ArnError, claims_sso_role, is_account, parse_arn
from tarmak_iam.aws.trust_files import TrustPolicies
from tarmak_iam.aws.trust_policy import State, Trust, evaluate, policy_for, trust_rows
from tarmak_iam.cli.completion import roles
from tarmak_iam.cli.console import ExitCode, note, print_json, print_line
from tarmak_iam.cli.options import format_option, paths_argument, plain_role
from tarmak_iam.cli.parsing import CommandGroup
from tarmak_iam.cli.session import Session, pass_session
from tarmak_iam.errors import ConfigError, SelectionError
from tarmak_iam.text import did_you_mean, shortened


@click.group(cls=CommandGroup)
def trust() -> None:
    """See its page in the folder `help`."""


@trust.command()
@click.argument("role", metavar="ROLE", callback=plain_role, shell_complete=roles)
@pass_session
def show(session: Session, role: str) -> None:
    arn = role if role.startswith("arn:") else _mapped_role(session, role)
    try:
        parsed = parse_arn(arn)
    except ArnError as error:
        raise ConfigError(f"{shortened(arn)} is not a valid ARN: {error}") from None
    if parsed.parts[0] != "role" or not is_account(parsed.account):
        raise ConfigError(f"{shortened(arn)} is not the ARN of a role", remedy="only roles have a trust policy")
    if claims_sso_role(parsed.name):
        what = f"{shortened(parsed.name)} is a role of IAM Identity Center, which writes its trust policy itself"
        raise ConfigError(what, remedy="assign users to the permission set there")
    print_json(policy_for(parsed.partition, parsed.account))


def _mapped_role(session: Session, name: str) -> str:
    """The ARN of the role of that name. Raises TarmakIamError."""
    mappings = session.installation().mappings
    entries = mappings.entries if mappings is not None else ()
    arns = {entry.arn.rpartition("/")[2]: entry.arn for entry in entries if entry.kind == "role" and entry.arn}
    arn = next((arn for known, arn in arns.items() if known.lower() == name.lower()), None)
    if arn is None:
        remedy = did_you_mean(name, arns, "the mapped roles are")
        raise SelectionError(f"no role {shortened(name)} is mapped", remedy=remedy)
    return arn


@trust.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(), callback=paths_argument)
@format_option("text", "json")
def check(files: tuple[Path, ...], output: str) -> None:
    policies = TrustPolicies.read(files).policies
    if not policies:
        raise ConfigError("the files contain no role", remedy="save the JSON of `aws iam get-role --role-name NAME`")
    trusts = [(policy, evaluate(policy.policy, policy.source)) for policy in policies]
    if output == "json":
        from tarmak_iam.report.json_format import plain

        rows = [({"role": policy.name, "account": policy.account or None}, trust) for policy, trust in trusts]
        print_json([{**of_role, **plain(trust), "missing": [*missing(trust)]} for of_role, trust in rows])
    else:
        for policy, trust in trusts:
            print_line(f"role {policy.name}{f' of account {policy.account}' if policy.account else ''}")
            for label, text in (*trust_rows(trust), *(("missing", text) for text in missing(trust))):
                print_line(f"  {label:<9}{text}")
    failed = sum(any(missing(trust)) for _, trust in trusts)
    if output == "text":
        note(f"something is missing in {failed} of {len(trusts)} trust policies" if failed else "nothing is missing")
    if failed:
        click.get_current_context().exit(ExitCode.FINDINGS)


def missing(trust: Trust) -> Iterator[str]:
    """What the trust policy of a role for people should require. Whatever is not evaluated counts as missing."""
    if trust.is_for_anybody:
        yield "named principals: anybody with an AWS account can assume the role"
    if trust.session_name.state is not State.YES:
        yield "a session name that is bound to the person"
    if trust.mfa.state is not State.YES:
        yield "MFA"
