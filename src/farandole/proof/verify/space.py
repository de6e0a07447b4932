"""The states of a world and the steps between them: a state is the stock and the orders' local states, as one number.

Orders that are alike but for their ids stand in no order: the smaller local state comes first. That is exact, for they
meet in the stock alone, and a decision about several of them is made of their rows, whoever they are.
"""

from collections.abc import Iterator, Sequence
from itertools import permutations, product
from typing import Final, NamedTuple

from farandole.proof.verify.deciding import SAGA, Deciders, Look, Outcome
from farandole.proof.verify.local import Due, Move
from farandole.proof.verify.moves import Locals
from farandole.proof.verify.protocol import Kind

BITS: Final = 20
"""Bits of one order's local state, and of the stock's, within a state."""
MASK: Final = (1 << BITS) - 1


class Step(NamedTuple):
    """One transition: the orders that move, by place, each with its move; and the state after it."""

    moved: tuple[tuple[int, Move], ...]
    after: int

    @property
    def broken(self) -> bool:
        return any(move.broken for _, move in self.moved)


class Quick(NamedTuple):
    """What one order may do next, made ready to be put into a state: moves that lead ahead come first."""

    after: tuple[int, ...]
    idle: int
    ahead: bool
    broken: bool


class Space:
    """`groups` are the places of identical orders."""

    def __init__(self, deciders: Deciders, locals_: Locals, groups: Sequence[Sequence[int]]) -> None:
        self.deciders, self.locals = deciders, locals_
        self.groups, self.size = groups, sum(len(group) for group in groups)
        self.shifts = [BITS * (place + 1) for place in range(self.size)]
        self._masks = [MASK << shift | MASK for shift in self.shifts]
        self._twins = [[self.shifts[place] for place in group] for group in groups if len(group) > 1]
        self._quick: list[dict[int, Quick]] = [{} for _ in range(self.size)]
        self._moves: dict[tuple[int, int], list[Move]] = {}
        self._due: dict[int, list[Due]] = {}
        self._waits: dict[int, int] = {}

    def state(self, stock: int, numbers: Sequence[int]) -> int:
        """The number of a state."""
        found = stock
        for shift, number in zip(self.shifts, numbers, strict=True):
            found |= number << shift
        return self.normal(found)

    def normal(self, state: int) -> int:
        """The same state with identical orders in order."""
        for shifts in self._twins:
            numbers = [state >> shift & MASK for shift in shifts]
            inordered = sorted(numbers)
            if numbers != inordered:
                for shift, old, new in zip(shifts, numbers, inordered, strict=True):
                    state ^= (old ^ new) << shift
        return state

    def parts(self, state: int) -> tuple[int, list[int]]:
        """The stock and the orders' local states."""
        return state & MASK, [state >> shift & MASK for shift in self.shifts]

    def _prepared(self, place: int, part: int) -> Quick:
        """What the order at a place may do, by its bits and the stock's."""
        shift = self.shifts[place]
        number, stock = part >> shift, part & MASK
        moves = self.moves(number, stock)
        real = [move for move in moves if move.broken or (move.local, move.stock) != (number, stock)]
        after = tuple(move.local << shift | move.stock for move in real)
        ahead = bool(real) and real[0].ahead
        quick = Quick(after, len(moves) - len(real), ahead, any(move.broken for move in real))
        self._quick[place][part] = quick
        return quick

    def moves(self, number: int, stock: int) -> list[Move]:
        """Every move of one order, those that change nothing included."""
        if (number, stock) not in self._moves:
            self._moves[number, stock] = self.locals.moves(number, stock)
        return self._moves[number, stock]

    def targets(self, state: int) -> tuple[list[int] | None, int, int | None]:
        """The states after each step, how many moves change nothing, and which target leads ahead; None when a step
        violates something: `steps` tells which."""
        found: list[int] = []
        idle, first = 0, None
        for place, mask in enumerate(self._masks):
            part = state & mask
            quick = self._quick[place].get(part) or self._prepared(place, part)
            if quick.broken:
                return None, 0, None
            if quick.ahead and first is None:
                first = len(found)
            idle += quick.idle
            rest = state ^ part
            if self._twins:
                found += [self.normal(rest | after) for after in quick.after]
            else:
                found += [rest | after for after in quick.after]
        for step in self.together(state):
            if step.broken:
                return None, 0, None
            found.append(step.after)
        return found, idle, first

    def steps(self, state: int) -> Iterator[Step]:
        """Every step from a state."""
        stock, numbers = self.parts(state)
        for place, number in enumerate(numbers):
            for move in self.moves(number, stock):
                after = [*numbers]
                after[place] = move.local
                yield Step(((place, move),), self.state(move.stock, after))
        yield from self.together(state)

    def company(self, numbers: Sequence[int]) -> bool:
        """Whether several orders have something that one service may decide, together or at the same time."""
        seen = 0
        for number in numbers:
            waits = self._waits.get(number)
            if waits is None:
                waits = self._waits[number] = self._waiting(number)
            if seen & waits:
                return True
            seen |= waits
        return False

    def together(self, state: int) -> Iterator[Step]:
        """Several orders decided in one transaction, in whatever order, or in two that overlap."""
        stock, numbers = self.parts(state)
        if not self.company(numbers):
            return
        for moved in self._decided(stock, numbers):
            after = [*numbers]
            for place, move in moved:
                after[place] = move.local
            yield Step(moved, self.state(moved[-1][1].stock, after))

    def _decided(self, stock: int, numbers: Sequence[int]) -> Iterator[tuple[tuple[int, Move], ...]]:
        due = [self.due(number) for number in numbers]
        for service, commanded in product(sorted({one.service for some in due for one in some}), (False, True)):
            yield from self._batches(
                stock, numbers, [[o for o in some if o[:2] == (service, commanded)] for some in due]
            )
            if not commanded:
                yield from self._overlaps(stock, numbers, [[o for o in some if o.service == service] for some in due])

    def _batches(
        self, stock: int, numbers: Sequence[int], waiting: Sequence[Sequence[Due]]
    ) -> Iterator[tuple[tuple[int, Move], ...]]:
        """Two and more orders in one transaction."""
        places = [place for place, some in enumerate(waiting) if some]
        for size in range(2, len(places) + 1):
            for chosen in permutations(places, size):
                for batch in product(*(waiting[place] for place in chosen)):
                    yield from self._batch(stock, [(place, numbers[place]) for place in chosen], batch)

    def _overlaps(
        self, stock: int, numbers: Sequence[int], waiting: Sequence[Sequence[Due]]
    ) -> Iterator[tuple[tuple[int, Move], ...]]:
        """Two orders in two transactions at the same time."""
        for one, two in permutations([place for place, some in enumerate(waiting) if some], 2):
            for batch in product(waiting[one], waiting[two]):
                yield from self._overlapping(stock, [(one, numbers[one]), (two, numbers[two])], batch)

    def _batch(
        self, stock: int, chosen: Sequence[tuple[int, int]], batch: Sequence[Due]
    ) -> Iterator[tuple[tuple[int, Move], ...]]:
        outcome = self.deciders.decide(batch[0].service, tuple(one.part for one in batch), stock)
        if outcome is not None:
            parts = enumerate(zip(chosen, batch, strict=True))
            yield tuple((place, self._moved(number, one, outcome, part)) for part, ((place, number), one) in parts)

    def _overlapping(
        self, stock: int, chosen: Sequence[tuple[int, int]], batch: Sequence[Due]
    ) -> Iterator[tuple[tuple[int, Move], ...]]:
        """Two transactions of which the second looks before the first commits: with the right locks it decides as if it
        had looked afterwards, and then this is no step of its own."""
        (place, number), (other, second) = chosen
        one, two = batch
        outcome = self.deciders.decide(one.service, (one.part,), stock)
        if outcome is None or outcome.stock == stock:
            return
        late = self.deciders.decide(two.service, (two.part,), outcome.stock, Look(two.part.rows, stock))
        if late is not None and late != self.deciders.decide(two.service, (two.part,), outcome.stock):
            move = self._moved(second, two, late, 0)
            late_move = move._replace(label=move.label._replace(kind=Kind.ZOMBIE))
            yield (place, self._moved(number, one, outcome, 0)), (other, late_move)

    def _moved(self, number: int, due: Due, outcome: Outcome, part: int) -> Move:
        local, label = self.locals.decided(number, due, outcome, part)
        return Move(local, outcome.stock, label, True, outcome.broken)

    def due(self, number: int) -> list[Due]:
        if number not in self._due:
            self._due[number] = self.locals.due(number)
        return self._due[number]

    def _waiting(self, number: int) -> int:
        """Who may take something of an order into a transaction, a bit each."""
        return sum(
            1 << place for place, name in enumerate(SAGA) if any(one.service == name for one in self.due(number))
        )
