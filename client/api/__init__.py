"""TorchServe's APIs over HTTP and gRPC: predictions, models, workers, metrics, and their keys."""
