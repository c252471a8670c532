"""Copying from a bucket: completely or not at all, and only once, whatever goes wrong."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from storage import cache
from storage.errors import AccessDenied, NotFound, ObjectChanged, TransferError
from storage.fetching import fetch, fingerprint
from tests.storage.proxy import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from tests.s3 import S3
    from tests.storage.proxy import Proxy

BIG = hashlib.shake_256(b"big").digest(3_000_000)
FILES = {"train/a/1.jpg": b"one", "train/b/ü &+ 2.jpg": b"two", "big.pth": BIG, "empty": b""}


@pytest.fixture
def url(s3: S3, bucket: str) -> str:
    """A folder in a bucket, beside another whose name begins alike."""
    for name, content in FILES.items():
        s3.put(bucket, f"data/{name}", content)
    s3.put(bucket, "data/train/", b"")  # the mark of a folder, as consoles make it
    s3.put(bucket, "data-old/other", b"not this")
    return f"obs://{bucket}/data"


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_local_paths_are_used_as_they_are(tmp_path: Path) -> None:
    assert fetch(str(tmp_path)) == tmp_path
    assert fetch(f"file://{tmp_path}") == tmp_path
    assert fingerprint(str(tmp_path)) == ""


@pytest.mark.parametrize("scheme", ["obs", "s3"])
def test_a_folder_is_copied(
    url: str, scheme: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    if scheme == "s3":  # the names of AWS, and none of OBS
        for theirs, ours in (("ENDPOINT", "ENDPOINT_URL"), ("ACCESS_KEY_ID", "ACCESS_KEY_ID")):
            monkeypatch.setenv(f"AWS_{ours}", proxy.url if theirs == "ENDPOINT" else "test")
            monkeypatch.delenv(f"OBS_{theirs}")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    assert contents(fetch(url.replace("obs", scheme, 1) + "/")) == FILES


def test_a_second_run_copies_nothing(url: str, proxy: Proxy) -> None:
    folder = fetch(url)
    before = len(proxy.requests)
    assert fetch(url) == folder
    assert [path.partition("?")[2][:6] for _, path, _ in proxy.requests[before:]] == ["prefix"]


def test_only_what_changed_is_copied_and_what_went_is_gone(
    url: str, bucket: str, s3: S3, proxy: Proxy
) -> None:
    old = fetch(url)
    state = fingerprint(url)
    s3.put(bucket, "data/train/a/1.jpg", b"won")  # of the same size
    s3.put(bucket, "data/new", b"new")
    before = proxy.count("GET", "/data/")
    new = fetch(url)
    assert proxy.count("GET", "/data/") - before == 2
    assert contents(new) == FILES | {"train/a/1.jpg": b"won", "new": b"new"}
    assert fingerprint(url) != state
    assert contents(old) == FILES  # this process may be using it


def test_a_snapshot_that_nobody_uses_is_removed(
    url: str, bucket: str, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "hold", lambda _: None)  # as after the end of the process
    old = fetch(url)
    s3.put(bucket, "data/big.pth", b"small")
    new = fetch(url)
    assert not old.exists()
    objects = list((new.parents[1] / "objects").iterdir())
    assert len(objects) == len(FILES)


def test_one_object_can_be_named(url: str) -> None:
    path = fetch(f"{url}/train/a/1.jpg")
    assert (path.name, path.read_bytes()) == ("1.jpg", b"one")


def test_names_can_be_left_out(url: str, proxy: Proxy) -> None:
    assert "big.pth" not in contents(fetch(url, skip=("big.pth",)))
    assert proxy.count("GET", "big.pth") == 0


def test_more_objects_than_one_page_lists(
    url: str, bucket: str, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.bucket._PAGE", 2)
    s3.put(bucket, "data/zz", b"last")
    assert contents(fetch(url)) == FILES | {"zz": b"last"}


def test_a_broken_connection_is_gone_on_with(url: str, proxy: Proxy) -> None:
    proxy.faults.append(Fault("GET", "big.pth", cut_after=1_000_000))
    assert contents(fetch(url)) == FILES
    ranges = [h.get("range") for method, path, h in proxy.requests if "big.pth" in path]
    assert ranges == [None, "bytes=1000000-"]


def test_a_copy_that_failed_never_looks_whole_and_is_gone_on_with(
    url: str, proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.transfer.ATTEMPTS", 1)
    proxy.faults.append(Fault("GET", "big.pth", cut_after=1_000_000))
    proxy.faults.append(Fault("GET", "big.pth", times=99, cut_after=0))
    with pytest.raises(TransferError, match=r"data/big\.pth: .*start again later"):
        fetch(url)
    assert not list(tmp_path.glob("cache/marigold/*/snapshots"))
    proxy.faults.clear()
    before = len(proxy.requests)
    assert contents(fetch(url)) == FILES
    again = [(path, h.get("range")) for _, path, h in proxy.requests[before:] if "big" in path]
    assert [wanted for _, wanted in again] == ["bytes=1000000-"]


def test_a_busy_storage_is_asked_again(url: str, proxy: Proxy) -> None:
    proxy.faults.append(Fault("GET", "1.jpg", times=2, status=503, code="SlowDown"))
    assert contents(fetch(url)) == FILES


def test_a_storage_that_stays_busy_is_named(
    url: str, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.settings.ATTEMPTS", 1)
    proxy.faults.append(Fault("GET", "prefix", times=99, status=503, code="ServiceUnavailable"))
    with pytest.raises(TransferError, match=rf"{url}: http://127.*keeps failing"):
        fetch(url)


def test_damaged_contents_are_copied_again(url: str, proxy: Proxy) -> None:
    proxy.faults.append(Fault("GET", "big.pth", flip=True))
    assert contents(fetch(url)) == FILES
    assert proxy.count("GET", "big.pth") == 2


def test_contents_that_stay_damaged_are_refused(url: str, proxy: Proxy) -> None:
    proxy.faults.append(Fault("GET", "big.pth", times=99, flip=True))
    with pytest.raises(TransferError, match=r"do not have the MD5 of the ETag"):
        fetch(url)


def test_an_object_that_changes_meanwhile_is_never_mixed(
    url: str, bucket: str, s3: S3, proxy: Proxy
) -> None:
    new = BIG[::-1]
    proxy.faults.append(Fault("GET", "big.pth", cut_after=1_000_000))
    change = Fault("GET", "big.pth", before=lambda: s3.put(bucket, "data/big.pth", new))
    proxy.faults.append(change)
    assert contents(fetch(url)) == FILES | {"big.pth": new}


def test_an_object_that_keeps_changing_is_named(
    url: str, bucket: str, s3: S3, proxy: Proxy
) -> None:
    versions = iter([b"2", b"3"])
    change = Fault(
        "GET", "1.jpg", 2, before=lambda: s3.put(bucket, "data/train/a/1.jpg", next(versions))
    )
    proxy.faults.append(change)
    with pytest.raises(ObjectChanged, match=r"1\.jpg: it changed while it was copied; start again"):
        fetch(url)


def test_a_missing_bucket_is_named(proxy: Proxy) -> None:
    with pytest.raises(NotFound, match=rf"obs://no-such-bucket/x: no such bucket at {proxy.url}"):
        fetch("obs://no-such-bucket/x")


def test_a_missing_folder_is_named(bucket: str) -> None:
    with pytest.raises(NotFound, match=rf"obs://{bucket}/none: nothing there"):
        fetch(f"obs://{bucket}/none")
    with pytest.raises(NotFound, match=rf"obs://{bucket}: the bucket is empty"):
        fetch(f"obs://{bucket}/")


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AccessDenied", "access denied; let the bucket's policy allow"),
        ("InvalidAccessKeyId", "does not know these credentials"),
        ("VirtualHostDomainRequired", "set S3_ADDRESSING_STYLE=virtual"),
        ("RequestTimeTooSkewed", "clock is wrong"),
    ],
)
@pytest.mark.parametrize("path", ["prefix", "big.pth"])
def test_a_refusal_comes_with_its_remedy(
    url: str, proxy: Proxy, code: str, remedy: str, path: str
) -> None:
    proxy.faults.append(Fault("GET", path, times=99, status=403, code=code))
    with pytest.raises(AccessDenied, match=remedy) as caught:
        fetch(url)
    assert str(caught.value).startswith(url)
    assert proxy.count("GET", path) == 1  # trying again would not help
    assert "test-secret-key" not in repr(caught.value)


def test_nobody_there(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("storage.settings.ATTEMPTS", 1)
    monkeypatch.setenv("OBS_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TransferError, match=r"cannot reach http://127\.0\.0\.1:9; check OBS_END"):
        fetch(url)
