"""The same model behind other servers, each as its own documentation recommends.

These modules run in their own environments (`bench.lab.environments`), started by
`bench.lab.servers`.
They share the model, in `bench.lab.peers.models`, but no server code.
"""
