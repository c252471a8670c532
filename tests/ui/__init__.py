"""Tests of `ui` without its page; `tests.e2e.test_ui` opens that in a real Chromium."""
