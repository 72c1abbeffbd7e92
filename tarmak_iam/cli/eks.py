"""EKS access entries on the command line: the conversion with its loss report, and files of entries."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tarmak_iam.access.diff import effect_json, who
from tarmak_iam.access.eks import effects_on_eks
from tarmak_iam.aws.arn import Principal, canonicalize
from tarmak_iam.cli.console import ExitCode, note, print_json, print_line, print_payload, record_done, working
from tarmak_iam.cli.edits import read_given
from tarmak_iam.cli.session import Session, kubectl_of
from tarmak_iam.document.render import yaml_bytes
from tarmak_iam.errors import ConfigError, place_json
from tarmak_iam.identity import Answer, Authenticator, Identity
from tarmak_iam.installation.installation import Installation
from tarmak_iam.mappings.access_entries import CLUSTER_ADMIN, AccessEntry, PolicyAssociation, whois
from tarmak_iam.mappings.eks_conversion import EksConversion, EksTarget, Remark, to_access_entries
from tarmak_iam.mappings.formats import access_entries
from tarmak_iam.mappings.groups import ADMINS
from tarmak_iam.mappings.role_arns import LIST_ROLES, ListedArns, read_listed_arns
from tarmak_iam.text import did_you_mean, quoted

_POLICY = re.compile(r"[A-Za-z0-9]+")
_NAMESPACE = re.compile(r"[a-z0-9*](?:[a-z0-9*-]{0,61}[a-z0-9*])?")

CREATION_FAILS = "creating an entry fails if the principal already has one, as the creator of the cluster often does"
RECREATED = "an entry stops working if its role or user is deleted, even if it is created again with the same name"


def print_access_entries(session: Session, installation: Installation, output: str, options: dict[str, Any]) -> None:
    """The entries in a format, unless somebody would lose access. `options` are those of `map convert`."""
    cluster_name = options["eks_cluster"]
    if output == "eksctl" and not cluster_name:
        raise click.UsageError("-o eksctl requires --eks-cluster")
    authenticator = started(installation)
    policies, listed = _policies(options["policies"]), _listed(options["arns"])
    groups = {group for grant in authenticator.grants for group in grant.groups}
    for group in policies:
        if group not in groups:
            suggestion = did_you_mean(group, groups)
            raise click.UsageError(
                f"--policy: no mapping has the group {quoted(group)}{suggestion and '; '}{suggestion}"
            )
    with working("converting the mappings"):
        converted = to_access_entries(authenticator, EksTarget(installation.partition, policies, listed))
    _report(converted, is_listed=listed is not None)
    refuse_losses(converted.losses, force=options["force"])
    text = _written(converted, output, cluster_name, installation.region)
    if options["rbac_file"] is not None:
        _write_rbac(session, installation, converted.entries, options["rbac_file"])
    if isinstance(text, dict):
        print_json(text)
    else:
        print_payload(text)


def started(installation: Installation) -> Authenticator:
    has_id = installation.mappings is not None and installation.mappings.cluster_id
    authenticator = installation.loaded if has_id else installation.configured
    if (failure := authenticator.failure) is not None:
        what = f"the authenticator does not start, so nobody has access: {failure.reason}"
        raise ConfigError(what, remedy=failure.remedy or installation.command("check"), place=failure.place)
    return authenticator


def _policies(choices: Sequence[str]) -> dict[str, tuple[PolicyAssociation, ...]]:
    """Of GROUP=POLICY[:NAMESPACE,...]; a group may contain = and :, the others may not. Raises UsageError."""
    policies: dict[str, tuple[PolicyAssociation, ...]] = {}
    for text in choices:
        group, equals, scoped = text.rpartition("=")
        policy, colon, scope = scoped.partition(":")
        namespaces = tuple(scope.split(",")) if colon else ()
        if not equals or not group or not _POLICY.fullmatch(policy) or not all(map(_NAMESPACE.fullmatch, namespaces)):
            example = "dev=AmazonEKSEditPolicy:dev,test"
            raise click.UsageError(
                f"--policy must be GROUP=POLICY[:NAMESPACE,...], as in {example}, not {quoted(text)}"
            )
        if group == ADMINS:
            raise click.UsageError(f"--policy: {ADMINS} always becomes {CLUSTER_ADMIN}; change the mapping instead")
        policies[group] = (*policies.get(group, ()), PolicyAssociation(policy, namespaces))
    return policies


def _listed(file: str | None) -> ListedArns | None:
    if file is None:
        return None
    data, name = read_given(file)
    return read_listed_arns(data.decode("utf-8", "replace"), name)


def note_remarks(remarks: Sequence[Remark]) -> None:
    for remark in remarks:
        place = f"{remark.place}: " if remark.place else ""
        severity = "error" if remark.is_loss else "note"
        note(f"{place}{severity}: {who(remark.kind, remark.principal)}: {remark.text}")


def refuse_losses(losses: Sequence[Remark], *, force: bool, why: str = "") -> None:
    """Ends the command if somebody would lose access, unless it is forced."""
    if losses and not force:
        lost = len({(remark.kind, remark.principal) for remark in losses})
        why = why or ("1 principal loses access" if lost == 1 else f"{lost} principals lose access")
        note(f"error: {why}, so nothing is printed; change the mappings, or use --force")
        click.get_current_context().exit(ExitCode.FINDINGS)


def _report(converted: EksConversion, *, is_listed: bool) -> None:
    note_remarks(converted.remarks)
    if not is_listed and any(canonicalize(entry.principal)[0] is Principal.ROLE for entry in converted.entries):
        what = "mappings contain no paths of roles, but entries need them: for a role with a path, pass the"
        note(f"note: {what} full ARNs with --arns (`{LIST_ROLES}`)")
    if converted.entries:
        note(f"note: {CREATION_FAILS}")
        note(f"note: {RECREATED}")


def _written(converted: EksConversion, output: str, cluster_name: str, region: str) -> dict[str, Any] | bytes | str:
    """In one of the formats of `map convert`, whose modules are imported only here."""
    entries, header = converted.entries, [f"{line[0].upper()}{line[1:]}." for line in (CREATION_FAILS, RECREATED)]
    comment = "".join(f"# {line}\n" for line in header).encode()
    if output == "aws-cli":
        from tarmak_iam.mappings.formats import aws_cli

        return aws_cli.write(entries, cluster_name, header)
    if output == "terraform":
        from tarmak_iam.mappings.formats import terraform

        return terraform.write(entries, cluster_name, header)
    if output == "cloudformation":
        from tarmak_iam.mappings.formats import cloudformation

        return comment + yaml_bytes(cloudformation.write(entries, cluster_name))
    if output == "eksctl":
        from tarmak_iam.mappings.formats import eksctl

        return comment + yaml_bytes(eksctl.write(entries, cluster_name, region))
    name = {"clusterName": cluster_name} if cluster_name else {}
    return {**name, "accessEntries": access_entries.write(entries), "report": list(map(_as_json, converted.remarks))}


def _as_json(remark: Remark) -> dict[str, Any]:
    keys = ("principal", "kind", "what", "remedy")
    known = {key: getattr(remark, key) for key in keys} | {"isLoss": remark.is_loss}
    return {**known, "rule": remark.rule.says, "source": remark.rule.source, **place_json(remark.place)}


def _write_rbac(session: Session, installation: Installation, entries: Sequence[AccessEntry], path: Path) -> None:
    from tarmak_iam.files.atomic import replace_file
    from tarmak_iam.files.read import read_if_present
    from tarmak_iam.report.rbac_manifests import rbac_manifests

    with working("reading the bindings of the cluster"):
        kubectl = kubectl_of(session, installation.cluster_id)
        objects = kubectl.all_of("clusterroles,roles,clusterrolebindings,rolebindings")
    manifests = rbac_manifests(objects, (entry.names for entry in entries))
    if not manifests:
        note("note: no binding of the cluster names a group or username of the entries, so no file is written")
        return
    replace_file(path, b"---\n".join(map(yaml_bytes, manifests)), expected=read_if_present(path))
    record_done("wrote", path)
    note(f"wrote {path}: {len(manifests)} roles and bindings; their namespaces must exist in the new cluster")


def read_access_entries(file: str) -> tuple[tuple[AccessEntry, ...], list[dict[str, Any]]]:
    """The entries of a file, and as JSON what of it is left out, which is also printed. Raises TarmakIamError."""
    entries, left_out = access_entries.read_entries(*read_given(file))
    for skipped in left_out:
        note(f"note: {skipped}")
    return entries, [{"what": skipped.what, **place_json(skipped.place)} for skipped in left_out]


def print_eks_differences(installation: Installation, file: str, output: str) -> bool:
    """Of the mappings and a file of access entries. Returns whether there are any, or may be: what is left out of the
    file is not compared."""
    entries, left_out = read_access_entries(file)
    effects = effects_on_eks(started(installation), entries)
    if output == "json":
        print_json({"effects": list(map(effect_json, effects)), "leftOut": left_out})
    for effect in effects if output == "text" else ():
        print_line(effect.text)
    if left_out and not effects:
        note("no differences in what was compared, but parts of the file are left out: they may give access")
    elif not effects:
        note("no differences: every principal becomes the same user with the same groups")
    return bool(effects or left_out)


def whois_on_eks(file: str, identity: Identity) -> tuple[Answer, list[str]]:
    """The answer of EKS for a caller, and the access policies, as they are shown."""
    entries, left_out = read_access_entries(file)
    answer, policies = whois(entries, identity)
    notes = ("parts of the file are left out: they may give access",) if left_out else ()
    return replace(answer, notes=(*answer.notes, *notes)), list(map(str, policies))
