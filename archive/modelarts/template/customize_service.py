"""The inference service that ModelArts runs: the model's answers to `images`.

Written by Marigold (`make modelarts`). Beside it are the weights, `model.json` (their description),
`index_to_name.json` (the class names), `model.py` and `pixels.py`.

    {"images": {file name: file}}    {"predicted_label": "roses", "scores": [["roses", 0.99], ...]}
    {"images": "<base64>"}           the same
    several files                    the same for the first, and "predictions" with all
"""

import base64
import binascii
import json
import os

import numpy as np
import torch
from model import load_network
from model_service.pytorch_model_service import PTServingBaseService
from pixels import BadImage, read_pixels

TOP_K = 5
HERE = os.path.dirname(os.path.abspath(__file__))


class MarigoldService(PTServingBaseService):
    """Classifies every file of a request.

    Args:
        model_name: Name of the service.
        model_path: The weights file.
    """

    def __init__(self, model_name, model_path):
        super(MarigoldService, self).__init__(model_name, model_path)
        description = _read_json("model.json")
        preprocessing = description["preprocessing"]
        self.geometry = {
            name: preprocessing[name] for name in ("resize", "crop", "squash", "interpolation")
        }
        # On 0..255 rather than 0..1, as the network was evaluated.
        self.mean = 255 * torch.tensor(preprocessing["mean"]).view(1, 3, 1, 1)
        self.std = 255 * torch.tensor(preprocessing["std"]).view(1, 3, 1, 1)
        self.label = _read_json("index_to_name.json")  # "0": "daisy"
        weights = model_path if os.path.isfile(model_path) else _weights(description)
        self.network = load_network(weights, description["arch"], len(self.label))

    def _preprocess(self, data):
        """Decode the files of every key; return a list of pixels [crop, crop, 3] per key."""
        decoded = {}
        for key, value in data.items():
            if isinstance(value, dict):
                files = list(value.values())
            elif key == "images":
                files = [_from_base64(value)]
            else:
                continue  # the platform puts query arguments among the fields
            decoded[key] = [read_pixels(file, **self.geometry) for file in files]
        if not decoded:
            raise KeyError("images")
        return decoded

    def _inference(self, data):
        """Compute the probabilities [N, C] of the files of every key."""
        probabilities = {}
        for key, pixels in data.items():
            x = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float()
            with torch.no_grad():
                logits = self.network((x - self.mean) / self.std)
            probabilities[key] = torch.softmax(logits, dim=1)
        return probabilities

    def _postprocess(self, data):
        """Name the classes, best first."""
        answers = [self._answer(row) for rows in data.values() for row in rows]
        if len(answers) == 1:
            return answers[0]
        reply = dict(answers[0])
        reply["predictions"] = answers
        return reply

    def _answer(self, probabilities):
        order = torch.argsort(probabilities, descending=True)[:TOP_K].tolist()
        scores = [[self.label[str(index)], float(probabilities[index])] for index in order]
        return {"predicted_label": scores[0][0], "scores": scores}


def _read_json(name):
    with open(os.path.join(HERE, name), encoding="utf-8") as file:
        return json.load(file)


def _weights(description):
    return os.path.join(HERE, description["weights_file"])


def _from_base64(text):
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadImage("not base64 text: {}".format(error))
