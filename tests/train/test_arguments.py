"""Unknown arguments on the command line of a training."""

from __future__ import annotations

import pytest

from train.__main__ import main

PLATFORM = [
    *("--num_gpus=1", "--init_method", "tcp://x", "--rank=0", "--world_size", "1"),
    *("--device_id=0", "--model_url=s3://a", "--test_url", "b", "--local_rank=0", "--log_url=c"),
]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--epochs", "5"], "--epochs: epochs is a setting of the recipe; write --set epochs=..."),
        (["--batch-size=8"], "batch_size is a setting of the recipe; write --set batch_size=..."),
        (["--learning_rate", "0.1"], "lr is a setting of the recipe; write --set lr=..."),
        (["--epoch=5"], "unknown argument --epoch=5; did you mean --set epochs=...?"),
        (["--resmue"], "unknown argument --resmue; did you mean --resume?"),
        (["-resume"], "unknown argument -resume; did you mean --resume?"),
        (["--train-url", "x"], "unknown argument --train-url; did you mean --train_url?"),
        (["--num_gpus=1", "--data_ulr", "x"], "did you mean --data_url?"),
    ],
)
def test_what_may_be_meant_for_us_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err.splitlines()[-1]


def test_what_a_platform_adds_is_ignored_and_told(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*PLATFORM, "--recipe", "none.toml"]) == 1
    assert f"ignored unknown arguments: {' '.join(PLATFORM)}" in caplog.messages
    assert "none.toml: cannot read the recipe" in capsys.readouterr().err
