"""Tests of `client`, against a scripted connection and against small servers on real sockets."""
