"""The web page for trying a server: drop photos, see labels and why, compare two versions.

It talks to the server only through `client`, and runs in a separate environment (`make ui`). It
does not check photos: it sends any file, and shows the server's message.
"""
