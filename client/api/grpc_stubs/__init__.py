"""TorchServe's gRPC interface, for clients: two .proto files, and what protoc makes of them.

The .proto files are those in the archive of TorchServe 0.12.0 (Apache-2.0); `make stubs` writes the
rest. Nothing in this folder is edited by hand.
"""
