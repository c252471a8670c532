"""The two models that every server is measured with.

`marigold` is the archive's model: its runtime and its preprocessing, through the same class as the
archive's handler. `eager` is what users write first: float32 PyTorch and torchvision's transforms
on Pillow images, one after the other.

Environment variables select what to load: only these reach the workers of all servers.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from classifier.answers import rank
from classifier.labels import LABELS_FILE, read_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from classifier.model import Model

Answer = dict[str, float]

MODEL = "BENCH_MODEL"  # marigold or eager
ARCHIVE = "BENCH_ARCHIVE"  # folder of the unpacked .mar
WEIGHTS = "BENCH_WEIGHTS"  # folder with the float32 weights
THREADS = "BENCH_THREADS"  # CPU threads of one worker
WORKERS = "BENCH_WORKERS"  # processes that run the model
PORT = "BENCH_PORT"
MODE = "BENCH_MODE"  # variants of a server
MAX_BATCH_SIZE = 16
BATCH_DELAY_S = 0.005
TOP_K = 5


def threads() -> int:
    """Return the number of CPU threads for this worker."""
    return int(os.environ[THREADS])


def load() -> Callable[[Sequence[bytes]], list[Answer]]:
    """Load the model named by the environment; it classifies a batch of image files."""
    return _load_eager() if os.environ[MODEL] == "eager" else _load_marigold()


def open_model(threads: int) -> Model:
    """Load the archive's model as its handler does, warmed up."""
    from classifier.model import Model  # noqa: PLC0415  eager does without
    from classifier.settings import Settings  # noqa: PLC0415

    folder = Path(os.environ[ARCHIVE])
    config = yaml.safe_load((folder / "model-config.yaml").read_text(encoding="utf-8"))
    settings = Settings.from_config(config)
    model = Model(folder, settings, threads=threads, batch_size=MAX_BATCH_SIZE)
    model.warm_up()
    return model


def _load_marigold() -> Callable[[Sequence[bytes]], list[Answer]]:
    model = open_model(threads())

    def classify(files: Sequence[bytes]) -> list[Answer]:
        answers = []
        for result in model.classify(files):
            if isinstance(result, Exception):
                raise result
            answers.append(to_answer(result.probabilities, model.class_names))
        return answers

    return classify


def _load_eager() -> Callable[[Sequence[bytes]], list[Answer]]:
    import torch  # noqa: PLC0415  takes seconds that the other model does not need
    from PIL import Image  # noqa: PLC0415
    from torchvision import transforms  # noqa: PLC0415

    from classifier.description import DESCRIPTION_FILE, read_description  # noqa: PLC0415
    from classifier.network import load_network  # noqa: PLC0415

    torch.set_num_threads(threads())
    folder = Path(os.environ[WEIGHTS])
    description = read_description(folder / DESCRIPTION_FILE)
    class_names = read_labels(folder / LABELS_FILE)
    preprocessing = description.preprocessing
    network = load_network(
        folder / description.weights_file, description.arch, len(class_names), preprocessing.crop
    )
    transform = transforms.Compose(
        [
            transforms.Resize(
                [preprocessing.resize] * (2 if preprocessing.squash else 1),
                transforms.InterpolationMode(preprocessing.interpolation),
            ),
            transforms.CenterCrop(preprocessing.crop),
            transforms.ToTensor(),
            transforms.Normalize(preprocessing.mean, preprocessing.std),
        ]
    )

    def classify(files: Sequence[bytes]) -> list[Answer]:
        images = [Image.open(io.BytesIO(file)).convert("RGB") for file in files]
        batch = torch.stack([transform(image) for image in images])  # [N, 3, crop, crop]
        with torch.inference_mode():
            probabilities = network(batch).softmax(dim=1).numpy()  # [N, C]
        return [to_answer(row, class_names) for row in probabilities]

    classify([_grey_jpeg()])
    return classify


def to_answer(probabilities: NDArray[np.float32], class_names: Sequence[str]) -> Answer:
    """Write an answer as the archive's handler does: class name to probability, best first."""
    return dict(rank(probabilities, class_names, TOP_K))


def _grey_jpeg() -> bytes:
    from PIL import Image  # noqa: PLC0415

    buffer = io.BytesIO()
    Image.new("RGB", (256, 256), "grey").save(buffer, "JPEG")
    return buffer.getvalue()
