"""Many answers as a table and as a file; nothing from outside becomes markup."""

from __future__ import annotations

import csv
from pathlib import Path

from client.api.inference import Prediction
from client.api.metrics import Times
from client.errors import RequestRejected
from ui.asking import Answer, Outcome
from ui.results import csv_file, first_answered, table_html
from ui.timing import timing_html

HOSTILE = "<script>alert(1)</script>"
ANSWERED = Outcome(Path("a.jpg"), Prediction((("daisy", 0.75), ("roses", 0.25))))
REFUSED = Outcome(Path(f"{HOSTILE[:8]}.txt"), RequestRejected(400, "InvalidImage", HOSTILE))


def test_the_csv_holds_every_photo_and_every_class() -> None:
    with csv_file([ANSWERED, REFUSED]).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == {
        "file": "a.jpg",
        "label": "daisy",
        "probability": "0.75",
        "error": "",
        "daisy": "0.75",
        "roses": "0.25",
    }
    assert rows[1]["error"] == f"{HOSTILE} (400)"
    assert rows[1]["label"] == ""


def test_the_servers_words_are_shown_as_text() -> None:
    page = table_html([ANSWERED, REFUSED], "en")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_one_photo_needs_no_table() -> None:
    assert table_html([ANSWERED], "en") == ""


def test_the_parts_of_the_time_add_up_to_the_time_there_and_back() -> None:
    answer = Answer((ANSWERED,), 0.020, Times(answered=1, total_s=0.015, queued_s=0.004))
    page = timing_html(answer, "en")
    assert "20 ms round trip" in page
    for words in ("queue <b>4.0 ms", "inference <b>11.0 ms", "network <b>5.0 ms"):
        assert words in page


def test_a_server_that_tells_nothing_of_its_times_is_quoted() -> None:
    answer = Answer((ANSWERED,), 0.020, silence="nothing answers at http://127.0.0.1:8082")
    assert "nothing answers at http://127.0.0.1:8082" in timing_html(answer, "zh")


def test_where_nothing_was_answered_there_is_no_time() -> None:
    assert timing_html(Answer((REFUSED,), 0.020, silence="nothing answers"), "en") == ""
    assert "2 photos" in timing_html(Answer((REFUSED, ANSWERED), 0.020), "en")


def test_the_right_class_can_be_any_other_of_the_model() -> None:
    other = Outcome(Path("b.jpg"), Prediction((("roses", 0.5), ("daisy", 0.5))))
    page = table_html([ANSWERED, other, REFUSED], "en", ["daisy", "roses", "tulips"])
    assert page.count("<option>tulips</option>") == 2
    assert 'data-label="daisy" data-confidence="0.75"' in page
    assert page.count("75.0 %") == 1
    assert "75.0%" in table_html([ANSWERED, other], "zh")


def test_a_batch_starts_with_what_was_answered() -> None:
    assert first_answered([REFUSED, ANSWERED]) == 1
    assert first_answered([REFUSED, REFUSED]) == 0
