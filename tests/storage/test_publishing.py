"""Copying to a bucket: checked, never repeated, and nothing is lost on failure."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from storage.__main__ import main
from storage.errors import AccessDenied, LocalError, NotFound, TransferError
from storage.locks import locked
from storage.publishing import publishing, upload
from tests.storage.proxy import Fault

if TYPE_CHECKING:
    from tests.s3 import S3
    from tests.storage.proxy import Proxy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files to upload."""
    root = tmp_path / "made"
    for name in ("model.json", "resnet34.pth", "sub/report.html"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def puts(proxy: Proxy) -> list[str]:
    return [path.partition("/out/")[2] for method, path, _ in proxy.requests if method == "PUT"]


def test_a_local_folder_is_written_to_directly(tmp_path: Path) -> None:
    with publishing(str(tmp_path)) as output:
        assert output.folder == tmp_path


def test_files_appear_at_the_end(bucket: str, s3: S3, tmp_path: Path) -> None:
    with publishing(f"obs://{bucket}/out") as output:
        (output.folder / "sub").mkdir()
        (output.folder / "sub/a.txt").write_text("a")
        assert s3.keys(bucket) == set()
    assert s3.get(bucket, "out/sub/a.txt") == b"a"
    assert list((tmp_path / "cache/marigold/outputs").iterdir()) == []


def test_after_an_error_nothing_appears(bucket: str, s3: S3, tmp_path: Path) -> None:
    def fail() -> None:
        with publishing(f"obs://{bucket}/out") as output:
            (output.folder / "a.txt").write_text("a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert s3.keys(bucket) == set()
    assert list((tmp_path / "cache/marigold/outputs").iterdir()) == []


def test_a_bucket_that_is_not_there_is_told_before_the_work(proxy: Proxy) -> None:
    with (
        pytest.raises(NotFound, match=rf"no such bucket at {proxy.url}"),
        publishing("obs://no-such-bucket/out"),
    ):
        pytest.fail("hours of work")


def test_one_file_can_be_uploaded_before_the_end(bucket: str, s3: S3) -> None:
    with publishing(f"obs://{bucket}/out") as output:
        path = output.folder / "checkpoint.pt"
        path.write_bytes(b"one epoch")
        output.save(path)
        assert s3.get(bucket, "out/checkpoint.pt") == b"one epoch"
        path.write_bytes(b"two epochs")
        output.save(path)
    with publishing(f"obs://{bucket}/out") as output:
        output.bring("checkpoint.pt")
        output.bring("none.pt")
        assert [path.name for path in output.folder.iterdir()] == ["checkpoint.pt"]
        path = output.folder / "checkpoint.pt"
        assert path.read_bytes() == b"two epochs"
        path.write_bytes(b"three epochs")  # a copy of its own, for writing


def test_an_early_upload_that_fails_is_told_and_the_work_goes_on(
    bucket: str, s3: S3, proxy: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    proxy.faults.append(Fault("PUT", "checkpoint", status=403, code="AccessDenied"))
    with publishing(f"obs://{bucket}/out") as output, caplog.at_level(logging.WARNING):
        (output.folder / "checkpoint.pt").write_bytes(b"one epoch")
        output.save(output.folder / "checkpoint.pt")
        assert "checkpoint.pt was not uploaded" in caplog.text
    assert s3.keys(bucket) == {"out/checkpoint.pt"}


def test_what_could_not_be_uploaded_is_kept_with_the_command_that_does(
    bucket: str, s3: S3, proxy: Proxy
) -> None:
    url = f"obs://{bucket}/out"
    proxy.faults.append(Fault("PUT", "/out/", times=99, status=403, code="AccessDenied"))
    with pytest.raises(AccessDenied) as caught, publishing(url) as output:
        (output.folder / "a.txt").write_text("hours of work")
    proxy.faults.clear()
    command = re.search(r"upload them with `python -m storage (copy .*)`", str(caught.value))
    assert command
    assert Path(command[1].split()[1]).parent.name.startswith("kept-")
    with publishing(url):  # what cleans up after killed jobs leaves it alone
        assert main(command[1].split()) == 0
        assert s3.get(bucket, "out/a.txt") == b"hours of work"


def test_a_second_upload_sends_only_what_changed(bucket: str, folder: Path, proxy: Proxy) -> None:
    upload(folder, f"obs://{bucket}/out")
    assert len(puts(proxy)) == 3
    (folder / "resnet34.pth").write_text("RESNET34.PTH")  # of the same size
    upload(folder, f"obs://{bucket}/out")
    assert puts(proxy)[3:] == ["resnet34.pth"]


def test_who_writes_may_lock_the_folder(bucket: str) -> None:
    with publishing(f"obs://{bucket}/out") as output, locked(output.folder, wait=False):
        pass


def test_what_tells_that_all_is_there_comes_last(bucket: str, folder: Path, proxy: Proxy) -> None:
    upload(folder, f"obs://{bucket}/out", last=("model.json",))
    assert puts(proxy)[-1] == "model.json"


def test_large_files_go_in_parts(
    bucket: str, s3: S3, tmp_path: Path, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.bucket.PART_BYTES", 5 * 2**20)
    content = bytes(range(256)) * (11 * 2**20 // 256)
    (tmp_path / "big").mkdir()
    (tmp_path / "big/weights").write_bytes(content)
    upload(tmp_path / "big", f"obs://{bucket}/out")
    assert s3.get(bucket, "out/weights") == content
    before = len(puts(proxy))
    upload(tmp_path / "big", f"obs://{bucket}/out")  # its ETag is that of parts, and known again
    assert len(puts(proxy)) == before


def test_what_arrived_is_checked(bucket: str, folder: Path, s3: S3, proxy: Proxy) -> None:
    harm = Fault("HEAD", "34.pth", before=lambda: s3.put(bucket, "out/resnet34.pth", b"#" * 12))
    proxy.faults.append(harm)
    with pytest.raises(TransferError, match=r"resnet34\.pth: what is there is not what was writt"):
        upload(folder, f"obs://{bucket}/out")


def test_an_empty_folder_is_no_success(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(LocalError, match="has no files to upload"):
        upload(tmp_path / "none", f"obs://{bucket}/out")


def test_copy_goes_both_ways(
    bucket: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["copy", str(folder), f"obs://{bucket}/out"]) == 0
    assert main(["copy", f"obs://{bucket}/out", str(tmp_path / "back")]) == 0
    assert (tmp_path / "back/sub/report.html").read_text() == "sub/report.html"
    (tmp_path / "back/model.json").write_text("edited")  # no link to the cached copy
    assert main(["copy", f"obs://{bucket}/out", str(tmp_path / "again")]) == 0
    assert (tmp_path / "again/model.json").read_text() == "model.json"
    capsys.readouterr()
    assert main(["fingerprint", f"obs://{bucket}/out"]) == 0
    assert re.fullmatch(r"[0-9a-f]{16}\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["copy", "a", "b"], "neither is a bucket's URL"),
        (["copy", "obs://bucket/a", "obs://bucket/b"], "one of the two must be a local folder"),
        (["copy", "no-folder", "obs://bucket/b"], "no-folder: no such folder"),
        (["fingerprint", "gs://bucket/a"], "cannot read or write gs:// URLs"),
        (["fingerprint", "obs://My_Bucket/a"], "is not a bucket name"),
    ],
)
def test_errors_end_in_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    errors = capsys.readouterr().err
    assert errors.startswith("error: ")
    assert message in errors
