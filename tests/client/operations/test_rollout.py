"""A new version takes over, or everything stays as it was."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from client.api.addresses import addresses_from
from client.api.metrics import MetricsClient
from client.errors import ClientError, RolloutFailed
from client.operations.acceptance import Checks
from client.operations.draining import wait_until_drained
from client.operations.model_store import sha256_of
from client.operations.rollout import Rollout, former_release
from client.operations.rollout_record import Release
from tests.client import replies
from tests.client.fake_models import WORK_S, FakeConnection, FakeModels, write_archive
from tests.client.fakes import URL, Script, reply

if TYPE_CHECKING:
    from pathlib import Path

    import requests


@dataclass
class Site:
    """A server with two workers, its run folder and its store, and what was said."""

    server: FakeModels
    connection: FakeConnection
    sample: Path
    said: list[str] = field(default_factory=list)
    failed: list[int] = field(default_factory=lambda: [0])

    def offer(self, version: str, *, stamped: bool = True, **metadata: Any) -> None:
        """Put an archive into the store."""
        mar = self.server.store / f"flowers-{version}.mar"
        write_archive(mar, version, **metadata)
        if stamped:
            mar.with_name(mar.name + ".sha256").write_text(f"{sha256_of(mar)}  {mar.name}\n")

    def roll_out(self, release: Release, **checks: Any) -> None:
        """Bring a release into service, on the fake's clock."""
        clock = self.server.time
        drained = functools.partial(
            wait_until_drained, processor_s=self.server.processor_s, clock=clock
        )
        pages = (reply(200, replies.metrics_page(5, 5, failed)) for failed in self.failed)
        # watched for less long than the old version has requests in work
        asked: dict[str, Any] = {"samples": [self.sample], "watch_s": WORK_S / 4} | checks
        Rollout(
            self.connection,
            release,
            Checks(**asked),
            self.said.append,
            drained=drained,
            metrics=MetricsClient(URL, Script(*pages).session()),
            clock=clock,
        ).run()

    def deploy(self, version: str = "2.0", **checks: Any) -> None:
        """Bring an archive of the store into service."""
        self.roll_out(Release(version, f"flowers-{version}.mar"), **checks)

    def is_as_before(self) -> bool:
        """Whether version 1.0 serves alone, and nobody lost a request."""
        server = self.server
        return (server.workers, server.default, server.cut_off) == ({"1.0": 2}, "1.0", 0)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    run_dir, store, sample = tmp_path / "run", tmp_path / "store", tmp_path / "photo.jpg"
    run_dir.mkdir()
    store.mkdir()
    sample.write_bytes(b"photo")
    (run_dir / "config.properties").write_text(f"model_store={store}\n")
    server = FakeModels(store, workers=2)
    stamp = f"{sha256_of(store / 'flowers.mar')}  flowers.mar\n"
    (store / "flowers.mar.sha256").write_text(stamp)
    connection = FakeConnection(addresses_from(URL), "flowers", run_dir, 30.0, server=server)
    return Site(server, connection, sample)


def test_a_new_version_takes_over_with_as_many_workers(site: Site) -> None:
    site.offer("2.0")
    site.deploy()

    assert (site.server.workers, site.server.default) == ({"2.0": 2}, "2.0")
    assert site.server.cut_off == 0
    assert site.said[0] == "flowers 2.0: 2 of 2 workers ready after 5.0 s"
    assert "1 of 1 pictures get the label that 1.0 gives (100 %; compared on " in site.said[1]
    assert site.said[-1] == "flowers 1.0: idle, removed"


def test_rolling_back_returns_to_the_version_before_and_forward_again(site: Site) -> None:
    site.offer("2.0")
    site.deploy()
    site.roll_out(former_release(site.connection))
    assert site.is_as_before()

    site.roll_out(former_release(site.connection))
    assert (site.server.workers, site.server.default) == ({"2.0": 2}, "2.0")
    assert site.server.cut_off == 0


@pytest.mark.parametrize(
    ("metadata", "checks", "cause"),
    [
        ({"stamped": False}, {}, "not verified"),
        ({"broken": True}, {}, "ended while it loaded the model"),
        ({"labels": ["daisy", "roses"]}, {}, "lacks the labels tulips"),
        ({"answer": {"roses": 0.9}}, {"min_agreement": 0.5}, "0 of 1 pictures"),
        ({"answer": {"daisy": 1.5}}, {}, "is not a probability"),
        ({"answer": {"daisy": 0.1, "roses": 0.2, "tulips": 0.3}}, {}, "adds up to 0.6"),
        ({"answer": {"cat": 0.9}}, {}, "unknown labels for .*: cat"),
        ({"answer": [503, replies.PREDICTION_FAILED]}, {}, "Prediction failed"),
    ],
)
def test_a_version_that_is_not_good_never_takes_over(
    site: Site, metadata: dict[str, Any], checks: dict[str, Any], cause: str
) -> None:
    site.offer("2.0", **metadata)

    with pytest.raises(RolloutFailed, match=cause) as caught:
        site.deploy(**checks)

    assert str(caught.value).endswith("1.0 goes on serving")
    assert site.is_as_before()
    assert not any("set-default" in command for command in site.server.commands)


def test_agreement_on_photos_that_both_refuse_is_none(site: Site) -> None:
    refusal = [415, replies.PREDICTION_FAILED]
    site.server.versions["1.0"].answer = refusal
    site.offer("2.0", answer=refusal)
    with pytest.raises(RolloutFailed, match="no answers were compared, as both versions refuse"):
        site.deploy(min_agreement=0.5)
    assert site.is_as_before()


def test_without_photos_no_agreement_is_told(site: Site) -> None:
    site.offer("2.0")
    site.deploy(samples=[], min_agreement=0.5)
    assert "no answers were compared, as no photos were named" in site.said[1]


def test_labels_may_go_where_that_is_asked_for(site: Site) -> None:
    site.offer("2.0", labels=["daisy", "roses"], answer={"daisy": 0.9, "roses": 0.1})
    site.deploy(other_labels=True)
    assert site.server.default == "2.0"


def test_failures_after_the_switch_take_it_back(site: Site) -> None:
    site.offer("2.0")
    site.failed = [3, 4]

    with pytest.raises(RolloutFailed, match="1 answers were 5xx"):
        site.deploy()
    assert site.is_as_before()
    site.failed = [3, 4]
    site.deploy(max_failures=1)
    assert site.server.default == "2.0"


def test_a_worker_that_ends_after_the_switch_takes_it_back(site: Site) -> None:
    site.offer("2.0")
    send = site.server.send

    def ending(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = send(request, **options)
        if str(request.path_url).endswith("2.0/set-default"):
            site.server.versions["2.0"].ready_at = {7: 0.0, 8: 0.0}
        return answer

    site.server.send = ending  # type: ignore[method-assign]
    with pytest.raises(RolloutFailed, match="one of its workers died"):
        site.deploy()
    assert site.is_as_before()


def test_what_cannot_be_put_back_is_told(site: Site) -> None:
    site.offer("2.0", answer={"cat": 0.9})
    send = site.server.send

    def failing(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.method == "DELETE":
            return reply(500, {"message": "no"})
        return send(request, **options)

    site.server.send = failing  # type: ignore[method-assign]
    with pytest.raises(RolloutFailed, match=r": cat; and 1\.0 could not be restored: no"):
        site.deploy()


def test_a_record_that_cannot_be_written_takes_it_back(site: Site, tmp_path: Path) -> None:
    site.offer("2.0")
    (tmp_path / "run" / "rollout.writing").mkdir()
    with pytest.raises(RolloutFailed, match="cannot write"):
        site.deploy()
    assert site.is_as_before()


@pytest.mark.parametrize("command", range(3), ids=["register", "scale", "set-default"])
def test_an_interruption_leaves_the_old_version_serving(site: Site, command: int) -> None:
    site.offer("2.0")
    send, commands = site.server.send, iter(range(100))

    def interrupted(request: requests.PreparedRequest, **options: Any) -> requests.Response:
        answer = send(request, **options)
        is_command = request.method != "GET" and "/models" in str(request.path_url)
        if is_command and next(commands) == command:
            raise KeyboardInterrupt
        return answer

    site.server.send = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        site.deploy()
    assert site.is_as_before()


def test_an_archive_of_another_version_is_refused_and_removed(site: Site) -> None:
    site.offer("3.0")
    (site.server.store / "flowers-2.0.mar").write_bytes(
        (site.server.store / "flowers-3.0.mar").read_bytes()
    )
    (site.server.store / "flowers-2.0.mar.sha256").write_bytes(
        (site.server.store / "flowers-3.0.mar.sha256").read_bytes()
    )
    with pytest.raises(RolloutFailed, match=r"flowers-2\.0\.mar holds version 3\.0"):
        site.deploy()
    assert site.is_as_before()


def test_the_version_in_service_is_left_alone(site: Site) -> None:
    site.offer("1.0")
    with pytest.raises(RolloutFailed, match=r"1\.0 is in service already"):
        site.deploy("1.0")
    assert not site.server.commands


def test_rolling_back_to_a_version_that_is_still_registered(site: Site) -> None:
    site.offer("2.0")
    site.deploy()
    site.server.management().register("flowers.mar")  # as where requests that name it kept coming
    site.roll_out(former_release(site.connection))
    assert site.is_as_before()
    assert "flowers 1.0: was registered, but not in service: removed" in "\n".join(site.said)


def test_a_registered_version_stays_where_its_archive_is_refused(site: Site) -> None:
    site.offer("2.0", stamped=False)
    site.server.management().register("flowers-2.0.mar")
    with pytest.raises(RolloutFailed, match="not verified"):
        site.deploy()
    assert site.server.workers == {"1.0": 2, "2.0": 1}


def test_a_version_that_stands_in_is_not_what_a_rollback_returns_to(site: Site) -> None:
    site.server.versions["1.0-stand-in"] = site.server.versions["1.0"]
    site.server.default = "1.0-stand-in"
    site.offer("2.0")
    with pytest.raises(RolloutFailed, match=r"stands in since an interrupted scaling.*make scale"):
        site.deploy()
    assert not site.server.commands


def test_a_broken_version_in_service_does_not_hold_up_its_successor(site: Site) -> None:
    site.offer("2.0")
    site.server.versions["1.0"].answer = [503, replies.PREDICTION_FAILED]
    site.deploy()
    assert site.server.default == "2.0"
    assert "0 of 1 pictures" in site.said[1]


def test_rolling_back_needs_a_record_that_holds(site: Site) -> None:
    with pytest.raises(RolloutFailed, match="no deployment of flowers is recorded"):
        former_release(site.connection)
    site.offer("2.0")
    site.deploy()
    record = json.loads(
        (site.connection.run_dir or site.sample).joinpath("rollout.json").read_text()
    )
    assert record["flowers"]["former"]["archive"] == "flowers.mar"

    write_archive(site.server.store / "flowers.mar", "1.0", weights="others")
    mar = site.server.store / "flowers.mar"
    mar.with_name("flowers.mar.sha256").write_text(f"{sha256_of(mar)}  flowers.mar\n")
    with pytest.raises(RolloutFailed, match="no longer the archive that was in service"):
        site.roll_out(former_release(site.connection))

    site.server.default = "3.0"
    site.server.versions["3.0"] = site.server.versions["2.0"]
    with pytest.raises(RolloutFailed, match=r"3\.0 is in service, but the last deployment left"):
        former_release(site.connection)


def test_with_the_model_api_off_nothing_changes(site: Site) -> None:
    site.offer("2.0")
    site.server.model_api = False
    with pytest.raises(ClientError, match="model API is off"):
        site.deploy()
    assert site.is_as_before()
