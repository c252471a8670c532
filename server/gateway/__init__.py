"""The gateway: nginx in front of a TorchServe that stays on loopback, with keys that we choose.

TorchServe makes its own keys at each start, so a thousand replicas would have a thousand. Behind
the gateway they stay where they are made; clients have keys of their own, the same for all
replicas. `python -m server.gateway` runs nginx and hands it both.
"""
