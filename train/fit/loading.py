"""Loads training photos in random batches, with processes that read ahead.

The processes start once per training, while it is small: each fork marks all of its memory
copy-on-write, which cost seconds per epoch when every epoch forked again.
"""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.utils.data import BatchSampler, DataLoader, RandomSampler, Sampler, WeightedRandomSampler

from classifier.cores import usable_cores
from train import world
from train.data.data_set import Draw, TrainingPhotos, mix_seeds
from train.errors import RecipeError
from train.fit.transforms import crop_of_batch, training_transform

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from classifier.description import Preprocessing
    from train.data.data_set import DataSet
    from train.recipe import Recipe


class TrainingLoader:
    """Loads this process's share of the photos, one epoch after another.

    Its processes end with it.

    Raises:
        RecipeError: There are more processes than photos in a batch.
    """

    def __init__(self, data_set: DataSet, recipe: Recipe, preprocessing: Preprocessing) -> None:
        photos = TrainingPhotos(
            data_set.train,
            partial(training_transform, recipe, preprocessing=preprocessing),
            seed=recipe.seed,
            decoded=data_set.decoded_train,
        )
        if min(recipe.batch_size, len(photos)) < world.size():
            raise RecipeError(
                f"{world.size()} processes cannot share a batch of {recipe.batch_size} from "
                f"{len(photos)} photos: start fewer, or raise batch_size"
            )
        self._batches = _Batches([photo.label for photo in data_set.train], recipe)
        workers = loader_workers(recipe)
        self._loader: DataLoader[tuple[Tensor, int]] = DataLoader(
            photos,
            batch_sampler=self._batches,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=torch.cuda.is_available(),
        )

    def __len__(self) -> int:
        """Return the number of steps per epoch."""
        return len(self._batches)

    def epoch(self, epoch: int) -> DataLoader[tuple[Tensor, int]]:
        """Return the batches of an epoch: float32 [N, 3, crop, crop] and labels [N].

        They do not depend on what was loaded before. Only one epoch can be in progress at a time.
        """
        self._batches.epoch = epoch
        return self._loader


class _Batches(Sampler[list[Draw]]):
    """This process's share of each batch; all processes draw equal batches.

    Attributes:
        epoch: The next epoch.
    """

    def __init__(self, labels: Sequence[int], recipe: Recipe) -> None:
        photos = len(labels)
        self.epoch = 0
        self._recipe = recipe
        self._chance = torch.Generator()
        rest = photos % recipe.batch_size
        # Batch normalisation learns nothing from a single photo, and every process needs one.
        drop_last = rest < max(2, world.size()) and photos > rest
        order: Sampler[int] = RandomSampler(range(photos), generator=self._chance)
        if recipe.balance:
            weights = balanced_weights(labels, recipe.balance)
            order = WeightedRandomSampler(weights, photos, generator=self._chance)
        self._batches = BatchSampler(order, recipe.batch_size, drop_last)

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Draw]]:
        epoch = self.epoch
        sizes = random.Random(mix_seeds(self._recipe.seed, epoch))
        self._chance.manual_seed(mix_seeds(self._recipe.seed, epoch))
        # Draws one number in vain, as the former loader per epoch did, so that trainings stay
        # reproducible.
        torch.empty((), dtype=torch.int64).random_(generator=self._chance)
        drawn: Counter[int] = Counter()
        for batch in self._batches:
            crop = crop_of_batch(self._recipe, epoch, sizes)
            whole: list[Draw] = []
            for index in batch:
                whole.append(Draw(epoch, index, crop, drawn[index]))
                drawn[index] += 1
            yield whole[world.rank() :: world.size()]


def balanced_weights(labels: Sequence[int], balance: float) -> list[float]:
    """Return the weight that each photo is drawn with, by how many its class has.

    Args:
        labels: Of the photos.
        balance: 0 gives all photos the same weight, 1 all classes.
    """
    counts = Counter(labels)
    return [counts[label] ** -balance for label in labels]


def loader_workers(recipe: Recipe) -> int:
    """Return the number of reading processes: at most the cores per training process."""
    return min(recipe.workers, max(1, usable_cores() // world.size_here()))
