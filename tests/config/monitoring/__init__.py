"""Tests of the Prometheus rules and the Grafana dashboard, by Prometheus' own tools."""
