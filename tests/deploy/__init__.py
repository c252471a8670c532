"""Tests of the deployment files: the manifests, the Containerfile, the unit."""
