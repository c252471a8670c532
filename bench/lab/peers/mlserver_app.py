"""MLServer with adaptive batching: a custom runtime, following its documentation."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

from mlserver import MLModel
from mlserver.codecs import Base64Codec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.lab.peers import models


class Flowers(MLModel):
    """Photos as base64 in the Open Inference Protocol; the answers as JSON text."""

    async def load(self) -> bool:
        """Load the model; called in each worker."""
        self._classify = models.load()
        # MLServer runs several batches at once; the model accepts one at a time.
        self._thread = ThreadPoolExecutor(1)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Classify a batch that MLServer collected into one request."""
        files = Base64Codec.decode_input(payload.inputs[0])
        loop = asyncio.get_running_loop()
        answers = await loop.run_in_executor(self._thread, self._classify, files)
        texts = [json.dumps(answer) for answer in answers]
        return InferenceResponse(
            model_name=self.name, outputs=[StringCodec.encode_output("answers", texts)]
        )
