"""Sets the Kubernetes version of an environment: python bump_versions.py DIRECTORY ENVIRONMENT VERSION"""

import sys

from tarmak_iam import TarmakConfig, TarmakIamError


def bump_versions(directory: str, environment: str, version: str) -> None:
    config = TarmakConfig.load(directory)
    edits = config.edit()
    for cluster in config.selectable_clusters:
        if cluster.environment == environment and not cluster.is_hub:
            edits = edits.on(cluster).set("kubernetes.version", version)
    print(edits.diff(), end="")
    edits.apply().save()  # one atomic write; all other bytes stay the same


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        bump_versions(*sys.argv[1:])
    except TarmakIamError as error:
        sys.exit(f"error: {error}")
