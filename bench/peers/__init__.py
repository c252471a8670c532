"""The same model behind other servers, each as its own documentation recommends.

These modules run in environments of their own (`bench.environments`); `bench.servers` starts them.
What they share is the model, in `bench.peers.models`; what they may not share is a server.
"""
