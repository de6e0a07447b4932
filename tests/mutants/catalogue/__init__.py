"""Every seeded bug, by the room it is in."""

from typing import Final

from tests.mutants.catalogue import (
    batches,
    consumer,
    databases,
    dead_letters,
    edges,
    envelope,
    judges,
    kafka,
    ledger,
    offsets,
    orders,
    outbox,
    stock,
    told,
    working_sets,
)
from tests.mutants.mutant import Mutant

MUTANTS: Final[tuple[Mutant, ...]] = (
    *consumer.MUTANTS,
    *batches.MUTANTS,
    *offsets.MUTANTS,
    *outbox.MUTANTS,
    *dead_letters.MUTANTS,
    *envelope.MUTANTS,
    *stock.MUTANTS,
    *orders.MUTANTS,
    *told.MUTANTS,
    *working_sets.MUTANTS,
    *databases.MUTANTS,
    *kafka.MUTANTS,
    *ledger.MUTANTS,
    *edges.MUTANTS,
    *judges.MUTANTS,
)
