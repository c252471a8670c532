"""What the page's command line refuses."""

from __future__ import annotations

import pytest

from ui.settings import read_settings


@pytest.mark.parametrize("port", ["80", "65536", "x"])
def test_a_port_to_listen_on_is_any_that_needs_no_root(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert read_settings(["--page-port", "65535"]).port == 65535
    with pytest.raises(SystemExit):
        read_settings(["--page-port", port])
    assert f"expected a whole number from 1024 to 65535, not '{port}'" in capsys.readouterr().err
