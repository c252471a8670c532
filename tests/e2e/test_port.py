"""The proof of the port: the same requests to ModelArts' package and to the TorchServe archive."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
import requests

from archive.build import build
from archive.gate import MAX_ACCURACY_LOSS
from archive.source import read_source
from classifier.model import Model
from classifier.settings import Settings
from tests.archive.modelarts.conftest import package, service
from tests.e2e.served import Served
from tests.models import CLASS_NAMES
from tests.pictures import SAMPLES_OF_ANY_PILLOW

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["package", "service"]  # fixtures

pytestmark = pytest.mark.e2e

Reply = tuple[int, Any]
CLOSE = 1e-4


@pytest.fixture(scope="module")
def archive(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The archive of the same model, with the runtime that everything is measured against."""
    server = Served.at(
        tmp_path_factory.mktemp("port"),
        *(f"TRAIN_URL={model_folder}", "DATA_URL=none", "RUNTIME=torch-fp32"),
    )
    try:
        server.make("archive", "serve")
        yield server
    finally:
        server.make("stop")


@pytest.fixture(scope="module")
def photos(data_set_folder: Path) -> list[bytes]:
    """Photos of every class, and files of every kind."""
    drawn = [path.read_bytes() for path in sorted((data_set_folder / "val").glob("*/*"))]
    return [*drawn, *(sample.file for sample in SAMPLES_OF_ANY_PILLOW.values())]


def ask_package(service: str, query: str = "", **request: Any) -> Reply:
    reply = requests.post(f"{service}/{query}", timeout=60, **request)
    return reply.status_code, reply.json()


def ask_archive(archive: Served, query: str = "", **request: Any) -> Reply:
    url = f"{archive.url}/predictions/flowers{query}"
    headers = {"Authorization": f"Bearer {archive.tokens.current('inference')}"}
    reply = requests.post(url, headers=headers, timeout=60, **request)
    return reply.status_code, reply.json()


def as_file(photo: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    return {"files": {"images": (name, photo)}}


def as_base64(photo: bytes) -> dict[str, Any]:
    return {"json": {"images": base64.b64encode(photo).decode()}}


def assert_same_answer(there: Any, here: Any) -> None:
    assert there["predicted_label"] == here["predicted_label"]
    assert here.keys() == {"predicted_label", "scores"}
    assert dict(there["scores"]) == pytest.approx(dict(here["scores"]), abs=CLOSE)
    names = [[name for name, _ in answer["scores"]] for answer in (there, here)]
    assert names[0] == names[1]


@pytest.mark.parametrize("form", [as_file, as_base64])
def test_the_same_photos_get_the_same_answers(
    service: str, archive: Served, photos: list[bytes], form: Any
) -> None:
    labels = set()
    for photo in photos:
        there, here = ask_package(service, **form(photo)), ask_archive(archive, **form(photo))
        assert (there[0], here[0]) == (200, 200)
        assert_same_answer(there[1], here[1])
        labels.add(here[1]["predicted_label"])
    assert labels == set(CLASS_NAMES)  # a model of one answer would prove nothing


@pytest.mark.parametrize(
    "request_",
    [
        as_file(b"no image"),
        as_file(b""),
        as_base64(b"no image"),
        {"json": {"images": "no base64!"}},
        {"json": {"images": 7}},
    ],
)
def test_a_bad_file_gets_the_same_kind_of_error(
    service: str, archive: Served, request_: dict[str, Any]
) -> None:
    there, here = ask_package(service, **request_), ask_archive(archive, **request_)
    assert (there[0], here[0]) == (400, 400)
    assert there[1].keys() == here[1].keys() == {"erno", "msg", "words_result"}
    # The archive tells an empty file apart, and every message says what to do.
    assert there[1]["erno"] == "MR.0105"
    assert here[1]["erno"] in {"MR.0105", "MR.0101"}
    assert here[1]["msg"].startswith(("Recognition failed: ", "The input parameter is invalid: "))


def test_an_empty_request_gets_400(service: str, archive: Served) -> None:
    there, here = ask_package(service), ask_archive(archive)
    assert (there[0], there[1]["erno"]) == (400, "MR.0101")
    # It speaks no protocol, so it is answered in TorchServe's.
    assert (here[0], here[1]["code"]) == (400, 400)


def test_several_files_under_one_key(service: str, archive: Served, photos: list[bytes]) -> None:
    """The platform hands over all of them; the archive refuses them, in the platform's form."""
    first, last = photos[0], photos[-1]
    files: dict[str, Any] = {"files": [("images", ("1.jpg", first)), ("images", ("2.jpg", last))]}
    there, here = ask_package(service, **files), ask_archive(archive, **files)
    assert (there[0], here[0]) == (200, 400)
    assert here[1]["erno"] == "MR.0105"
    assert "2 files, in the fields 'images', 'images'" in here[1]["msg"]
    alone = [ask_archive(archive, **as_file(photo))[1] for photo in (first, last)]
    for answer, expected in zip(there[1].pop("predictions"), alone, strict=True):
        assert_same_answer(answer, expected)
    assert_same_answer(there[1], alone[0])
    # The closest answer for all of them at once is that of another protocol.
    instances = [{"b64": base64.b64encode(photo).decode()} for photo in (first, last)]
    _, both = ask_archive(archive, json={"instances": instances})
    for prediction, expected in zip(both["predictions"], alone, strict=True):
        assert prediction == pytest.approx(dict(expected["scores"]), abs=CLOSE)


def test_files_of_one_name_are_one_file_there(service: str, photos: list[bytes]) -> None:
    """The platform's inner dict has the file names as its keys; so the name is no loss here."""
    files = [("images", ("a.jpg", photos[0])), ("images", ("a.jpg", photos[-1]))]
    _, there = ask_package(service, files=files)
    assert "predictions" not in there
    _, alone = ask_package(service, **as_file(photos[-1]))
    assert_same_answer(there, alone)


def test_the_file_name_changes_nothing(service: str, archive: Served, photos: list[bytes]) -> None:
    for name in ("photo.jpg", "照片.jpg", "no-suffix", "x" * 200):
        request = as_file(photos[0], name)
        there, here = ask_package(service, **request), ask_archive(archive, **request)
        assert (there[0], here[0]) == (200, 200)
        assert_same_answer(there[1], here[1])


def test_query_arguments_are_fields_in_both(
    service: str, archive: Served, photos: list[bytes]
) -> None:
    request = as_file(photos[0])
    there = ask_package(service, "?top=3&name=x", **request)
    here = ask_archive(archive, "?top=3&name=x", **request)
    assert (there[0], here[0]) == (200, 200)
    assert_same_answer(there[1], here[1])


def test_another_key_than_images(service: str, archive: Served, photos: list[bytes]) -> None:
    """The package takes any key, as the original did; the archive says which ones it takes."""
    request: dict[str, Any] = {"files": {"photo": ("photo.jpg", photos[0])}}
    assert ask_package(service, **request)[0] == 200
    status, error = ask_archive(archive, **request)
    assert status == 400
    assert "`images`" in error["message"]


def test_both_tell_that_they_are_well(service: str, archive: Served) -> None:
    assert requests.get(f"{service}/health", timeout=60).json() == {"status": "OK"}
    assert archive.inference.ping() == "Healthy"


@pytest.mark.slow
def test_int8_keeps_to_the_accuracy_gate(
    service: str, model_folder: Path, data_set_folder: Path, tmp_path: Path
) -> None:
    """Against the package, over the validation photos, as the gate measures it."""
    choice = build(read_source(model_folder), "openvino-int8", data_set_folder, tmp_path / "int8")
    settings = Settings(
        **dict.fromkeys(("top_k", "decode_threads", "max_images_per_request"), 5),
        **dict.fromkeys(("max_image_bytes", "max_image_pixels"), 10**8),
        **dict.fromkeys(("max_image_decode_s", "max_request_decode_s", "deadline_s"), 10),
        max_json_parts=10_000,
        answer_cache_mib=0,
        reject_unknown=False,
    )
    model = Model(tmp_path / "int8", settings, threads=1, batch_size=4)
    paths = sorted((data_set_folder / "val").glob("*/*"))
    right_there = right_here = 0
    for path, answer in zip(paths, model.classify([p.read_bytes() for p in paths]), strict=True):
        assert not isinstance(answer, Exception)
        label = CLASS_NAMES[int(answer.probabilities.argmax())]
        _, there = ask_package(service, **as_file(path.read_bytes()))
        right_here += label == path.parent.name
        right_there += there["predicted_label"] == path.parent.name
    assert choice.runtime.startswith("openvino-")
    assert right_there - right_here <= MAX_ACCURACY_LOSS * len(paths)
