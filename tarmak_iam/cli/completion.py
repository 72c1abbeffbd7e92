"""The values that completion offers for options and arguments: clusters, ARNs, keys, values.

Nothing is written, and there are no prompts. An error here, such as a file that cannot be read, means no offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from tarmak_iam.cli.session import session_of
from tarmak_iam.errors import FileError, TarmakIamError
from tarmak_iam.routes import Route
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tarmak_iam.config import TarmakConfig
    from tarmak_iam.config.sections import Section
    from tarmak_iam.mappings.entries import MappingEntry


COMPLETION_VARIABLE = "_TARMAK_IAM_COMPLETE"
"""The environment variable that a shell's script sets to ask for completions; its value is the shell."""

Offers = Iterable[tuple[str, str]]
"""Values, each with a few words about it."""

OffersOf = Callable[[click.Context, click.Parameter, str], Offers]
"""Of a parameter, and of what is typed of its value."""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]

# Completed by the shell itself:
files: Completer = click.Path().shell_complete
directories: Completer = click.Path(file_okay=False).shell_complete


def completer(offers: OffersOf) -> Completer:
    """For click's `shell_complete`: the offers that begin with what is typed, each once."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        matching = {value: about for value, about in offers(context, parameter, typed) if value.startswith(typed)}
        return [CompletionItem(value, help=one_line(about)) for value, about in matching.items()]

    return complete


def _config(context: click.Context) -> TarmakConfig:
    """Raises TarmakIamError."""
    session = session_of(context)
    if (path := session.path()) is None or not path.is_file():  # reading a named pipe would block
        raise FileError("this is not a regular file")
    return session.config()


@completer
def clusters(context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    named = (cluster for cluster in _config(context).clusters if cluster.name and cluster.environment)
    return ((cluster.cluster_name, cluster.type) for cluster in named)


def _mapped(is_offered: Callable[[MappingEntry], object]) -> OffersOf:
    def offers(context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
        session, config = session_of(context), _config(context)
        mappings = session.files(config, session.cluster(config)).mappings()
        for entry in mappings.entries if mappings else ():
            if is_offered(entry):
                yield entry.principal, ", ".join((entry.username, *entry.groups)) if entry.username else entry.kind

    return offers


principals = completer(_mapped(lambda entry: entry.principal))
callers = completer(_mapped(lambda entry: entry.arn and entry.kind != "account"))
"""The mapped roles and users."""

_roles = _mapped(lambda entry: entry.arn and entry.kind == "role")
roles = completer(_roles)


@completer
def sections(_context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    from tarmak_iam.config.section_keys import load_sections

    return ((section.name, "") for section in load_sections())


@completer
def schemas(_context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    from tarmak_iam.config.schema import WHOLE_FILE
    from tarmak_iam.config.section_keys import load_sections

    yield WHOLE_FILE, "the whole file"
    yield "mappings", "a cluster's aws-iam-authenticator.yaml"
    yield "settings", "a cluster's tarmak-iam.yaml"
    yield from ((section.name, "") for section in load_sections())


def _keys(context: click.Context) -> tuple[Section[Any], dict[tuple[str, ...], str]]:
    """The section of --section, and its keys."""
    from tarmak_iam.config.api_server import AMAZON
    from tarmak_iam.config.section_keys import keys_of, section_named

    section = section_named(context.params.get("name") or AMAZON.name)
    return section, {key.path: _first_sentence(key.field.description) for key in keys_of(section)}


@completer
def section_keys(context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    """The keys of the file, and their blocks; if it has none, all keys."""
    section, known = _keys(context)
    known |= {path[:end]: "the whole block" for path in known for end in range(1, len(path))}
    present = {}
    with suppress(TarmakIamError):
        config = _config(context)
        base = (*session_of(context).cluster(config).route.plain, *section.path)
        present = {path: about for path, about in known.items() if config.document.has((*base, *path))}
    return ((".".join(path), about) for path, about in (present or known).items())


@completer
def section_keys_or_values(context: click.Context, parameter: click.Parameter, _typed: str) -> Offers:
    """For KEY VALUE KEY VALUE ...: the keys that are not given yet, or the values of the last key."""
    from tarmak_iam.config.section_keys import key_named

    (section, known), given = _keys(context), _given(context, parameter)
    if len(given) % 2:
        return ((choice, "") for choice in key_named(section, given[-1]).choices)
    return ((".".join(path), about) for path, about in known.items() if ".".join(path) not in given[::2])


def _given(context: click.Context, parameter: click.Parameter) -> list[str]:
    """The complete words of an argument that takes several."""
    return [str(word) for word in context.params.get(parameter.name or "") or ()]


def _paths(context: click.Context, typed: str, *, only_lists: bool = False) -> Offers:
    from tarmak_iam.config.path_lookup import path_offers

    config = _config(context)
    return path_offers(config, _base(context, config, typed), typed, only_lists=only_lists)


def _base(context: click.Context, config: TarmakConfig, path: str) -> Route:
    """The route of the cluster that a path begins at; empty for the root of the file."""
    is_absolute = path.startswith("/") or bool(context.params.get("root"))
    return Route() if is_absolute else session_of(context).cluster(config).route


@completer
def key_paths(context: click.Context, _parameter: click.Parameter, typed: str) -> Offers:
    """The paths of keys of tarmak.yaml that begin with what is typed."""
    return _paths(context, typed)


@completer
def list_paths(context: click.Context, _parameter: click.Parameter, typed: str) -> Offers:
    """The paths of lists, and the way to them."""
    return _paths(context, typed, only_lists=True)


@completer
def key_paths_or_values(context: click.Context, parameter: click.Parameter, typed: str) -> Offers:
    """For PATH VALUE PATH VALUE ...: paths, or the values of the last path."""
    from tarmak_iam.config.path_lookup import value_offers

    given = _given(context, parameter)
    if len(given) % 2 == 0:
        return _paths(context, typed)
    config = _config(context)
    return ((value, "") for value in value_offers(config, _base(context, config, given[-1]), given[-1]))


def _settings() -> dict[str, str]:
    from tarmak_iam.installation.setting_table import SETTINGS

    return {key: _first_sentence(setting.description) for key, setting in SETTINGS.items()}


@completer
def setting_keys(_context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    return _settings().items()


@completer
def settings_in_file(context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    """The keys of the settings file; if it has none, all keys."""
    present = {}
    with suppress(FileError):
        session, config = session_of(context), _config(context)
        present = session.files(config, session.cluster(config)).settings().chosen
    return [(key, about) for key, about in _settings().items() if key in present or not present]


@completer
def setting_values(context: click.Context, parameter: click.Parameter, typed: str) -> Offers:
    """For the VALUE of a KEY of the settings."""
    from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature
    from tarmak_iam.installation.setting_table import REGISTRY
    from tarmak_iam.installation.settings import choices_of

    key = str(context.params.get("key"))
    if key == "featureGates":
        return ((f"{SSO_GATE}={value}", ReleaseFeature.SSO_GATE.value) for value in ("true", "false"))
    offers = {"backends": _backends, "daemonVersion": _daemon_versions, REGISTRY: _registries, "role": _roles}.get(key)
    return offers(context, parameter, typed) if offers else ((choice, "") for choice in choices_of(key))


def _backends(_context: click.Context, _parameter: click.Parameter, typed: str) -> Offers:
    """A list separated by commas: the backends that are not in it yet."""
    from tarmak_iam.installation.settings import choices_of

    head, comma, _ = typed.rpartition(",")
    return ((f"{head}{comma}{name}", "") for name in choices_of("backends") if name not in head.split(","))


def _registries(_context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    return (("public", "public.ecr.aws, without a login"), ("ecr", "the private repository of the upstream project"))


def _daemon_versions(_context: click.Context, _parameter: click.Parameter, _typed: str) -> Offers:
    from tarmak_iam.identity.releases import known_releases

    return ((str(release), "") for release in reversed(known_releases()))


backends, registries, daemon_versions = map(completer, (_backends, _registries, _daemon_versions))


def _first_sentence(text: str | None) -> str:
    return " ".join((text or "").split()).partition(". ")[0].removesuffix(".")
