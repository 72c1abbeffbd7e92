"""Environments and providers that tarmak.yaml names, but does not have."""

from __future__ import annotations

from collections.abc import Iterator

from tarmak_iam.config.cluster import Issue, ReadFile, metadata_name
from tarmak_iam.suggestions import did_you_mean
from tarmak_iam.text import quoted, shortened


def reference_issues(config: ReadFile) -> Iterator[Issue]:
    """With paths from the root. A file without the whole list is not reported: it is still being written."""
    for cluster in config.clusters:
        if "environments" in config.data and cluster.environment and not cluster.environment_data():
            what = (
                f"the environment {quoted(cluster.environment)} does not exist: Tarmak does not "
                f"find {shortened(cluster.cluster_name)}"
            )
            remedy = did_you_mean(cluster.environment, _names(config, "environments"))
            path = (*cluster.route.plain, "environment")
            yield path, what, remedy or "add it to environments, or use another one"
    for index, environment in enumerate(config.data.get("environments") or ()):
        provider = (environment or {}).get("provider") or ""
        if "providers" in config.data and not config.provider(provider):
            yield ("environments", index, "provider"), *_missing_provider(config, provider)


def _missing_provider(config: ReadFile, provider: str) -> tuple[str, str]:
    names = _names(config, "providers")
    if provider:
        what = f"the provider {quoted(provider)} does not exist: every Tarmak command for this environment fails"
        return what, did_you_mean(provider, names) or "add it to providers, or use another one"
    what = "the environment has no provider: every Tarmak command for it fails"
    return what, f"set provider to {' or '.join(map(shortened, names))}" if names else "add a provider to providers"


def _names(config: ReadFile, kind: str) -> list[str]:
    names = (metadata_name(each) for each in config.data.get(kind) or ())
    return [name for name in names if name]
