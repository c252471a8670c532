"""Measures what clients see when something breaks: real faults on a real server under load.

`python -m bench.faults` (`make faults`) injects each fault into a separate server and writes the
table of docs/operations.md; `tests/e2e/test_faults.py` checks the promises in its short form.

supervisor   restarts the server, as systemd and a container's restart policy do
stage        the server, and what it leaves behind
traffic      clients that send requests throughout, and what they saw
clock        a clock that can be set for the server alone
disk         a file system that can be filled
boot         a boot time that can be moved for the server's commands alone
faults       the faults
releases     those of what is served
"""
