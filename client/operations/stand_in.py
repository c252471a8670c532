"""Removes workers from a model under full load, while a second version stands in.

TorchServe kills surplus workers in the middle of their requests, and a busy server has no moment
without requests. So the same archive is registered again as version ``1.0-stand-in``, with the new
number of workers; it becomes the default and gets all new requests; version 1.0 finishes its own,
loses its idle workers, and becomes the default again; the stand-in finishes its requests and is
removed.

Every step can be repeated: the next run completes what an interrupted one left behind.
`client.operations.scaling` decides when this is worth its time.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from client.api.clock import MACHINE, Clock
from client.errors import LocalFileError, ModelApiDisabled, NoStandIn, ServerBusy
from client.operations.draining import DRAIN_DEADLINE_S, wait_until_drained
from client.operations.model_store import copy_as_version
from client.operations.starting import start_workers, wait_until_ready

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from client.api.management import ManagementClient

SUFFIX = "-stand-in"


@dataclass(frozen=True)
class StandIn:
    """The two versions of a model while one of them stands in.

    Attributes:
        management: The server's management API.
        model: Name of the model.
        original: The version that loses workers.
        store: The server's model store.
        drained: Waits until a version of a model has nothing in progress; tests pass a fake.
    """

    management: ManagementClient
    model: str
    original: str
    store: Path
    drained: Callable[[ManagementClient, str, str], bool] = wait_until_drained
    clock: Clock = MACHINE

    @property
    def version(self) -> str:
        """The stand-in version."""
        return self.original + SUFFIX

    def scale_original(self, workers: int) -> None:
        """Set the original's number of workers; it is the default version before and after.

        Raises:
            NoStandIn: No version can stand in; nothing was changed.
            ServerBusy: Requests that name the original's version kept coming.
            ClientError: The server does not answer; whatever could be undone was undone.
        """
        try:
            if self.management.describe(self.model).version != self.version:
                self._take_over(workers)
            if not self.drained(self.management, self.model, self.original):
                raise ServerBusy(
                    f"requests that name {self.model} {self.original} kept coming for "
                    f"{DRAIN_DEADLINE_S:.3g} s; it keeps its workers"
                )
            self.management.scale(self.model, workers, version=self.original)
            wait_until_ready(self.management, self.model, workers, self.original, clock=self.clock)
        finally:
            self._step_back()

    def _take_over(self, workers: int) -> None:
        self._remove()
        served = self.management.describe(self.model, self.original, customized=True)
        archive = f"{self.model}{SUFFIX}.mar"
        try:
            copy_as_version(self.store / served.archive, self.version, self.store / archive)
            self.management.register(archive, model_name=self.model, synchronous=False)
        except LocalFileError as error:
            raise NoStandIn(f"its archive cannot be copied: {error}") from error
        except ModelApiDisabled as error:
            raise NoStandIn("the model API is off (`make restart MODEL_API=1`)") from error
        finally:
            # The server has unpacked it by now, or never will. A store may be read-only.
            with contextlib.suppress(OSError):
                (self.store / archive).unlink()
        start_workers(self.management, self.model, workers, self.version, clock=self.clock)
        standing_in = self.management.describe(self.model, self.version, customized=True)
        if standing_in.metadata != served.metadata:
            raise NoStandIn(f"{served.archive} in the model store is not the archive in service")
        self.management.set_default(self.model, self.version)

    def _step_back(self) -> None:
        """Make the original the default version again, and remove the stand-in if there is one."""
        if self.management.describe(self.model).version == self.version:
            self.management.set_default(self.model, self.original)
        self._remove()

    def _remove(self) -> None:
        versions = [status.version for status in self.management.describe_all(self.model)]
        if self.version in versions:
            self.drained(self.management, self.model, self.version)
            self.management.unregister(self.model, self.version)
