"""The TorchServe handler: what ModelArts' `customize_service.py` did, for a batch of requests.

The only module that knows TorchServe, whose loader expects exactly one class here.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import os
import time
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ts.metrics import caching_metric
from ts.metrics.metric_cache_errors import MetricsCacheKeyError
from ts.metrics.metric_type_enum import MetricTypes
from ts.protocol import otf_message_handler
from ts.service import PREDICTION_METRIC

from classifier.answers import Answer, rank
from classifier.cores import usable_cores
from classifier.description import NEVER_MEASURED
from classifier.errors import InternalError, InvalidRequest, RequestError, http_status
from classifier.explanations import check_map, explain, overlay_png
from classifier.meter import (
    BATCH_REQUESTS,
    CLASS_CONFIDENCE,
    CONFIDENCE,
    ERRORS,
    HANDLE_SECONDS,
    MODEL_INFO,
    PREDICTIONS,
    REQUESTS,
    Increment,
    Meter,
    zeros,
)
from classifier.model import Classification, Model
from classifier.protocols import open_inference
from classifier.protocols.query import Query, read_query
from classifier.protocols.worker_messages import read_batch
from classifier.reporting import report_regularly
from classifier.settings import Settings

if TYPE_CHECKING:
    from ts.context import Context

logger = logging.getLogger(__name__)

JSON, PNG = "application/json", "image/png"


class ResNetHandler:
    """Classifies the images of a batch of requests; a bad request never affects its neighbours."""

    def initialize(self, context: Context) -> None:
        """Load the unpacked archive, warm up, and check the answers to the reference pictures.

        Raises:
            ModelError: The archive is damaged, or this machine's answers differ.
        """
        # In place of TorchServe's own, which has no limits and would parse JSON, too.
        otf_message_handler._retrieve_inference_msg = read_batch  # noqa: SLF001
        _silence_torchserve(context)
        model_dir = Path(context.system_properties["model_dir"])
        # The server shares the cores among its workers; a single worker uses them all.
        threads = int(os.environ.get("MARIGOLD_THREADS") or usable_cores())
        self._model_name = (context.model_name, context.manifest["model"]["modelVersion"])
        self._meter = Meter()
        self._model = Model(
            model_dir,
            Settings.from_config(context.model_yaml_config),
            threads=threads,
            batch_size=int(context.system_properties["batch_size"]),
            gpu=context.system_properties.get("gpu_id"),
            meter=self._meter,
        )
        self._model.warm_up()
        self._meter.take()  # the warm-up was not a request
        self._publish_metrics(context)
        logger.info("%s is ready with %d threads", self._model.choice.runtime, threads)

    def handle(self, data: list[dict[str, Any]], context: Context) -> list[str | bytes]:
        """Answer a batch: one body per request, each with its own status and content type."""
        start = time.perf_counter()
        deadline = time.monotonic() + self._model.settings.deadline_s
        queries = self.preprocess(data)
        bodies = self.postprocess(queries, self.inference(queries, deadline), context)
        # Each request waits for the whole batch.
        self._meter.observe(HANDLE_SECONDS, time.perf_counter() - start, times=len(data))
        self._meter.observe(BATCH_REQUESTS, len(data))
        return bodies

    def preprocess(self, data: list[dict[str, Any]]) -> list[Query]:
        """Read each request in its protocol."""
        limits = self._model.settings
        images, parts = limits.max_images_per_request, limits.max_json_parts
        return [read_query(row, max_images=images, max_json_parts=parts) for row in data]

    def inference(
        self, queries: list[Query], deadline: float = math.inf
    ) -> list[list[Classification | Exception]]:
        """Classify the images of all requests together; return one list per request.

        Args:
            queries: The requests.
            deadline: Reading of `time.monotonic` after which no further image is started.
        """
        return self._model.classify_requests([query.images for query in queries], deadline=deadline)

    def postprocess(
        self,
        queries: list[Query],
        results: list[list[Classification | Exception]],
        context: Context,
    ) -> list[str | bytes]:
        """Write each reply, and tell TorchServe its status and content type."""
        bodies = []
        for index, (query, classified) in enumerate(zip(queries, results, strict=True)):
            request_id = context.get_request_id(index) or "unknown"
            status, body = self._answer(query, classified, _headers(context, index), request_id)
            self._meter.add(REQUESTS, str(status))
            context.set_response_status(status, HTTPStatus(status).phrase, index)
            if status == HTTPStatus.SERVICE_UNAVAILABLE:
                context.set_response_header(index, "Retry-After", "1")
            context.set_response_content_type(index, PNG if isinstance(body, bytes) else JSON)
            bodies.append(body)
        return bodies

    def _answer(
        self,
        query: Query,
        results: list[Classification | Exception],
        headers: dict[str, str],
        request_id: str,
    ) -> tuple[int, str | bytes]:
        """Return the status and body for one request."""
        try:
            if headers.get("describe") == "True":
                return 200, _json(self._describe())
            if headers.get("describe") == "v2":  # set by the front, for Open Inference's metadata
                return 200, _json(self._metadata())
            if headers.get("explain") == "True":
                as_png = PNG in headers.get("accept", "")
                return 200, self._explain(query.answers(results), as_png=as_png)
            answers = [self._tell(classified) for classified in query.answers(results)]
            self._count_predictions(answers)
            return 200, _json(query.protocol.write_reply(answers, query.fields, self._model_name))
        except Exception as error:  # whatever it is, it must not reach the other requests
            told = error if isinstance(error, RequestError) else InternalError(request_id)
            status, kind = http_status(told), type(told).__name__
            self._meter.add(ERRORS, kind)
            # Never log a RequestError's message: it quotes what the client sent.
            logger.log(
                logging.INFO if told is error else logging.ERROR,
                "request %s was answered with %d %s",
                request_id,
                status,
                kind,
                exc_info=told is not error,
            )
            return status, _json(query.protocol.write_error(told, status))

    def _count_predictions(self, answers: list[Answer]) -> None:
        for answer in answers:
            class_name, probability = answer.ranking[0]
            self._meter.add(PREDICTIONS, class_name)
            self._meter.add(CLASS_CONFIDENCE, class_name, probability)
            self._meter.observe(CONFIDENCE, probability)

    def _publish_metrics(self, context: Context) -> None:
        """Publish the counts through TorchServe if its metrics.yaml lists them."""
        if context.metrics is None:  # no metrics, as while an archive is verified
            return
        known = zeros(self._model.class_names)
        try:
            counters = {name: context.metrics.get_metric(name) for name, _, _ in known}
            info = context.metrics.get_metric(MODEL_INFO, MetricTypes.GAUGE)
        except MetricsCacheKeyError as error:
            logger.warning("this model's metrics are not published, metrics.yaml lacks %s", error)
            return
        model = [_dimension(part) for part in self._model_name]

        def publish(increments: list[Increment]) -> None:
            for name, label, amount in increments:
                own = [] if label is None else [_dimension(label)]
                counters[name].add_or_update(amount, [*model, *own])

        weights, runtime = self._model.description.weights_sha256, self._model.choice.runtime
        info.add_or_update(1, [*model, weights, runtime])
        publish(known)
        report_regularly(self._meter, publish)

    def _tell(self, classified: Classification) -> Answer:
        ranking = rank(
            classified.probabilities, self._model.class_names, self._model.settings.top_k
        )
        return Answer(ranking, self._model.rejects(classified))

    def _explain(self, answers: list[Classification], *, as_png: bool) -> str | bytes:
        if not as_png:
            explanations = [explain(answer, self._model) for answer in answers]
            return _json(explanations[0] if len(answers) == 1 else {"explanations": explanations})
        if len(answers) > 1:
            raise InvalidRequest(
                expected="one image, for an explanation as a PNG",
                found=f"{len(answers)} images",
                remedy="send them one by one, or ask for JSON",
            )
        answer = answers[0]
        check_map(answer, self._model)
        best = answer.probabilities.argmax()
        return overlay_png(answer.pixels, answer.features, self._model.class_weights[best])

    def _metadata(self) -> Any:
        """Describe the model in Open Inference Protocol v2."""
        settings = self._model.settings
        return open_inference.metadata(
            self._model_name,
            platform=self._model.choice.runtime,
            classes=min(settings.top_k, len(self._model.class_names)),
            rejects=settings.reject_unknown,
        )

    def _describe(self) -> dict[str, Any]:
        """Describe what is served, for `GET /models/<name>?customized=true`."""
        choice, description = self._model.choice, dataclasses.asdict(self._model.description)
        if description["val_accuracy"] is None:  # TorchServe leaves out what is null
            description["val_accuracy"] = NEVER_MEASURED
        return {
            "labels": self._model.class_names,
            "runtime": choice.runtime,
            "precision": choice.runtime.rpartition("-")[2],
            "runtime_accuracy": choice.accuracy,
            **description,
            **dataclasses.asdict(self._model.settings),
        }


def _silence_torchserve(context: Context) -> None:
    """Drop what TorchServe's worker writes for every batch, the front end parses, and nobody reads.

    Its `PredictionTime` stays if metrics.yaml lists it, as TorchServe's own does.
    """
    _drop_lines(logging.getLogger(), "Backend received inference")
    if context.metrics is None:
        return
    try:
        context.metrics.get_metric(PREDICTION_METRIC, MetricTypes.GAUGE)
    except MetricsCacheKeyError:
        _drop_lines(logging.getLogger(caching_metric.__name__), f"[METRICS]{PREDICTION_METRIC}")


def _drop_lines(source: logging.Logger, beginning: str) -> None:
    source.addFilter(lambda record: not str(record.msg).startswith(beginning))


def _headers(context: Context, index: int) -> dict[str, str]:
    """Return a request's headers with lower-case names, without those of form fields."""
    headers = context.get_all_request_header(index)
    return {name.lower(): value for name, value in headers.items() if isinstance(value, str)}


def _dimension(value: str) -> str:
    """Percent-encode what is special in a line of metrics, so that different names stay so."""
    return "".join(
        quote(character, safe="", errors="surrogatepass")
        if character in ",:|#%" or not character.isprintable()
        else character
        for character in value
    )


def _json(body: Any) -> str:
    text = json.dumps(body, ensure_ascii=False)
    # A lone surrogate, such as a request's id may hold, has no UTF-8 form, and a reply that cannot
    # be encoded ends the worker. Its backslash escape is JSON's own.
    return text.encode(errors="backslashreplace").decode()
