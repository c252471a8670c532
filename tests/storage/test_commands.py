"""The project's commands with URLs of buckets."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from client.commands.inputs import local_file
from client.errors import LocalFileError
from tests.storage.proxy import Fault
from tests.train.conftest import TINY, data_root
from tests.train.test_job import stop_before_epoch
from train.__main__ import main as train
from train.data.__main__ import main as prepare

if TYPE_CHECKING:
    from pathlib import Path

    from tests.s3 import S3
    from tests.storage.proxy import Proxy

__all__ = ["data_root"]  # a fixture


@pytest.mark.slow
def test_a_job_goes_on_elsewhere_from_the_buckets_checkpoint(
    data_root: Path,
    bucket: str,
    s3: S3,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OBS_ENDPOINT", s3.url)  # no harm is done here, and checkpoints are large
    s3.put_folder(bucket, "data_set", data_root)
    at = f"obs://{bucket}"
    urls = ["--data_url", f"{at}/data_set", "--train_url", f"{at}/model", "--eval_url", f"{at}/out"]
    arguments = urls + [word for setting in TINY for word in ("--set", setting)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("train.fit.loop.train_epoch", stop_before_epoch(1))
        assert train(arguments) == 130
    model = {key for key in s3.keys(bucket) if key.startswith("model/")}
    assert model == {"model/checkpoint.pt"}
    with pytest.MonkeyPatch.context() as patch, caplog.at_level(logging.INFO):
        patch.setenv("XDG_CACHE_HOME", str(data_root.parent / "another machine"))
        assert train([*arguments, "--resume"]) == 0
    assert "resumed after epoch 1/2" in caplog.messages
    model = {key.removeprefix("model/") for key in s3.keys(bucket) if key.startswith("model/")}
    assert model >= {"model.json", "test_resnet.pth", "report.json", "checkpoint.pt"}
    assert "out/analysis-val/all_samples.json" in s3.keys(bucket)


def test_what_is_wrong_with_an_output_is_told_before_anything_is_copied(
    bucket: str, proxy: Proxy, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = ["--data_url", f"obs://{bucket}/data_set", "--train_url", "obs://no-such-bucket/model"]
    assert train(urls) == 1
    errors = capsys.readouterr().err
    assert errors.splitlines()[-1].startswith("error: obs://no-such-bucket/model: no such bucket")
    assert proxy.count("GET", "data_set") == 0


def test_a_data_set_is_made_in_a_bucket_once(
    data_root: Path, bucket: str, s3: S3, capsys: pytest.CaptureFixture[str]
) -> None:
    s3.put_folder(bucket, "photos", data_root)
    arguments = ["--source", f"obs://{bucket}/photos", "--data_url", f"obs://{bucket}/data_set"]
    assert prepare(arguments) == 0
    assert {"data_set/train/blue/0.jpg", "data_set/val/red/1.jpg"} <= s3.keys(bucket)
    assert prepare(arguments) == 1
    assert f"obs://{bucket}/data_set/train exists already" in capsys.readouterr().err


def test_the_client_reads_photos_from_a_bucket(bucket: str, s3: S3, proxy: Proxy) -> None:
    s3.put(bucket, "photos/a.jpg", b"photo")
    assert local_file(f"obs://{bucket}/photos/a.jpg").read_bytes() == b"photo"
    with pytest.raises(LocalFileError, match="is a folder; name the files in it"):
        local_file(f"obs://{bucket}/photos")
    proxy.faults.append(Fault("HEAD", "b.jpg", 9, status=403, code="AccessDenied"))
    with pytest.raises(LocalFileError, match=r"b\.jpg: access denied"):
        local_file(f"obs://{bucket}/b.jpg")
