"""Tests of the page to try a server on; `test_page` opens it in a real Chromium."""
