"""The values that completion offers for options and arguments: clusters, ARNs, keys, values.

Nothing is written, and there are no prompts. An error here, such as a file that cannot be read, means no offers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from tarmak_iam.cli.session import session_of
from tarmak_iam.errors import FileError
from tarmak_iam.text import one_line

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from tarmak_iam.config import TarmakConfig
    from tarmak_iam.installation.cluster_files import ClusterFiles
    from tarmak_iam.mappings.entries import MappingEntry
    from tarmak_iam.routes import Route


COMPLETION_VARIABLE = "_TARMAK_IAM_COMPLETE"
"""The environment variable that a shell's script sets to ask for completions; its value is the shell."""

Offers = Iterable[tuple[str, str]]
"""Values, each with a few words about it."""

Completer = Callable[[click.Context, click.Parameter, str], "list[CompletionItem]"]

# Completed by the shell itself:
files: Completer = click.Path().shell_complete
directories: Completer = click.Path(file_okay=False).shell_complete


class Asked(NamedTuple):
    """A parameter, and what is typed of its value."""

    context: click.Context
    parameter: click.Parameter
    typed: str

    def config(self) -> TarmakConfig:
        """Raises TarmakIamError."""
        session = session_of(self.context)
        if (path := session.path()) is None or not path.is_file():  # reading a named pipe would block
            raise FileError("this is not a regular file")
        return session.config()

    def cluster_files(self) -> ClusterFiles:
        session, config = session_of(self.context), self.config()
        return session.files(config, session.cluster(config))

    def base(self, config: TarmakConfig, path: str) -> Route:
        """The route of the cluster that a path begins at; empty for the root of the file."""
        from tarmak_iam.routes import Route

        is_absolute = path.startswith("/") or bool(self.context.params.get("root"))
        return Route() if is_absolute else session_of(self.context).cluster(config).route

    @property
    def given(self) -> list[str]:
        """The complete words of an argument that takes several."""
        return [str(word) for word in self.context.params.get(self.parameter.name or "") or ()]


def completer(offers: Callable[[Asked], Offers]) -> Completer:
    """For click's `shell_complete`: the offers that begin with what is typed, each once."""

    def complete(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        offered = offers(Asked(context, parameter, typed))
        matching = {value: about for value, about in offered if value.startswith(typed)}
        return [CompletionItem(value, help=one_line(about)) for value, about in matching.items()]

    return complete


@completer
def clusters(asked: Asked) -> Offers:
    named = (cluster for cluster in asked.config().clusters if cluster.name and cluster.environment)
    return ((cluster.cluster_name, cluster.type) for cluster in named)


@completer
def environments(asked: Asked) -> Offers:
    return ((cluster.environment, "") for cluster in asked.config().clusters if cluster.environment)


def _mapped(asked: Asked, is_offered: Callable[[MappingEntry], object]) -> Offers:
    mappings = asked.cluster_files().mappings()
    for entry in mappings.entries if mappings else ():
        if is_offered(entry):
            yield entry.principal, ", ".join((entry.username, *entry.groups)) if entry.username else entry.kind


def _roles(asked: Asked) -> Offers:
    return _mapped(asked, lambda entry: entry.arn and entry.kind == "role")


principals = completer(lambda asked: _mapped(asked, lambda entry: entry.principal))
callers = completer(lambda asked: _mapped(asked, lambda entry: entry.arn and entry.kind != "account"))
"""The mapped roles and users."""


def _sections(_: Asked) -> Offers:
    from tarmak_iam.config.section_keys import load_sections

    return ((section.name, "") for section in load_sections())


@completer
def schemas(asked: Asked) -> Offers:
    yield "tarmak.yaml", "the whole file"
    yield "mappings", "a cluster's aws-iam-authenticator.yaml"
    yield "settings", "a cluster's tarmak-iam.yaml"
    yield from _sections(asked)


def _key_paths(asked: Asked, *, only_lists: bool = False) -> Offers:
    from tarmak_iam.config.path_lookup import path_offers

    config = asked.config()
    return path_offers(config, asked.base(config, asked.typed), asked.typed, only_lists=only_lists)


key_paths = completer(_key_paths)
list_paths = completer(lambda asked: _key_paths(asked, only_lists=True))
"""The paths of lists, and the way to them."""


@completer
def key_paths_or_values(asked: Asked) -> Offers:
    """For PATH VALUE PATH VALUE ...: paths, or the values of the last path."""
    from tarmak_iam.config.path_lookup import value_offers

    if len(asked.given) % 2 == 0:
        return _key_paths(asked)
    config, path = asked.config(), asked.given[-1]
    return ((value, "") for value in value_offers(config, asked.base(config, path), path))


def _settings(_: Asked) -> Offers:
    from tarmak_iam.installation.setting_table import SETTINGS

    return ((key, setting.short.replace("\n", " ")) for key, setting in SETTINGS.items())


@completer
def settings_in_file(asked: Asked) -> Offers:
    """The keys of the settings file; if it has none, all keys."""
    present = {}
    with suppress(FileError):
        present = asked.cluster_files().settings().chosen
    return [(key, about) for key, about in _settings(asked) if key in present or not present]


@completer
def setting_pairs(asked: Asked) -> Offers:
    """For KEY VALUE KEY VALUE ...: the settings that are not given yet, or the values of the last one."""
    from tarmak_iam.identity.releases import SSO_GATE, ReleaseFeature
    from tarmak_iam.installation.setting_table import REGISTRY
    from tarmak_iam.installation.settings import choices_of

    if len(asked.given) % 2 == 0:
        return ((key, about) for key, about in _settings(asked) if key not in asked.given[::2])
    key = asked.given[-1]
    if key == "featureGates":
        return ((f"{SSO_GATE}={value}", ReleaseFeature.SSO_GATE.value) for value in ("true", "false"))
    offers = {"backends": _backends, "daemonVersion": _daemon_versions, REGISTRY: _registries, "role": _roles}.get(key)
    return offers(asked) if offers else ((choice, "") for choice in choices_of(key))


def _backends(asked: Asked) -> Offers:
    """A list separated by commas: the backends that are not in it yet."""
    from tarmak_iam.installation.settings import choices_of

    head, comma, _ = asked.typed.rpartition(",")
    return ((f"{head}{comma}{name}", "") for name in choices_of("backends") if name not in head.split(","))


def _registries(_: Asked) -> Offers:
    return (("public", "public.ecr.aws, without a login"), ("ecr", "the private repository of the upstream project"))


def _daemon_versions(_: Asked) -> Offers:
    from tarmak_iam.identity.releases import known_releases

    return ((str(release), "") for release in reversed(known_releases()))


roles, sections, setting_keys = map(completer, (_roles, _sections, _settings))
backends, registries, daemon_versions = map(completer, (_backends, _registries, _daemon_versions))


@completer
def rules(_: Asked) -> Offers:
    from tarmak_iam.lint import all_rules

    return ((text, rule.summary) for rule in all_rules() for text in (rule.id, rule.name) if text)


@completer
def command_words(asked: Asked) -> Offers:
    """For COMMAND SUBCOMMAND: the commands of the program, or of the word before."""
    program = asked.context.find_root()
    command: Any = program.command
    for word in asked.given:
        command = command.get_command(program, word)
    return ((name, "") for name in command.list_commands(program))
