"""Chooses runtime and picture size by measurement, where `make archive` leaves them open.

`RUNTIME=auto`, the default, tries the precisions of OpenVINO that this CPU computes; `SIZE` left
out tries the sizes that the recipe trained for, `SIZE=auto` smaller ones too. The fastest that
passes the accuracy gate against float32 is taken. All of it is measured on this machine and the
photos, so another machine may choose otherwise; the log ends with the variables that repeat the
choice.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archive.build import ready_figures, write_form
from archive.errors import BuildError
from archive.exam import EXACT, Exam
from archive.memory import memory_of
from archive.optimise import cpu_precisions
from archive.sizes import AUTO, sized, sizes_of
from classifier.runtimes import RUNTIMES
from console.progress import working
from console.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from archive.gate import Figures
    from archive.source import Source

_LIKELY = "openvino-int8"
_MIN_PHOTOS = 100  # fewer cannot tell 98.5 % from 95 %
_MIN_GAIN = 1.03  # less is noise, and no reason to leave a more exact form
logger = logging.getLogger(__name__)


class Trial(NamedTuple):
    """A form of the network, compared with float32 at the model's own size.

    Attributes:
        runtime: One of `classifier.runtimes.RUNTIMES`.
        size: Side of its pictures in pixels.
        figures: On the photos.
        photos_per_s: Of the network alone, on this machine.
        memory: Of a process that computed a batch with it, in bytes.
    """

    runtime: str
    size: int
    figures: Figures
    photos_per_s: float
    memory: int

    def objections(self, own_size: int) -> list[str]:
        """Why it may not be chosen, where `own_size` is the model's own."""
        if self.figures.reasons:
            return self.figures.reasons
        photos = self.figures.counted_images
        if photos < _MIN_PHOTOS:
            return [f"{photos} photos are too few to choose by, at least {_MIN_PHOTOS} are needed"]
        return [] if self.size == own_size else self.figures.doubts


def likely(runtime: str) -> str:
    """Return the runtime that was asked for, or the one that measuring would most likely choose."""
    return _LIKELY if runtime == AUTO else runtime


@contextlib.contextmanager
def chosen(
    source: Source, runtime: str, size: str, data_url: Path | None
) -> Iterator[tuple[Source, str]]:
    """Yield the model and the runtime to build, as asked for or as measured.

    Args:
        source: The checked model.
        runtime: One of `classifier.runtimes.RUNTIMES`, or "auto" for the fastest of OpenVINO's that
            passes the accuracy gate.
        size: A number of pixels, "auto" for the fastest that passes the gate, or empty for the
            model's own and others that it was trained for.
        data_url: The data set; None if there is none.

    Raises:
        BuildError: The size is none, or "auto" was asked for without photos.
        ModelError: The network cannot be built for this size.
    """
    if size == AUTO and data_url is None:
        raise BuildError(
            f"SIZE={AUTO} measures each size on photos, and there are none: name them with "
            "DATA_URL, or choose a size yourself, such as SIZE=160"
        )
    given = AUTO not in {runtime, size}
    ready = not size and ready_figures(source, likely(runtime))
    if given or ready or data_url is None:
        # Its own size by name: nothing but a ready form is read then, without PyTorch.
        (pixels,) = sizes_of(source, size or str(_size(source)))
        with sized(source, pixels, data_url) as at:
            yield at, likely(runtime)
        return
    with tempfile.TemporaryDirectory(prefix="marigold-forms-") as temporary:
        folder = Path(temporary)
        with contextlib.ExitStack() as until_built:
            sources = [
                until_built.enter_context(sized(source, pixels, data_url))
                for pixels in sizes_of(source, size)
            ]
            trials = try_forms(sources, forms_to_try(runtime), data_url, folder)
            best = choose(trials)
            logger.info("%s", describe(trials, best))
            for doubt in best.figures.doubts:
                logger.warning("%s: %s", best.runtime, doubt)
            logger.info("RUNTIME=%s SIZE=%d repeats this choice", best.runtime, best.size)
            at = next(each for each in sources if _size(each) == best.size)
            if best.figures.passes:
                at = dataclasses.replace(at, forms=folder / str(best.size))
            yield at, best.runtime


def choose(trials: list[Trial]) -> Trial:
    """Return the fastest that may be chosen, or the first, which is the most exact."""
    best, *others = trials
    for trial in others:
        faster = trial.photos_per_s > _MIN_GAIN * best.photos_per_s
        if faster and not trial.objections(trials[0].size):
            best = trial
    return best


def try_forms(
    sources: list[Source], runtimes: list[str], data_url: Path, folder: Path
) -> list[Trial]:
    """Measure runtimes at sizes, both from the most exact on.

    A size at which the most exact of them does not pass is not tried with others.

    Args:
        sources: The model at each size.
        runtimes: Some of `classifier.runtimes.RUNTIMES`.
        data_url: The data set.
        folder: Where the forms are left, as `SIZE/RUNTIME`.
    """
    exact = Exam(sources[0], data_url)
    trials: list[Trial] = []
    for source in sources:
        size = _size(source)
        exam = exact if source is sources[0] else Exam(source, data_url, exact)
        for runtime in runtimes:
            form = folder / str(size) / runtime
            form.mkdir(parents=True)
            with working(f"measuring {runtime} at {size} px"):
                model_file, measured = write_form(source, runtime, exam, form)
                memory = memory_of(runtime, model_file, size)
            trials.append(Trial(runtime, size, *measured, memory))
            if not trials[-1].figures.passes:
                break
    return trials


def describe(trials: list[Trial], best: Trial) -> str:
    """Format the trials as a table that says which was chosen, and what speaks against others."""
    rows = []
    for trial in trials:
        low, high = trial.figures.accuracy_interval
        remark = "chosen" if trial == best else "; ".join(trial.objections(trials[0].size))
        rows.append(
            (
                f"{trial.runtime}, {trial.size} px",
                f"{trial.figures.accuracy:.2%} ({low:.1%} to {high:.1%})",
                f"{trial.figures.agreement:.2%}",
                f"{trial.photos_per_s:.0f}",
                f"{trial.memory / 1e6:.0f} MB",
                remark,
            )
        )
    exact = f"agreement with {EXACT}, {trials[0].size} px"
    header = ("form", "accuracy (95 % interval)", exact, "photos/s, network alone", "memory", "")
    return f"forms, on {trials[0].figures.images} validation photos:\n" + table(header, rows)


def _size(source: Source) -> int:
    return source.description.preprocessing.crop


def forms_to_try(runtime: str) -> list[str]:
    """Return the runtimes to try, from the most exact on: the one that was asked for, or several.

    A precision that this CPU does not compute is left out: OpenVINO would compute in float32, and
    what made it faster or slower would be chance.
    """
    if runtime != AUTO:
        return [runtime]
    computed = cpu_precisions()
    name: str | None = _LIKELY
    forms = []
    while name:
        if RUNTIMES[name].precision.upper() in computed:
            forms.append(name)
        name = RUNTIMES[name].more_exact
    return forms[::-1]
