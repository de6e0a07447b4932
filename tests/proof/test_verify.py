"""The model checker finds nothing where nothing is wrong, and every bug that is put in, as the shortest run."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from click.testing import CliRunner

from farandole.cli import farandole
from farandole.proof.verify import WORLDS, World, checker, chosen, verify
from farandole.proof.verify.deciding import NEVER, SAGA
from farandole.proof.verify.explore import explore
from farandole.proof.verify.local import Local
from farandole.proof.verify.protocol import Detail, Phase, Protocol
from farandole.proof.verify.space import Space
from farandole.proof.verify.worlds import SMALL
from farandole.services.order.storage import OUTCOMES
from tests.proof import verify_bugs as bugs

NAMED = {world.name: world for world in WORLDS}
at_length = partial(pytest.param, marks=pytest.mark.proof)


LARGEST = {"payment-failure", "two-units", "forged"}
"""Left to `make proof`, which exhausts every world."""


@pytest.mark.parametrize("world", [world for world in SMALL if world.name not in LARGEST], ids=lambda world: world.name)
def test_a_small_world_holds(world: World) -> None:
    result = verify(world)
    assert (result.violated, result.exhausted) == ((), True)
    assert result.ends > 1


# fmt: off
BROKEN_HANDLERS = [
    # bug                            smallest world      what catches it
    (bugs.no_guard_on_release,       "payment-failure",  {"A1", "A2", "again"}),
    (bugs.no_guard_on_reserve,       "happy",            {"A2", "T3", "again"}),
    (bugs.no_guard_on_payment,       "happy",            {"A3", "again"}),
    (bugs.no_guard_on_outcome,       "happy",            {"A3", "again"}),
    (bugs.no_guard_on_notice,        "happy",            {"again"}),
    (bugs.key_forgotten,             "posted-twice",     {"A3"}),
    (bugs.placed_twice,              "happy",            {"A3"}),
    (bugs.rejected_then_validated,   "stock-failure",    {"again", "T3"}),
    (bugs.released_then_failed,      "payment-failure",  {"again", "T3"}),
    (bugs.stock_before_the_batch,    "last-unit",        {"A2"}),
    (bugs.guard_before_the_batch,    "happy",            {"A2", "again"}),
    (bugs.key_not_kept,              "posted-twice",     {"key"}),
    (bugs.stock_not_checked,         "stock-failure",    {"A1"}),
    (bugs.lines_checked_one_by_one,  "one-sku-twice",    {"A1"}),
    (bugs.stock_not_locked,          "last-unit",        {"A2"}),
    (bugs.receipt_not_locked,        "receipt-beside",   {"A2"}),
    (bugs.everything_refused,        "happy",            {"plenty"}),
    (bugs.released_in_word_only,     "payment-failure",  {"A2"}),
    (bugs.clock_in_the_answer,       "payment-failure",  {"again", "T2"}),
    (bugs.clock_in_the_row,          "happy",            {"A3", "again"}),
    (bugs.limit_reached_fails,       "limit-below",      {"limit"}),
    (bugs.limit_never_reached,       "payment-failure",  {"limit"}),
    (bugs.unpaid_but_completed,      "payment-failure",  {"T1c"}),
    (bugs.nobody_told,               "stock-failure",    {"Q4m"}),
    (bugs.never_the_same_failure,    "happy",            {"progress"}),
    (bugs.always_the_same_failure,   "happy",            {"parked"}),
    (bugs.a_duplicate_fails,         "happy",            {"again", "parked"}),
]
BROKEN_PROTOCOLS = {
    # rule broken                                 how                                       what catches it
    "the offset before the effect":              (Protocol(offset_waits_for="nothing"),     {"Q1", "T1s"}),
    "the offset before the acknowledgement":     (Protocol(offset_waits_for="decision"),    {"Q1", "T1s"}),
    "the outbox row gone before it is out":      (Protocol(row_waits=False),                {"Q1", "T1", "T1s"}),
    "published before the commit":               (Protocol(commits_first=False),            {"T1c"}),
    "a duplicate answered with silence":         (Protocol(repeats=False),                  {"Q1", "T1s"}),
    "no outbox row":                             (Protocol(outbox=False),                   {"Q1", "T1", "T1s"}),
}
# fmt: on
NAMES_OF_BUGS = [bug.__name__ for bug, _, _ in BROKEN_HANDLERS]


@pytest.mark.parametrize(("bug", "world", "caught"), BROKEN_HANDLERS, ids=NAMES_OF_BUGS)
def test_a_broken_handler_is_caught(bug: Callable[[], bugs.Services], world: str, caught: set[str]) -> None:
    result = verify(NAMED[world], bug())
    assert {finding.id for finding in result.violated} >= caught
    assert result.diagram
    assert result.diagram.startswith("sequenceDiagram\n    participant Client\n    participant OrderService\n")


@pytest.mark.parametrize("detail", [Detail.DURABLE, Detail.HEARD])
@pytest.mark.parametrize(("bug", "world"), [bug[:2] for bug in BROKEN_HANDLERS], ids=NAMES_OF_BUGS)
def test_less_detail_hides_no_broken_handler(bug: Callable[[], bugs.Services], world: str, detail: Detail) -> None:
    assert not verify(replace(NAMED[world], detail=detail), bug()).holds


@pytest.mark.parametrize("rule", BROKEN_PROTOCOLS)
def test_a_broken_protocol_is_caught(rule: str) -> None:
    protocol, caught = BROKEN_PROTOCOLS[rule]
    assert {finding.id for finding in verify(NAMED["happy"], protocol=protocol).violated} >= caught


DONE, UNPAID, SHORT, OPEN = "COMPLETED", "PAYMENT_FAILED", "FAILED", "not ordered"


UNPAID_FIRST = {(OPEN, OPEN), (UNPAID, OPEN), (OPEN, DONE)}
ENDS: dict[str, set[tuple[str, ...]]] = {
    "released": UNPAID_FIRST | {(UNPAID, DONE), (UNPAID, SHORT), (SHORT, DONE)},
    "opposite-lines": {(OPEN, OPEN), (DONE, OPEN), (OPEN, DONE), (DONE, SHORT), (SHORT, DONE)},
    "two-units": {(OPEN, OPEN, OPEN), (DONE, OPEN, OPEN), (DONE, DONE, OPEN), (DONE, DONE, SHORT)},
}


@pytest.mark.parametrize("name", ["released", "opposite-lines", at_length("two-units")])
def test_a_world_has_every_end_that_may_be(name: str) -> None:
    """Nothing is violated where nothing happens: one order of two may take what the other releases, or come too early."""
    assert _ends(name) == ENDS[name]


def _ends(name: str) -> set[tuple[str, ...]]:
    """How the orders of a world may have ended; identical ones in no order."""
    space, checks, start = checker.opened(NAMED[name], bugs.SOUND)
    found = set()
    for state in explore(space, checks, start).states:
        _, numbers = space.parts(state)
        if checks.quiet(numbers):
            ended = tuple(_ended(space, space.locals.known.values[number]) for number in numbers)
            found.add(tuple(sorted(ended)) if len(space.groups) == 1 else ended)
    return found


def _ended(space: Space, local: Local) -> str:
    rows = space.deciders.rows.values[local.rows[SAGA.index("order")]]
    return next((values[OUTCOMES.columns.index("status")] for name, values in rows if name == OUTCOMES.name), OPEN)


def test_an_unlocked_look_is_told_as_the_shortest_run() -> None:
    assert (
        verify(NAMED["last-unit"], bugs.stock_not_locked()).diagram
        == """sequenceDiagram
    participant Client
    participant OrderService
    participant Kafka
    participant InventoryService
    Note over OrderService: one transaction decides what follows, in this order
    Client->>OrderService: POST /api/orders · order A
    OrderService->>OrderService: Save order (PENDING)
    Client->>OrderService: POST /api/orders · order B
    OrderService->>OrderService: Save order (PENDING)
    OrderService->>Kafka: Publish order.placed · order A
    OrderService->>Kafka: Publish order.placed · order B
    Kafka->>InventoryService: Consume order.placed · order B
    InventoryService->>InventoryService: Reserve stock (RESERVED)
    Kafka->>InventoryService: Consume order.placed by one who looked before that commit · order A
    InventoryService->>InventoryService: Reserve stock (RESERVED)
    Note over InventoryService: A2 violated (reserved stock is the sum of reservations): tea: 1 reserved, 2 in reservations
"""
    )


def test_a_service_that_forgets_its_answer_is_told_with_the_crash() -> None:
    diagram = verify(NAMED["happy"], protocol=Protocol(repeats=False)).diagram
    assert diagram is not None
    assert "Note over InventoryService: crash: it forgets how far order.placed · the order is\n" in diagram
    assert "Q1 violated (every order ended): the order: still PENDING" in diagram


@pytest.mark.parametrize("name", ["happy", *map(at_length, ("payment-failure", "receipt", "forged"))])
def test_durable_states_are_all_states_without_what_processes_know(name: str) -> None:
    every = _states(replace(NAMED[name], detail=Detail.PROCESSES), without=(_volatile,))
    assert every == _states(replace(NAMED[name], detail=Detail.DURABLE))


@pytest.mark.parametrize("name", [at_length("last-unit"), "receipt", "payment-failure"])
def test_answers_that_nobody_hears_may_land_with_their_offset(name: str) -> None:
    durable = _states(replace(NAMED[name], detail=Detail.DURABLE), without=(_unheard,))
    assert durable == _states(replace(NAMED[name], detail=Detail.HEARD))


@pytest.mark.parametrize("name", ["last-unit", "limit-below"])
def test_identical_orders_in_no_order_are_all_states(name: str) -> None:
    space, checks, start = checker.opened(replace(NAMED[name], detail=Detail.HEARD), bugs.SOUND)
    apart = Space(space.deciders, space.locals, [[0], [1]])
    merged, each = explore(space, checks, start), explore(apart, checks, start)
    assert {space.normal(state) for state in each.states} == set(merged.states)


def test_a_world_that_is_too_large_says_so() -> None:
    result = verify(NAMED["payment-failure"], most=100)
    assert (result.holds, result.exhausted) == (True, False)
    assert "NOT EXHAUSTED, given up after 100 states" in result.bounds


State = tuple[object, ...]
Without = Callable[[Space, Local], Local]


def _states(world: World, without: tuple[Without, ...] = ()) -> set[State]:
    """Every state of a world, in values that do not depend on how they were numbered."""
    space, checks, start = checker.opened(world, bugs.SOUND)
    return {_values(space, state, without) for state in explore(space, checks, start).states}


def _values(space: Space, state: int, without: tuple[Without, ...]) -> State:
    stock, numbers = space.parts(state)
    orders = [space.locals.known.values[number] for number in numbers]
    for simpler in without:
        orders = [simpler(space, local) for local in orders]
    return (space.deciders.stock.values[stock], *sorted(_order(space, local) for local in orders))


def _order(space: Space, local: Local) -> str:
    heard = space.deciders.heard.values
    rows = [sorted(map(repr, space.deciders.rows.values[number])) for number in local.rows]
    hearings = sorted(
        repr((h.service, heard[h.heard], h.phase, heard[h.said] if h.said >= 0 else h.said)) for h in local.hearings
    )
    outbox = sorted(repr((heard[said], phase)) for said, phase in local.outbox)
    topics = sorted(repr(heard[said]) for said in local.topics)
    return repr((local.actor, local.posted, rows, topics, hearings, outbox))


def _volatile(space: Space, local: Local) -> Local:
    """Without what only a process knows."""
    hearings = tuple(
        h._replace(phase=Phase.DECIDED) if h.said != NEVER and h.phase != Phase.DONE else h for h in local.hearings
    )
    return local._replace(hearings=hearings, outbox=tuple((said, Phase.DUE) for said, _ in local.outbox))


def _unheard(space: Space, local: Local) -> Local:
    """Without the moment between landing and being done, where nobody hears what lands."""
    hearers, heard = space.deciders.hearers, space.deciders.heard.values

    def alone(said: int) -> bool:
        return said in local.topics and heard[said].topic not in hearers  # type: ignore[union-attr]  # a message

    hearings = tuple(h._replace(phase=Phase.DONE) if alone(h.said) else h for h in local.hearings)
    return local._replace(hearings=hearings, outbox=tuple(row for row in local.outbox if not alone(row[0])))


def test_the_command_lists_worlds_and_exhausts_one() -> None:
    listed = CliRunner().invoke(farandole, ["verify", "--list"])
    assert [world.name for world in WORLDS if world.name not in listed.output] == []
    shown = CliRunner().invoke(farandole, ["verify", "--world", "stock-failure"])
    assert (shown.exit_code, "599" in shown.output, "total" in shown.output) == (0, True, True)
    printed = json.loads(CliRunner().invoke(farandole, ["verify", "--world", "stock-failure", "--json"]).output)
    assert (printed[0]["states"], printed[0]["violated"]) == (599, [])


def test_the_command_says_no_and_draws_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checker, "wired", lambda settings: bugs.stock_not_checked())
    shown = CliRunner().invoke(farandole, ["verify", "--world", "stock-failure"])
    assert shown.exit_code == 1
    assert "The shortest run, 3 steps:\n\nsequenceDiagram\n" in shown.output


def test_an_unknown_world_is_wrong_usage() -> None:
    shown = CliRunner().invoke(farandole, ["verify", "--world", "other"])
    assert (shown.exit_code, "found 'other'" in shown.output) == (2, True)


def test_small_worlds_are_chosen_for_ci() -> None:
    assert chosen([], small=True) == SMALL
    assert chosen([], small=False) == WORLDS
    assert len({world.name for world in WORLDS}) == len(WORLDS)
