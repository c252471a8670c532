"""One server's commands and faults in any order: no request is lost, and nothing is left.

In `make test` it is one order, always the same; `ORDERS=20 pytest tests/e2e/test_any_order.py -s`
tries twenty others, for half an hour.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bench.faults.releases import client, offer
from bench.faults.run import copied
from bench.faults.stage import Stage
from bench.faults.traffic import WELL, Traffic
from bench.lab.processes import at_work_in, role
from classifier.reference import REFERENCE_NAMES, draw_png
from client.api.inference import InferenceClient
from client.api.management import ManagementClient

if TYPE_CHECKING:
    from tests.e2e.served import Served

pytestmark = pytest.mark.e2e

PICTURES = [draw_png(name) for name in REFERENCE_NAMES]
FIRST, OTHERS = "1.0", ("2.0", "3.0")
ORDERS = os.environ.get("ORDERS")
ORDER = settings(
    max_examples=int(ORDERS or 1),
    stateful_step_count=8,
    deadline=None,
    database=None,
    derandomize=not ORDERS,
    phases=[Phase.generate],  # to shrink what failed would take hours
    suppress_health_check=list(HealthCheck),
)


class Server(RuleBasedStateMachine):
    """A supervised server, two patient clients that always ask, and what it should serve.

    Attributes:
        mar: The archive, which each order copies.
    """

    mar: Path

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="marigold-order-")
        folder = Path(self._folder.name).resolve()
        self.stage = Stage(copied(self.mar, folder / "store"), folder, model_api=True, grace_s=1.0)
        for version in OTHERS:
            offer(self.stage, version)
        self.runs = False
        self.start()
        self.traffic = Traffic(self.stage, PICTURES, {"patient": 2})
        self.traffic.__enter__()

    def start(self) -> None:
        """Start it under a supervisor of its own."""
        self.stage = replace(self.stage)
        self.stage.supervisor.start()
        self.runs = True
        self._is_new()

    def _is_new(self) -> None:
        """A server starts with its archive and one worker."""
        self.version, self.former, self.workers = FIRST, "", 1

    def client(self, *arguments: str) -> tuple[int, str]:
        """Run a command of the client; return its exit code and what it said."""
        process = client(self.stage, *arguments)
        said, _ = process.communicate(timeout=300)
        return process.returncode, said

    @precondition(lambda self: not self.runs)
    @rule()
    def serve(self) -> None:
        """`make serve`."""
        self.start()

    @precondition(lambda self: self.runs)
    @rule()
    def stop(self) -> None:
        """`make stop`."""
        assert self.stage.stop() == []
        self.runs = False

    @precondition(lambda self: self.runs)
    @rule()
    def restart(self) -> None:
        """`systemctl restart`."""
        self.stage.supervisor.restart()
        self._is_new()

    @precondition(lambda self: self.runs)
    @rule(workers=st.integers(1, 2))
    def scale(self, workers: int) -> None:
        """`make scale`."""
        code, said = self.client("scale", str(workers))
        assert code == 0, said
        self.workers = workers

    @precondition(lambda self: self.runs)
    @rule(version=st.sampled_from(OTHERS))
    def deploy(self, version: str) -> None:
        """`make deploy`, of what is served already, too."""
        picture = self.stage.folder / "picture.png"
        picture.write_bytes(PICTURES[0])
        code, said = self.client("deploy", version, "--samples", str(picture))
        if version == self.version:
            assert (code, "is in service already" in said) == (1, True), said
        else:
            assert code == 0, said
            self.version, self.former = version, self.version

    @precondition(lambda self: self.runs)
    @rule()
    def roll_back(self) -> None:
        """`make rollback`, also where there is nothing to return to."""
        code, said = self.client("rollback")
        if self.former:
            assert code == 0, said
            self.version, self.former = self.former, self.version
        else:
            assert (code, "Traceback" in said) == (1, False), said

    @precondition(lambda self: self.runs)
    @rule(name=st.sampled_from(["java", "model_service_worker.py", "caddy"]))
    def kill(self, name: str) -> None:
        """Kill -9."""
        (process, *_) = (p for p in at_work_in(self.stage.run.path) if role(p) == name)
        process.kill()
        if name == "java":
            self.stage.supervisor.wait_until_ready()
            self._is_new()

    @invariant()
    def serves_what_it_should(self) -> None:
        """What is served is what the commands asked for."""
        if not self.runs:
            return
        addresses, tokens = self.stage.addresses, self.stage.tokens()
        InferenceClient(addresses.inference, tokens=tokens, outage_s=60).predict(PICTURES[0])
        management = ManagementClient(addresses.management, tokens=tokens)
        versions = management.describe_all(self.stage.model)
        assert {status.version for status in versions} == {self.version}
        assert len(versions[0].workers) == self.workers

    def teardown(self) -> None:
        """Serve whoever still waits, then look at what is left."""
        try:
            if not self.runs:
                self.start()  # the clients have asked
        finally:
            self.traffic.__exit__()
            left = self.stage.stop()
            self._folder.cleanup()
        assert left == []
        assert self.traffic.outcomes("patient").keys() == {WELL}


def test_no_order_of_commands_and_faults_loses_a_request(archived: Served) -> None:
    Server.mar = archived.home / "store" / "flowers.mar"
    run_state_machine_as_test(Server, settings=ORDER)
