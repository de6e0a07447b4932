"""Where to read on: at what is known to be answered; and nowhere, when that would lose or repeat history."""

import pytest

from farandole.messaging.failure import Halt
from farandole.messaging.kernel_tables import OffsetRow
from farandole.messaging.offsets import BEGINNING, start
from farandole.messaging.transport import Opening, Partition

PLACE = Partition("order.placed", 3)


def opening(committed: int | None = None, begins: int = 0, ends: int = 100, topic_id: str = "first") -> Opening:
    return Opening(PLACE, topic_id, committed, begins, ends)


def known(decided: int, acked: int) -> OffsetRow:
    return OffsetRow(*PLACE, "first", decided, acked)


@pytest.mark.parametrize(
    ("found", "remembered", "at"),
    [
        (opening(), None, 0),
        (opening(committed=0), None, 0),
        (opening(committed=7), known(10, 5), 7),
        (opening(committed=3), known(10, 5), 5),
        (opening(committed=10), known(10, 5), 10),
        (opening(), known(10, 5), 5),
        (opening(), known(10, 0), 0),
        (opening(committed=7, begins=7), known(10, 5), 7),
    ],
)
def test_reading_goes_on_after_what_is_answered(found: Opening, remembered: OffsetRow | None, at: int) -> None:
    assert start(found, remembered) == at


@pytest.mark.parametrize(
    ("found", "remembered", "said"),
    [
        (opening(committed=7, topic_id="second"), known(10, 5), "expected the topic first, found second"),
        (opening(topic_id="second"), known(10, 5), "created anew"),
        (opening(committed=11), known(10, 5), "the group's offset 11 is beyond 10.*set the group's offset back to 10"),
        (opening(committed=7, begins=8), known(10, 5), "read on at 7, found a log that begins at 8.*deleted unread"),
        (opening(begins=6), known(10, 5), "read on at 5, found a log that begins at 6"),
        (opening(committed=1), None, "this database never heard the partition"),
        (opening(committed=50, begins=20), None, "this database never heard the partition"),
        (opening(begins=1), None, "expected a log that begins at 0, found 1.*FARANDOLE_BEGIN"),
    ],
)
def test_nobody_goes_on_from_a_wrong_place(found: Opening, remembered: OffsetRow | None, said: str) -> None:
    with pytest.raises(Halt, match=f"order.placed/3: .*{said}"):
        start(found, remembered)


@pytest.mark.parametrize(("begin", "at"), [("earliest", 20), ("latest", 100)])
def test_a_newcomer_says_where_it_begins_in_a_shortened_log(begin: str, at: int) -> None:
    assert start(opening(begins=20), None, begin) == at


@pytest.mark.parametrize("begin", ["earliest", "latest", BEGINNING])
def test_a_whole_log_is_read_from_its_beginning(begin: str) -> None:
    assert start(opening(), None, begin) == 0
