"""The commands about stock."""

import json

from tests.cli.running import asking
from tests.cli.server import Answer, CannedServer


def test_the_whole_stock_is_listed() -> None:
    rows = [{"sku": sku, "available": 5, "reserved": 1} for sku in ("mug", "tea")]
    answers = {
        "GET /api/stock": [Answer({"items": rows[:1], "next_cursor": "m"})],
        "GET /api/stock?cursor=m": [Answer({"items": rows[1:], "next_cursor": None})],
    }
    with CannedServer(answers) as server:
        people, programs = asking(server, "stock", "list"), asking(server, "stock", "list", "--json")
    assert people.stdout.index("mug") < people.stdout.index("tea")
    assert json.loads(programs.stdout)["items"] == rows


def test_goods_are_taken_in() -> None:
    row = {"sku": "tea", "available": 100, "reserved": 0}
    with CannedServer({"POST /api/stock/tea/receipts": [Answer(row, 201)]}) as server:
        done = asking(server, "stock", "receive", "tea", "100", "--json")
    assert json.loads(done.stdout) == row
    assert [asked.body for asked in server.asked] == [{"quantity": 100}]
