"""The models of sections: their base class, and those of `kubernetes.apiServer.amazon`, which its schema, its keys and
Python use."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tarmak_iam.config.tarmak_types import INTERVALS


class SectionModel(BaseModel):
    """Base class of the models of a section: frozen, and unknown keys are ignored, as Tarmak does.

    Field names are the keys of the file, without aliases. The docstring of a field is also its description in the JSON
    Schema. A null key is treated as a missing key.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for name, field in cls.model_fields.items():
            if field.alias or field.validation_alias or field.serialization_alias:
                raise TypeError(f"{cls.__name__}.{name} has an alias: the name of a field must be its key")


class AccessLogs(SectionModel):
    """Access logs of one of the API server's load balancers, written to an S3 bucket."""

    enabled: bool | None = None
    """Whether logs are written. Default: true if a bucket is set, else false."""

    bucket: str = ""
    """Name of the S3 bucket for the logs. The bucket must exist and allow the ELB account of the region to write.
    Required if logs are written."""

    bucketPrefix: str = ""
    """Prefix of the log objects in the bucket. Default: none."""

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
    starts, and configures it as the API server's token webhook. The authenticator itself runs in the cluster.
    Default: false."""
