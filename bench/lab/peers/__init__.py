"""The same model behind other servers, each as its own documentation recommends.

These modules run in environments of their own (`bench.lab.environments`), started by
`bench.lab.servers`.
What they share is the model, in `bench.lab.peers.models`; what they may not share is a server.
"""
