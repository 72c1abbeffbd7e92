"""The models of the section `kubernetes.apiServer.amazon`, which its schema, its keys and Python use."""

from __future__ import annotations

from pydantic import Field

from tarmak_iam.config.section_model import SectionModel
from tarmak_iam.config.tarmak_types import INTERVALS


class AccessLogs(SectionModel):
    """Access logs of one of the API server's load balancers, written to an S3 bucket."""

    enabled: bool | None = None
    """Whether logs are written. Default: true if a bucket is set, else false."""

    bucket: str = ""
    """Name of the S3 bucket for the logs. The bucket must exist and allow the ELB account of the region to write."""

    bucketPrefix: str = ""
    """Prefix of the log objects in the bucket."""

    interval: int | None = Field(default=None, json_schema_extra={"enum": [*INTERVALS, None]})
    """Minutes between two log files: 5 or 60. Default: 5."""


class Amazon(SectionModel):
    """Settings of the Kubernetes API server that exist on AWS only."""

    publicELBAccessLogs: AccessLogs | None = None
    """Access logs of the public load balancer; used only where `apiServer.public` is true."""

    internalELBAccessLogs: AccessLogs | None = None
    """Access logs of the internal load balancer."""

    awsIAMAuthenticatorInit: bool = False
    """Prepares the masters for the AWS IAM Authenticator: creates its certificate and key before the API server
    starts, and configures it as the API server's token webhook. The authenticator itself runs in the cluster."""
