"""Deploys a new version of a model under load, and rolls it back.

    register beside the old one -> workers ready -> answers compared -> default -> watched
    -> the old one drained -> removed

If anything fails before the old version is drained, the former state is restored: the old version
is the default, and the new one is gone. No request is lost on the way, because a version loses its
workers only when it has nothing in progress (`client.operations.draining`).

If the model store is on this machine, only verified archives are accepted.
"""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.api.metrics import MetricsClient
from client.errors import ClientError, ModelNotFound, RolloutFailed, VersionRefused
from client.operations.acceptance import check_answers, watch
from client.operations.draining import DRAIN_DEADLINE_S, wait_until_drained
from client.operations.model_store import bring_in, find_model_store, sha256_of
from client.operations.rollout_record import Release, read_record, write_record
from client.operations.stand_in import SUFFIX
from client.operations.starting import start_workers

if TYPE_CHECKING:
    from collections.abc import Callable

    from client.api.management import ManagementClient
    from client.api.models import ModelStatus
    from client.connection import Connection
    from client.operations.acceptance import Checks


class Rollout:
    """One change of the version in service.

    Args:
        connection: The server and the model.
        new: The new release.
        checks: What it must satisfy.
        say: Shows a line of progress.
    """

    def __init__(  # noqa: PLR0913
        self,
        connection: Connection,
        new: Release,
        checks: Checks,
        say: Callable[[str], None],
        *,
        drained: Callable[[ManagementClient, str, str], bool] = wait_until_drained,
        metrics: MetricsClient | None = None,
        clock: Clock = MACHINE,
    ) -> None:
        self._connection, self._model, self._new = connection, connection.model, new
        self._checks, self._say, self._drained = checks, say, drained
        self._management = connection.management()
        self._metrics = metrics or MetricsClient(connection.addresses.metrics)
        self._clock = clock

    def check(self) -> None:
        """Check that the deployment could begin.

        Raises:
            RolloutFailed: The server has the version, or is in a state that rules it out.
            ModelApiDisabled: The server registers no models.
            ClientError: The server did not answer.
        """
        self._find_old()
        self._management.check_model_api()

    def _find_old(self) -> ModelStatus:
        """Return the version in service; raises RolloutFailed if the new one cannot follow it."""
        old = self._management.describe(self._model)
        if old.version.endswith(SUFFIX):
            raise RolloutFailed(
                f"{old.version} stands in since an interrupted scaling; complete that "
                "first: `make scale WORKERS=n`"
            )
        if self._new.version == old.version:
            raise RolloutFailed(f"{self._model} {old.version} is in service already")
        return old

    def run(self) -> None:
        """Deploy the new version.

        Raises:
            RolloutFailed: It did not take over; the old version still serves.
            ClientError: The server did not answer before anything was changed.
        """
        old, before = self._find_old(), self._versions()
        try:
            self._take_over(old, before)
        except ClientError as error:
            what = f"{self._model} {self._new.version} does not take over: {error}"
            try:
                self._take_back(old.version, before)
            except ClientError as second:
                raise RolloutFailed(
                    f"{what}; and {old.version} could not be restored: {second}; see `make status`"
                ) from error
            raise RolloutFailed(f"{what}; {old.version} goes on serving") from error
        except BaseException:
            self._take_back(old.version, before)
            raise
        self._retire(old.version)

    def _take_over(self, old: ModelStatus, before: set[str]) -> None:
        former = self._release_of(old)
        self._bring_archive()
        if self._new.version in before:
            self._remove_left(before)
        status = self._start(old, before)
        self._tell(check_answers(self._connection, self._new.version, old.version, self._checks))
        self._management.set_default(self._model, self._new.version)
        self._tell(f"the default version from now on; watched for {self._checks.watch_s:.3g} s")
        watch(
            self._connection,
            status,
            self._checks,
            self._metrics,
            clock=self._clock,
        )
        if self._connection.run_dir:
            write_record(self._connection.run_dir, self._model, self._new, former)

    def _release_of(self, status: ModelStatus) -> Release:
        store = find_model_store(self._connection.run_dir)
        mar = store / status.archive if store else None
        return Release(
            status.version, status.archive, sha256_of(mar) if mar and mar.is_file() else None
        )

    def _bring_archive(self) -> None:
        found = bring_in(self._connection.run_dir, self._new.archive, self._new.sha256)
        self._new = replace(self._new, sha256=found or self._new.sha256)

    def _remove_left(self, before: set[str]) -> None:
        """Unregister what an earlier deployment left behind or could not drain."""
        version = self._new.version
        if not self._drained(self._management, self._model, version):
            raise VersionRefused(
                f"it is registered already, and requests that name it keep coming; "
                f"`python -m client set-default {version}` brings it into service as it is"
            )
        self._management.unregister(self._model, version)
        before.remove(version)
        self._tell("was registered, but not in service: removed, to be registered again")

    def _start(self, old: ModelStatus, before: set[str]) -> ModelStatus:
        start = self._clock.time()
        self._management.register(
            self._new.archive, model_name=self._model, initial_workers=1, synchronous=False
        )
        found = self._versions()
        if self._new.version not in found:
            raise VersionRefused(f"{self._new.archive} holds version {', '.join(found - before)}")
        workers = max(1, len(old.workers))
        status = start_workers(
            self._management,
            self._model,
            workers,
            self._new.version,
            clock=self._clock,
        )
        self._tell(f"{workers} of {workers} workers ready after {self._clock.time() - start:.1f} s")
        return status

    def _versions(self) -> set[str]:
        return {status.version for status in self._management.describe_all(self._model)}

    def _retire(self, version: str) -> None:
        if self._drained(self._management, self._model, version):
            self._management.unregister(self._model, version)
            self._say(f"{self._model} {version}: idle, removed")
        else:
            self._say(
                f"{self._model} {version}: requests that name it kept coming for "
                f"{DRAIN_DEADLINE_S:.3g} s; it stays registered beside the default version"
            )

    def _take_back(self, old: str, before: set[str]) -> None:
        """Make the old version the default, and remove what was registered since."""
        if self._management.describe(self._model).version != old:
            self._management.set_default(self._model, old)
        for status in self._management.describe_all(self._model):
            if status.version not in before and status.archive == self._new.archive:
                self._drained(self._management, self._model, status.version)
                with contextlib.suppress(ModelNotFound):
                    self._management.unregister(self._model, status.version)

    def _tell(self, words: str) -> None:
        self._say(f"{self._model} {self._new.version}: {words}")


def former_release(connection: Connection) -> Release:
    """Return the release that was in service before the current one.

    Raises:
        RolloutFailed: None is known, or the release in service is not the recorded one.
    """
    record = read_record(connection.run_dir, connection.model) if connection.run_dir else None
    if record is None:
        raise RolloutFailed(
            f"no deployment of {connection.model} is recorded in {connection.run_dir or 'run'}; "
            "deploy the version that you want"
        )
    serving, former = record
    present = connection.management().describe(connection.model).version
    if present != serving.version:
        raise RolloutFailed(
            f"{connection.model} {present} is in service, but the last deployment left "
            f"{serving.version}; deploy the version that you want"
        )
    return former
