"""Enables IAM login for a cluster in tarmak.yaml: python provision.py DIRECTORY CLUSTER BUCKET"""

import sys

from tarmak_iam import Subjects, TarmakConfig, TarmakIamError, check


def provision(directory: str, cluster_name: str, bucket: str) -> int:
    config = TarmakConfig.load(directory)
    config = config.enable_authenticator(cluster_name)
    config = config.set(cluster_name, "internalELBAccessLogs.bucket", bucket)
    findings = check(Subjects(config))
    for finding in findings:
        print(finding, file=sys.stderr)  # file:line:col: severity: message [ID]
    if not findings:
        config.save()  # one atomic write; all other bytes stay the same
        print(*config.cluster(cluster_name).effective()["hieradata"], sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        sys.exit(provision(*sys.argv[1:]))
    except TarmakIamError as error:
        sys.exit(f"error: {error}")
