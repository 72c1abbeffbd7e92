"""Tokens with the credentials and region of environment variables: as botocore makes them, without botocore."""

from __future__ import annotations

import logging
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tarmak_iam.errors import ConfigError, TarmakIamError
from tarmak_iam.token import make_token
from tests.support.tables import rows

NOW = datetime(2026, 11, 24, 22, 44, 24, 999999, tzinfo=timezone.utc)


@pytest.mark.parametrize("variables", rows(__file__, "test_environment_variables_need_no_botocore"))
@pytest.mark.usefixtures("aws")
def test_environment_variables_need_no_botocore(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, variables: dict[str, str | None]
) -> None:
    """The token is the one that botocore's credentials and region make."""
    caplog.set_level(logging.INFO, "tarmak_iam")
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name)
        else:
            monkeypatch.setenv(name, value)
    with monkeypatch.context() as other:
        other.setattr("tarmak_iam.token.make.environment_credentials", lambda _: None)
        expected = make_token("test", now=NOW)
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    assert make_token("test", now=NOW) == expected
    assert caplog.messages == ["AWS credentials: env"] * 2


@pytest.mark.parametrize("variables", rows(__file__, "test_environment_variables_that_botocore_decides_about"))
@pytest.mark.usefixtures("aws")
def test_environment_variables_that_botocore_decides_about(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(TarmakIamError, match="tokens need botocore"):
        make_token("test", now=NOW)


@pytest.mark.usefixtures("aws")
def test_a_cache_of_sessions_needs_botocore(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    with pytest.raises(TarmakIamError, match="tokens need botocore"):
        make_token("test", now=NOW, cache_directory=tmp_path)


@pytest.mark.usefixtures("aws")
def test_a_region_of_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "moon")
    with pytest.raises(ConfigError, match="'moon' is not a valid AWS region"):
        make_token("test", now=NOW)
