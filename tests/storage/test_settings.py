"""How the environment configures access to a bucket; without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from storage.errors import SettingsError
from storage.hashes import matches
from storage.locations import parse
from storage.settings import read_settings

if TYPE_CHECKING:
    from pathlib import Path

OBS, AWS = parse("obs://bucket/path"), parse("s3://bucket/path")
CLOUD = "https://obs.cn-north-4.myhuaweicloud.com"


@pytest.fixture(autouse=True)
def _no_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.mark.parametrize(
    ("environ", "endpoint", "region", "addressing"),
    [
        ({"OBS_ENDPOINT": CLOUD}, CLOUD, "cn-north-4", "virtual"),
        ({"OBS_ENDPOINT": CLOUD.removeprefix("https://")}, CLOUD, "cn-north-4", "virtual"),
        ({"OBS_REGION": "cn-north-4"}, CLOUD, "cn-north-4", "virtual"),
        ({"S3_ENDPOINT": CLOUD}, CLOUD, "cn-north-4", "virtual"),
        ({"AWS_ENDPOINT_URL": "https://obs.local"}, "https://obs.local", None, "virtual"),
        ({"OBS_ENDPOINT": "http://10.0.0.1:9000"}, "http://10.0.0.1:9000", None, "path"),
        (
            {"OBS_ENDPOINT": "https://obs.local", "S3_ADDRESSING_STYLE": "path"},
            "https://obs.local",
            None,
            "path",
        ),
    ],
)
def test_obs_is_reached_as_it_wants_it(
    environ: dict[str, str], endpoint: str, region: str | None, addressing: str
) -> None:
    settings = read_settings(OBS, environ)
    assert (settings.endpoint, settings.region) == (endpoint, region)
    assert settings.addressing == addressing
    config = settings.client_options()["config"]
    assert config.signature_version == "s3v4"
    assert config.request_checksum_calculation == "when_required"
    assert config.response_checksum_validation == "when_required"
    assert config.s3 == {"payload_signing_enabled": False, "addressing_style": addressing}


def test_s3_leaves_to_the_aws_libraries_what_is_theirs() -> None:
    settings = read_settings(AWS, {"OBS_ENDPOINT": CLOUD, "OBS_ACCESS_KEY_ID": "a"})
    assert (settings.endpoint, settings.region, settings.addressing) == (None, None, None)
    assert settings.credentials == {}


def test_a_profile_may_name_the_endpoint(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\nendpoint_url = {CLOUD}\n")
    assert read_settings(OBS, {}).endpoint is None  # the libraries read it themselves


def test_credentials_are_passed_on_and_shown_nowhere() -> None:
    environ = {
        "OBS_ENDPOINT": CLOUD,
        "OBS_ACCESS_KEY_ID": "AK-value",
        "OBS_SECRET_ACCESS_KEY": "SK-value",
        "OBS_SECURITY_TOKEN": "token-value",
    }
    settings = read_settings(OBS, environ)
    assert settings.credentials == {
        "aws_access_key_id": "AK-value",
        "aws_secret_access_key": "SK-value",
        "aws_session_token": "token-value",
    }
    assert "-value" not in repr(settings)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({}, "set OBS_ENDPOINT="),
        ({"OBS_ENDPOINT": CLOUD, "OBS_ACCESS_KEY_ID": "x"}, "belong together"),
        ({"OBS_ENDPOINT": "https://bucket.obs.eu.example"}, "set OBS_ENDPOINT to https://obs.eu"),
        ({"OBS_ENDPOINT": "https://"}, "is not a URL"),
        ({"OBS_ENDPOINT": CLOUD, "S3_ADDRESSING_STYLE": "dns"}, "must be virtual or path"),
    ],
)
def test_what_is_wrong_is_named(environ: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings(OBS, environ)


def test_an_etag_of_another_kind_tells_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    assert matches(path, "not-an-md5") is None
    assert matches(path, "9a0364b9e99bb480dd25e1f0284c8555") is True
    assert matches(path, "0" * 32) is False
    assert matches(path, f"{'0' * 32}-7") is None
