"""A database that refuses some rows for a while: honest records are parked, and replayed when it takes them again."""

from contextlib import suppress
from functools import partial
from typing import Final

import httpx

from farandole.proof.torture import seen
from farandole.proof.torture.aim import asked, until
from farandole.proof.torture.stage import Stage
from farandole.proof.torture.wishes import UNLUCKY

SERVICE: Final = "inventory"
REFUSE: Final = (
    f"ALTER TABLE reservations ADD CONSTRAINT no_luck CHECK (customer::text NOT LIKE '%{UNLUCKY}%') NOT VALID"
)
ACCEPT: Final = "ALTER TABLE reservations DROP CONSTRAINT IF EXISTS no_luck"
REFUSED: Final = "SELECT id FROM dead_letters WHERE replayed_at IS NULL AND error LIKE 'the database refuses it%'"


def begin(stage: Stage) -> None:
    asked(lambda: stage.watch.ask(SERVICE, REFUSE))


def parked(stage: Stage) -> int:
    return len(stage.watch.ask(SERVICE, REFUSED))


def end(stage: Stage) -> None:
    """Take the rows again, and replay what was parked, each once."""
    asked(lambda: stage.watch.ask(SERVICE, ACCEPT))
    for (letter,) in asked(lambda: stage.watch.ask(SERVICE, REFUSED)):
        if until(partial(_replayed, stage, letter)):
            stage.seen[seen.REPLAYED] += 1
        else:
            stage.wrong.append(f"dead letter {letter} of {SERVICE} could not be replayed")


def _replayed(stage: Stage, letter: str) -> bool:
    """Whether a dead letter is replayed now, by this request or by one before whose answer was lost."""
    for url in stage.addresses(SERVICE):
        with suppress(httpx.HTTPError):
            if httpx.post(f"{url}/api/dead-letters/{letter}/replay", timeout=20).status_code in (200, 409):
                return True
    return False
