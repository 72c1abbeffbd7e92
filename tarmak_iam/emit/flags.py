"""The API server's webhook flags, as Tarmak's Puppet sets them."""

from __future__ import annotations

from tarmak_iam.config.api_server import WEBHOOK_FLAG
from tarmak_iam.emit.artifact import Artifact, Emitter
from tarmak_iam.installation.installation import Installation


def webhook_args(installation: Installation) -> list[str]:
    """Empty where Tarmak sets no flag: awsIAMAuthenticatorInit is off and authTokenWebhookFile is not set, or the
    cluster is a hub, which has no masters.

    Raises ConfigError for a file name that would not reach the API server unchanged.
    """
    path = None if installation.is_hub else installation.safe_webhook_file()
    return [] if path is None else [f"--{WEBHOOK_FLAG}={path}"]


def webhook_hieradata(installation: Installation) -> list[str]:
    """The lines of hieradata that set these flags. Raises ConfigError as `webhook_args` does."""
    return installation.cluster.hieradata() if webhook_args(installation) else []


def _files(installation: Installation) -> tuple[Artifact, ...]:
    """`flags.txt`, with one flag per line."""
    text = "".join(f"{arg}\n" for arg in webhook_args(installation))
    return (Artifact("flags.txt", text.encode()),)


FLAGS = Emitter("flags", files=_files)
