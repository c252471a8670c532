"""FastAPI and uvicorn, hand-written to be as fast as we can make it.

`batch`: up to 16 requests are collected within 5 ms, and classified in one other thread.
`pipelined`: a photo is decoded on arrival, in a pool; whatever is decoded when the network is free
becomes the next batch. No request waits for others that may never come.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bench.lab.peers import models
from bench.lab.peers.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    Waiting = tuple[Any, asyncio.Future[models.Answer]]


class Batcher:
    """Collects requests and classifies them in batches, in its own thread."""

    def __init__(
        self, classify: Callable[[Sequence[Any]], list[models.Answer]], delay_s: float
    ) -> None:
        self._classify, self._delay_s = classify, delay_s
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._thread = ThreadPoolExecutor(1)

    async def ask(self, item: Any) -> models.Answer:
        """Wait for the answer to one item."""
        answer: asyncio.Future[models.Answer] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((item, answer))
        return await answer

    async def run(self) -> None:
        """Work until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            batch = await self._collect()
            items = [item for item, _ in batch]
            try:
                answers = await loop.run_in_executor(self._thread, self._classify, items)
            except Exception as error:  # noqa: BLE001  passed on to the waiting requests
                for _, future in batch:
                    future.set_exception(error)
            else:
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(answer)

    async def _collect(self) -> list[Waiting]:
        batch = [await self._queue.get()]
        end = asyncio.get_running_loop().time() + self._delay_s
        while len(batch) < models.MAX_BATCH_SIZE:
            if self._queue.empty():
                left = end - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                try:
                    batch.append(await asyncio.wait_for(self._queue.get(), left))
                except TimeoutError:
                    break
            else:
                batch.append(self._queue.get_nowait())
        return batch


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Load the model and keep the batcher running."""
    if os.environ[models.MODE] == "pipelined":
        pipeline = Pipeline(models.threads())
        batcher = Batcher(pipeline.classify, delay_s=0.0)
        pool = ThreadPoolExecutor(max(1, models.threads()))
        loop = asyncio.get_running_loop()

        async def ask(file: bytes) -> models.Answer:
            return await batcher.ask(await loop.run_in_executor(pool, pipeline.decode, file))

        app.state.ask = ask
    else:
        batcher = Batcher(models.load(), delay_s=models.BATCH_DELAY_S)
        app.state.ask = batcher.ask
    task = asyncio.create_task(batcher.run())
    yield
    task.cancel()


app = FastAPI(lifespan=lifespan)


@app.post("/predict")
async def predict(request: Request) -> JSONResponse:
    """Classify the image file that is the body."""
    return JSONResponse(await app.state.ask(await request.body()))


if __name__ == "__main__":
    uvicorn.run(
        "bench.lab.peers.fastapi_app:app",
        host="127.0.0.1",
        port=int(os.environ[models.PORT]),
        workers=int(os.environ[models.WORKERS]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
    )
