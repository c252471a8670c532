"""What happens to clients when something breaks: real faults against a real server under load.

`python -m bench.faults` (`make faults`) makes each fault on a server of its own and writes the
table of docs/operations.md; `tests/e2e/test_faults.py` holds its short form to what is promised.

supervisor   starts the server again, as systemd and a container's restart policy do
stage        the server, and what it leaves behind
traffic      clients that keep asking meanwhile, and what they saw
clock        a clock that can be set, for the server alone
disk         a file system that can be filled
faults       the faults
"""
