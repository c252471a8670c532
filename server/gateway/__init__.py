"""The gateway: nginx in front of a TorchServe on loopback, with keys of your choice.

TorchServe generates its own keys at each start, so a thousand replicas would have a thousand. They
stay behind the gateway; clients have their own keys, the same for all replicas.
`python -m server.gateway` runs nginx and gives it both.
"""
