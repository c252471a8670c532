"""Builds, seals and verifies the model archive (.mar) that TorchServe serves."""
