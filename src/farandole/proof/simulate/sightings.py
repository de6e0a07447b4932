"""What must have happened at least once in a run of many histories; a run that never saw one of these proves less than it says."""

from collections import Counter
from typing import Final

WANTED: Final = (
    "a record was heard again and answered from its row",
    "a second copy landed",
    "somebody copied a record",
    "a batch of one was decided",
    "a batch of a hundred was decided",
    "a commit failed that had not committed",
    "a commit's answer was lost that had committed",
    "a crash before a commit",
    "a crash after a commit",
    "a crash before publishing",
    "a crash in the middle of publishing",
    "a crash after publishing",
    "a crash before committing offsets",
    "a crash after committing offsets",
    "a crash before deleting outbox",
    "a transport call fails",
    "a statement fails",
    "a member was expelled",
    "a zombie went on",
    "a zombie learned that it was expelled",
    "a commit of offsets was fenced",
    "a relay took over what another process had left",
    "a dead letter was parked and replayed",
    "a handler failed otherwise each time",
    "a row did not fit",
    "a row did not fit among others that did",
    "somebody asked again because who was asked had died",
    "asking again found the order",
    "asking again made the order",
    "a clock jumped",
)


def missing(seen: Counter[str]) -> list[str]:
    """What never happened."""
    return [what for what in WANTED if not seen[what]]
