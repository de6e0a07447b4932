"""Log lines: whatever somebody else wrote stays inside its field."""

import json
import re

import pytest
import structlog

from farandole.messaging.dead_letters import Announcer, letter
from farandole.messaging.envelope import Record
from farandole.messaging.failure import Poison
from farandole.runtime.settings import load
from farandole.runtime.telemetry import configure_logs

KEY, OTHER = (f"01a2083b-9939-7622-b5f7-4da344e11fc{n}" for n in range(2))
FORGED = f"""no' " \x1b[2J\n2026-01-01T00:00:00Z [info     ] paid order_id={OTHER}\r\u2028order_id={OTHER}"""
QUOTED = re.compile(r"""'(\\.|[^'\\])*'|"(\\.|[^"\\])*\"""")
ORDERS = re.compile(r"order_id=(\S+)")


def park(error: str) -> None:
    record = Record("order.placed", 0, 0, KEY.encode(), b"{", (), 0)
    Announcer("inventory", lambda: 0)([letter("inventory", ("topic", record), Poison(error), 0)])


@pytest.mark.parametrize("error", [FORGED, FORGED.replace(" ", "\x1b"), f"order_id={OTHER}", f"\x1b\x9b\u2028{OTHER}"])
def test_an_error_that_a_stranger_wrote_forges_no_line_and_no_field(
    error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logs(load({}))
    park(error)
    said = capsys.readouterr().err
    assert said.endswith("\n")
    assert said[:-1].isprintable(), said
    assert ORDERS.findall(QUOTED.sub("", said)) == [KEY]


def test_a_line_in_json_says_what_the_error_was(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(load({}, {"log_format": "json"}))
    park(FORGED)
    said = capsys.readouterr().err
    assert said[:-1].isprintable()
    found = json.loads(said)
    assert (found["order_id"], found["error"]) == (KEY, FORGED)


def test_a_traceback_looks_like_no_other_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs(load({}))
    try:
        raise ValueError(FORGED)
    except ValueError:
        structlog.get_logger().exception("halted by a bug")
    first, *more = capsys.readouterr().err[:-1].split("\n")
    assert "halted by a bug" in first
    assert any("Traceback" in line for line in more)
    assert [line for line in more if line and not (line.startswith("    ") and line.isprintable())] == []
