"""The front: one Caddy before a TorchServe on loopback, with keys that do not end.

It checks the key before it takes a body in, lets what does not fit wait in the connection, passes a
bounded number of requests on, and speaks TLS. `server.front` runs it before every server.
"""
