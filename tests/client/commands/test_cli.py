"""The command line against a small server: what is printed, and the exit code."""

from __future__ import annotations

import csv
import json
import socket
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from client.commands import cli
from client.commands.cli import main
from server.ports import free_ports
from tests.client import replies
from tests.client.fakes import answering, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEYS = {
    "inference": {"key": "infer-ok", "expiration time": "2999-01-01T00:00:00.123456789Z"},
    "management": {"key": "manage-ok", "expiration time": "2999-01-01T00:00:00.123456789Z"},
    "API": {"key": "api-ok"},
}
PNG = b"\x89PNG\r\n\x1a\n"


class FakeTorchServe:
    """The three APIs, each with its token; what came is in `commands`."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.unanswered = 0

    def inference(self, method: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        """Answer a photo by its content."""
        del method
        if token != "Bearer infer-ok":  # noqa: S105
            return 400, replies.INVALID_KEY
        if path == "/ping":
            return 200, {"status": "Healthy"}
        if "nope" in path:
            return 404, replies.NO_MODEL
        if body == b"text":
            return 400, replies.NOT_AN_IMAGE
        if path.startswith("/explanations"):
            return 200, {"label": "daisy"} if body == b"json" else PNG
        return 200, replies.PREDICTION

    def management(self, method: str, path: str, body: bytes, token: str) -> tuple[int, Any]:
        """Describe two workers, and obey."""
        del body
        if token != "Bearer manage-ok":  # noqa: S105
            return 400, replies.INVALID_KEY
        if path.startswith("/models/flowers") and method == "GET":
            return 200, [replies.description(workers=2)]
        if path.startswith("/models?") and method == "GET":
            return 200, {"models": [{"modelName": "flowers", "modelUrl": "flowers.mar"}]}
        if method == "POST":
            return 405, replies.NOT_ALLOWED
        self.commands.append(f"{method} {path}")
        return 200, {"status": "done"}

    def metrics(self, *_: Any) -> tuple[int, Any]:
        """Count as many unanswered requests as it is told to."""
        return 200, replies.metrics_page(arrived=7 + self.unanswered, answered=7)


@pytest.fixture
def server() -> Iterator[tuple[FakeTorchServe, int]]:
    """A fake server on three ports in a row; gives it and the first."""
    fake = FakeTorchServe()
    apis = (fake.inference, fake.management, fake.metrics)
    with ExitStack() as stack:
        for port in range(21000, 30000, 3):
            attempt = ExitStack()
            try:
                for offset, api in enumerate(apis):
                    attempt.enter_context(serving(answering(api), port + offset))
            except OSError:  # taken
                attempt.close()
                continue
            stack.push(attempt)
            yield fake, port
            return
    pytest.fail("no three free ports in a row")


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    (tmp_path / "key_file.json").touch(mode=0o600)
    (tmp_path / "key_file.json").write_text(json.dumps(KEYS))
    for name, content in [("a.jpg", b"photo"), ("longer.jpg", b"photo"), ("b.txt", b"text")]:
        (tmp_path / name).write_bytes(content)
    return tmp_path


@pytest.fixture(autouse=True)
def _no_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARIGOLD_INFERENCE_KEY", raising=False)
    monkeypatch.delenv("MARIGOLD_MANAGEMENT_KEY", raising=False)


class Shell:
    """Runs commands against the fake server, from its working directory."""

    def __init__(self, port: int, run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self._options = ["--port", str(port), "--run-dir", str(run_dir)]
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str, str]:
        """Return the exit code, standard output and standard error."""
        code = main([*arguments, *self._options])
        captured = self._capsys.readouterr()
        return code, captured.out, captured.err


@pytest.fixture
def shell(
    server: tuple[FakeTorchServe, int],
    run_dir: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Shell:
    monkeypatch.chdir(run_dir)
    return Shell(server[1], run_dir, capsys)


def test_predictions_are_aligned_and_tell_the_next_best(shell: Shell) -> None:
    assert shell("predict", "a.jpg", "longer.jpg") == (
        0,
        (
            "a.jpg       daisy          98.0 %   tulips 1.5 %, roses 0.5 %\n"
            "longer.jpg  daisy          98.0 %   tulips 1.5 %, roses 0.5 %\n"
        ),
        "",
    )
    assert shell("predict", "a.jpg", "--top", "1")[1] == "a.jpg  daisy          98.0 %\n"


def test_a_bad_file_is_named_with_the_servers_words_and_fails_the_command(shell: Shell) -> None:
    code, out, err = shell("predict", "b.txt", "a.jpg", "missing.jpg")

    assert code == 1
    assert out.startswith("a.jpg        daisy")
    assert err == (
        "b.txt        expected a JPEG; found text; send a photo (400)\n"
        "missing.jpg  cannot read missing.jpg: No such file or directory\n"
        "error: 2 of 3 files failed\n"
    )


def test_json_has_one_object_a_line(shell: Shell) -> None:
    code, out, _ = shell("predict", "a.jpg", "b.txt", "--json", "--top", "2")
    good, bad = (json.loads(line) for line in out.splitlines())

    assert code == 1
    assert good == {
        "file": "a.jpg",
        "label": "daisy",
        "scores": [["daisy", 0.98], ["tulips", 0.015]],
    }
    assert (bad["file"], bad["error"]["status"]) == ("b.txt", 400)
    assert bad["error"]["message"] == replies.NOT_AN_IMAGE["message"]


def test_a_folder_is_classified_with_a_summary_and_a_table(shell: Shell, run_dir: Path) -> None:
    folder = run_dir / "My Photos (2024)"
    (folder / "more").mkdir(parents=True)
    for number in range(20):
        (folder / "more" / f"{number}.jpg").write_bytes(b"text" if number == 7 else b"photo")

    code, out, err = shell("predict", folder.name, "--csv", "out.csv")
    assert (code, err) == (1, "error: 1 of 20 files failed\n")
    assert out == "wrote out.csv: 20 files\n19 of 20 files classified: daisy 19\n"
    with (run_dir / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["label"] for row in rows].count("daisy") == 19
    assert rows[0]["tulips"] == "0.015"
    code, out, _ = shell("predict", folder.name)
    assert out.count("daisy  ") == 19
    assert shell("predict", "a.jpg", "--csv", "no/out.csv")[2] == (
        "error: --csv: there is no folder no\n"
    )


def test_a_server_without_the_model_api_is_told_before_anything_is_built(shell: Shell) -> None:
    code, out, err = shell("deploy", "2.0", "--check-only")
    assert (code, out) == (1, "")
    assert "the model API is off; `make restart MODEL_API=1` turns it on" in err


def test_the_servers_that_run_are_listed_where_none_was_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cli, "describe_others", lambda _: "running elsewhere: RUN_DIR=other")
    assert main(["token"]) == 1
    assert capsys.readouterr().err.endswith("; running elsewhere: RUN_DIR=other\n")
    assert main(["token", "--run-dir", "mine"]) == 1
    assert "elsewhere" not in capsys.readouterr().err


def test_an_unknown_model_is_an_error(shell: Shell) -> None:
    code, out, err = shell("predict", "a.jpg", "--model", "nope")

    assert (code, out) == (1, "")
    assert "Model not found: nope" in err


def test_an_explanation_goes_to_standard_output_or_to_a_file(shell: Shell, run_dir: Path) -> None:
    (run_dir / "json").write_bytes(b"json")

    assert shell("explain", "json") == (0, '{"label": "daisy"}\n', "")
    assert shell("explain", "a.jpg", "--output", "overlay.png") == (0, "overlay.png\n", "")
    assert (run_dir / "overlay.png").read_bytes() == PNG
    code, _, err = shell("explain", "a.jpg", "--output", "no/such/folder.png")
    assert (code, err) == (1, "error: cannot write no/such/folder.png: No such file or directory\n")


def test_status_shows_workers_queue_and_versions(
    shell: Shell, server: tuple[FakeTorchServe, int]
) -> None:
    assert shell("status")[1] == (
        f"server   http://127.0.0.1:{server[1]}  Healthy\n"
        "model    flowers 1.0  (default)  flowers.mar\n"
        "queue    0 waiting, room for 100 more\n"
        "workers  1 of 2 ready\n"
        "         id        pid  state       memory\n"
        "         9000  5000000  ready      533 MiB\n"
        "         9001  5000001  unloading  unknown\n"
    )
    state = json.loads(shell("status", "--json")[1])
    assert state["health"] == "Healthy"
    assert state["versions"][0]["workers"][0]["pid"] == 5000000


def test_status_says_that_only_the_front_is_left(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_ports()
    command = ["status", "--port", str(port), "--run-dir", str(run_dir)]
    with socket.create_server(("127.0.0.1", port)):  # as a front that never answers
        assert main(command) == 1
    assert capsys.readouterr().err == (
        "error: TorchServe has ended, and the front before it answers 503; `make logs` shows its "
        "last lines, `make serve` starts it again\n"
    )
    assert main(command) == 1
    assert "the front" not in capsys.readouterr().err


def test_token_prints_the_key_alone(shell: Shell) -> None:
    assert shell("token") == (0, "infer-ok\n", "")
    assert shell("token", "--type", "management") == (0, "manage-ok\n", "")


def test_scaling_waits_or_fails_or_is_forced(
    shell: Shell, server: tuple[FakeTorchServe, int]
) -> None:
    fake = server[0]
    once = "PUT /models/flowers?min_worker=1&max_worker=1&synchronous=true"

    assert shell("scale", "1") == (0, "done\n", "")
    fake.unanswered = 1
    code, _, err = shell("scale", "1", "--deadline", "0.01")
    assert (code, fake.commands) == (1, [once])
    assert err.startswith("error: flowers")
    assert "--force" in err
    assert shell("scale", "1", "--force")[0] == 0
    assert fake.commands == [once, once]


def test_what_cannot_be_rolled_out_is_an_error(shell: Shell, run_dir: Path) -> None:
    assert shell("deploy", "1.0") == (1, "", "error: flowers 1.0 is in service already\n")
    assert shell("deploy", "2.0", "--samples", "no.jpg") == (
        1,
        "",
        "error: no.jpg: there is no such file\n",
    )
    code, _, err = shell("rollback")
    assert (code, err.partition(";")[0]) == (
        1,
        f"error: no deployment of flowers is recorded in {run_dir}",
    )
    assert shell("autoscale", "--min", "3", "--max", "2")[::2] == (
        1,
        "error: --min 3 is above --max 2\n",
    )


def test_models_are_listed_and_managed(shell: Shell, server: tuple[FakeTorchServe, int]) -> None:
    assert shell("list") == (0, "flowers  flowers.mar\n", "")
    assert shell("set-default", "2.0") == (0, "done\n", "")
    assert shell("unregister", "--version", "1.0") == (0, "done\n", "")
    assert server[0].commands == [
        "PUT /models/flowers/2.0/set-default",
        "DELETE /models/flowers/1.0",
    ]
    code, _, err = shell("register", "flowers.mar")
    assert code == 1
    assert "make restart MODEL_API=1" in err


def test_without_its_key_file_the_remedy_is_named(shell: Shell, run_dir: Path) -> None:
    (run_dir / "key_file.json").unlink()

    for command in (["status"], ["token"]):
        code, out, err = shell(*command)
        assert (code, out) == (1, "")
        assert err.startswith("error: ")
        assert "--run-dir" in err


def test_keys_of_this_machine_are_not_sent_elsewhere(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_dir / "run").mkdir()
    (run_dir / "key_file.json").rename(run_dir / "run" / "key_file.json")
    monkeypatch.chdir(run_dir)

    assert main(["token"]) == 0
    assert main(["token", "--server", "http://flowers.example:8080"]) == 1
    assert capsys.readouterr().out == "infer-ok\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["predict"],
        ["scale", "-1"],
        ["scale", "two"],
        ["predict", "a.jpg", "--concurrency", "0"],
        ["predict", "a.jpg", "--timeout", "nan"],
        ["predict", "a.jpg", "--port", "65532"],
        ["predict", "a.jpg", "--port", "1", "--server", "http://127.0.0.1:1"],
        ["predict", "a.jpg", "--server", "127.0.0.1:8080"],
        ["token", "--type", "api"],
        ["deploy"],
        ["deploy", "2.0", "--min-agreement", "1.5"],
        ["autoscale", "--target-queue-ms", "0"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_no_server_ends_in_one_line_without_a_traceback(tmp_path: Path) -> None:
    port = free_ports()
    run = subprocess.run(
        [sys.executable, "-m", "client", "status", f"--port={port}", "--run-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (1, "")
    assert run.stderr.startswith(f"error: nothing answers at http://127.0.0.1:{port}/ping")
    assert run.stderr.count("\n") == 1


def test_no_server_is_said_once_and_not_for_every_photo(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = [tmp_path / f"{number}.jpg" for number in range(30)]
    for photo in photos:
        photo.write_bytes(b"\xff\xd8\xff\xe0")
    address = f"http://127.0.0.1:{free_ports()}"
    assert main(["predict", "--server", address, *map(str, photos)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert said.err.startswith(f"error: nothing answers at {address}")


def test_a_local_server_is_known_by_its_run_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    addresses = {
        name: f"http://127.0.0.1:{port}"
        for name, port in (("inference", 9100), ("management", 9101), ("metrics", 9102))
    }
    record = {"port": 9100, "addresses": addresses, "certificate": None}
    (tmp_path / "run/server.json").write_text(json.dumps(record), encoding="utf-8")
    assert main(["status"]) == 1
    assert "http://127.0.0.1:9100" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["status", "--port", "9105"])
    assert ended.value.code == 2
    assert capsys.readouterr().err == (
        "error: RUN_DIR=run is the server on port 9100, not 9105; leave PORT out, or name the "
        "other server's RUN_DIR\n"
    )
