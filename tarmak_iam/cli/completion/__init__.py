"""The values that completion offers for options and arguments: clusters, ARNs, keys, values.

Nothing is written, and there are no prompts. An error here, such as a file that cannot be read, means no offers.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.session import session_of
from tarmak_iam.errors import FileError
from tarmak_iam.routes import Route
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tarmak_iam.config import TarmakConfig
    from tarmak_iam.config.section_keys import SectionKey
    from tarmak_iam.mappings.entries import MappingEntry


COMPLETION_VARIABLE = "_TARMAK_IAM_COMPLETE"
"""The environment variable that a shell's script sets to ask for completions; its value is the shell."""

Offer = tuple[str, str]
"""A value, and a few words about it."""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]


def _completer(offers: Callable[[click.Context], Iterable[Offer]]) -> Completer:
    """A completer for click: offers that begin with what is typed, each once."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        found = {value: about for value, about in offers(context) if value.startswith(incomplete)}
        return [CompletionItem(value, help=one_line(about)) for value, about in found.items()]

    return complete


def _completer_of_typed(offers: Callable[[click.Context, str], Iterable[Offer]]) -> Completer:
    """The same for offers that depend on what is typed."""

    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _completer(lambda context: offers(context, incomplete))(context, parameter, incomplete)

    return complete


def files(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completed by the shell itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="file")]


def directories(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completed by the shell itself."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


@_completer
def clusters(context: click.Context) -> Iterator[Offer]:
    for cluster in _config(context).clusters:
        if cluster.name and cluster.environment:
            yield cluster.cluster_name, cluster.type


@_completer
def principals(context: click.Context) -> Iterator[Offer]:
    """The principals of the mappings file."""
    return ((each.principal, _about(each)) for each in _mapped(context))


@_completer
def callers(context: click.Context) -> Iterator[Offer]:
    """The mapped roles and users."""
    return ((each.arn, _about(each)) for each in _mapped(context) if each.arn and each.kind != "account")


@_completer
def roles(context: click.Context) -> Iterator[Offer]:
    return _mapped_roles(context)


@_completer
def sections(_: click.Context) -> Iterator[Offer]:
    return _section_names()


@_completer
def schemas(_: click.Context) -> Iterator[Offer]:
    from tarmak_iam.config.schema import WHOLE_FILE

    yield WHOLE_FILE, "the whole file"
    yield "mappings", "a cluster's aws-iam-authenticator.yaml"
    yield "settings", "a cluster's tarmak-iam.yaml"
    yield from _section_names()


@_completer
def section_keys(context: click.Context) -> Iterator[Offer]:
    """The keys of the file, and their blocks; if it has none, all keys."""
    from tarmak_iam.config.section_keys import keys_of

    every = {option.path: _first_sentence(option.field.description) for option in keys_of(_section(context))}
    blocks = {path[:end]: "the whole block" for path in every for end in range(1, len(path))}
    known = {**every, **blocks}
    present = {path: about for path, about in known.items() if _is_present(context, path)}
    return ((".".join(path), about) for path, about in (present or known).items())


def section_keys_or_values(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For KEY VALUE KEY VALUE ...: the keys that are not given yet, or the values of the last key."""
    given = [str(each) for each in context.params.get(parameter.name or "") or ()]
    offers = _completer(lambda context: _values_or_keys(context, given))
    return offers(context, parameter, incomplete)


@_completer_of_typed
def key_paths(context: click.Context, typed: str) -> Iterator[Offer]:
    """The paths of keys of tarmak.yaml that begin with what is typed."""
    return _paths(context, typed)


@_completer_of_typed
def list_paths(context: click.Context, typed: str) -> Iterator[Offer]:
    """The paths of lists, and the way to them."""
    return _paths(context, typed, only_lists=True)


def key_paths_or_values(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For PATH VALUE PATH VALUE ...: paths, or the values of the last path."""
    given = [str(each) for each in context.params.get(parameter.name or "") or ()]
    if len(given) % 2:
        return _completer(lambda context: _values_at(context, given[-1]))(context, parameter, incomplete)
    return key_paths(context, parameter, incomplete)


@_completer
def setting_keys(_: click.Context) -> Iterator[Offer]:
    from tarmak_iam.installation.setting_table import SETTINGS

    return ((key, _first_sentence(setting.description)) for key, setting in SETTINGS.items())


def settings_in_file(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The keys of the settings file; if it has none, all keys."""
    from contextlib import suppress

    found: list[CompletionItem] = setting_keys(context, parameter, incomplete)
    with suppress(FileError):
        present = _session_settings(context)
        return [each for each in found if each.value in present] if present else found
    return found


def setting_values(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """For the VALUE of a KEY of the settings."""
    from tarmak_iam.installation.setting_table import REGISTRY
    from tarmak_iam.installation.settings import choices_of

    key = str(context.params.get("key"))
    own: dict[str, Completer] = {
        "backends": backends,
        "daemonVersion": daemon_versions,
        "featureGates": feature_gates,
        REGISTRY: registries,
        "role": roles,
    }
    complete = own.get(key) or _completer(lambda _: ((each, "") for each in choices_of(key)))
    return complete(context, parameter, incomplete)


def backends(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A list separated by commas: the backends that are not in it yet."""
    from tarmak_iam.installation.settings import choices_of

    head, comma, _ = incomplete.rpartition(",")
    rest = [each for each in choices_of("backends") if each not in head.split(",")]
    return _completer(lambda _: ((f"{head}{comma}{each}", "") for each in rest))(context, parameter, incomplete)


@_completer
def registries(_: click.Context) -> Iterator[Offer]:
    yield "public", "public.ecr.aws, without a login"
    yield "ecr", "the private repository of the upstream project"


@_completer
def feature_gates(_: click.Context) -> Iterator[Offer]:
    from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature

    yield f"{SSO_GATE}=true", ReleaseFeature.SSO_GATE.value
    yield f"{SSO_GATE}=false", ReleaseFeature.SSO_GATE.value


@_completer
def daemon_versions(_: click.Context) -> Iterator[Offer]:
    from tarmak_iam.identity.releases import known_releases

    return ((str(each), "") for each in reversed(known_releases()))


def _config(context: click.Context) -> TarmakConfig:
    """Raises TarmakIamError."""
    from tarmak_iam.config.locate import config_path

    session = session_of(context)
    path = config_path(session.directory, os.environ)
    if not path.is_file():  # reading a named pipe would block
        raise FileError("this is not a regular file")
    return session.config()


def _mapped(context: click.Context) -> Iterable[MappingEntry]:
    session, config = session_of(context), _config(context)
    found = session.files(config, session.cluster(config)).mappings()
    return [each for each in found.entries if each.principal] if found else ()


def _mapped_roles(context: click.Context) -> Iterator[Offer]:
    return ((each.arn, _about(each)) for each in _mapped(context) if each.arn and each.kind == "role")


def _about(entry: MappingEntry) -> str:
    return ", ".join((entry.username, *entry.groups)) if entry.username else entry.kind


def _section(context: click.Context) -> Any:
    from tarmak_iam.config.amazon import AMAZON
    from tarmak_iam.config.section_keys import section_named

    name = context.params.get("name")
    return section_named(name if isinstance(name, str) else AMAZON.name)


def _section_names() -> Iterator[Offer]:
    from tarmak_iam.config.section_keys import load_sections

    return ((section.name, "") for section in load_sections())


def _is_present(context: click.Context, path: tuple[str, ...]) -> bool:
    from tarmak_iam.errors import TarmakIamError

    try:
        config = _config(context)
        cluster = session_of(context).cluster(config)
    except TarmakIamError:
        return False
    return config.document.has((*cluster.route.plain, *_section(context).path, *path))


def _values_or_keys(context: click.Context, given: list[str]) -> Iterator[Offer]:
    from tarmak_iam.config.section_keys import key_named, keys_of

    section = _section(context)
    if len(given) % 2:
        return ((each, "") for each in key_named(section, given[-1]).choices)
    every: Iterable[SectionKey] = keys_of(section)
    rest = (each for each in every if each.key not in given[::2])
    return ((each.key, _first_sentence(each.field.description)) for each in rest)


def _paths(context: click.Context, typed: str, *, only_lists: bool = False) -> Iterator[Offer]:
    from tarmak_iam.config.path_offers import PathOffers

    config = _config(context)
    return PathOffers(config.file, _base(context, config, typed), only_lists).after(typed)


def _values_at(context: click.Context, path: str) -> Iterator[Offer]:
    from tarmak_iam.config.path_offers import value_offers

    config = _config(context)
    return ((each, "") for each in value_offers(config.file, _base(context, config, path), path))


def _base(context: click.Context, config: TarmakConfig, path: str) -> Route:
    """The route of the cluster that a path begins at; empty for the root of the file."""
    is_absolute = path.startswith("/") or bool(context.params.get("root"))
    return Route() if is_absolute else session_of(context).cluster(config).route


def _session_settings(context: click.Context) -> set[str]:
    session, config = session_of(context), _config(context)
    settings = session.files(config, session.cluster(config)).settings()
    return set(settings.chosen)


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split()).partition(". ")[0].removesuffix(".")
