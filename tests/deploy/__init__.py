"""Tests of what is deployed: the manifests, the image's file, the unit."""
