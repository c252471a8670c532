"""Everything that turns the bytes of an image into class probabilities.

The package is the one place where an image is decoded, preprocessed and classified: training,
evaluation, archive verification and the TorchServe handler all call it.
It knows neither TorchServe nor the training job.
"""
