"""The queueing model obeys the laws of queues, and its parameters are found again in what it says."""

from itertools import pairwise
from statistics import fmean, median
from typing import Any

import pytest

from benchmarks import simulation
from benchmarks.latency import latency
from benchmarks.queues import DOOR, INTAKE, VISITS, Costs, Load, Run, simulate
from benchmarks.sizes import MINIATURE
from tests.benchmarks.fakes import Contestant, Servers

ROLES = ("order", "inventory", "payment", "notification", "postgres", "kafka", "load")
COSTS = Costs(dict.fromkeys(ROLES, 40e-6), dict.fromkeys(ROLES, 500e-6) | {"load": 0.0}, pause=0.0005)
UNSATURATED = (20, 100, 300, 1_000)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    """The same system under more and more load that comes by chance."""
    return [simulate(COSTS, Load(rate, seconds=3, poisson=True)) for rate in UNSATURATED]


def test_an_order_comes_to_every_step_of_its_flow() -> None:
    assert {name: round(visits, 9) for name, visits in VISITS.items()} == {
        INTAKE: 1,
        "inventory": 1.1,
        "payment": 0.9,
        "order": 1,
        "notification": 1,
    }


def test_one_order_alone_takes_the_sum_of_fixed_costs() -> None:
    punctual = Costs(COSTS.record, COSTS.batch)
    run = simulate(punctual, Load(rate=1, seconds=0.5, settle=0, cores=100))
    steps = [
        punctual.own(name, 1) + punctual.shared("postgres", 1) for name in (INTAKE, "inventory", "payment", "order")
    ]
    assert run.latencies == [pytest.approx(punctual.record["load"] + punctual.own(DOOR, 1) + sum(steps))]


@pytest.mark.parametrize("rate", [50, 1_000, 20_000])
@pytest.mark.parametrize("poisson", [False, True], ids=["paced", "by chance"])
def test_orders_under_way_are_rate_times_latency(rate: int, poisson: bool) -> None:
    run = simulate(COSTS, Load(rate, seconds=0.5, settle=0, poisson=poisson))
    assert run.inside == pytest.approx(len(run.latencies) / run.seconds * fmean(run.latencies))


def test_no_order_is_lost_and_no_core_is_used_twice() -> None:
    load = Load(rate=20_000, seconds=0.5, settle=0)
    run = simulate(COSTS, load)
    assert len(run.latencies) == len(list(load.arrivals()))
    assert 1 < run.cores < 2.000001


def test_more_load_never_means_less_latency(runs: list[Run]) -> None:
    means = [fmean(run.latencies) for run in runs]
    assert all(less <= more for less, more in pairwise(means))


def test_batches_grow_with_load(runs: list[Run]) -> None:
    for name in VISITS:
        assert all(less.sizes[name] <= more.sizes[name] for less, more in pairwise(runs))


def test_an_order_costs_less_the_more_there_are(runs: list[Run]) -> None:
    costs = [run.cores / rate for run, rate in zip(runs, UNSATURATED, strict=True)]
    assert all(less >= more for less, more in pairwise(costs))


def test_more_processes_finish_what_one_cannot() -> None:
    one, two = (simulate(COSTS, Load(25_000, seconds=0.3, settle=0, cores=8, copies=copies)) for copies in (1, 2))
    assert fmean(two.latencies) < fmean(one.latencies)


def test_a_seed_decides_everything() -> None:
    first, second = (simulate(COSTS, Load(500, seconds=1, poisson=True, seed=7)) for _ in range(2))
    assert first == second


def test_what_the_model_says_leads_back_to_its_costs() -> None:
    alone = simulate(COSTS, Load(rate=50))
    cpu = {role: (COSTS.record[role] + COSTS.batch[role]) * 1e6 for role in ROLES}
    row = {"rate": 50, "cpu": cpu, "terminal": {"p50": median(alone.latencies) * 1000}}
    found = simulation.fit({"cpu": {role: [COSTS.record[role] * 1e6] for role in ROLES}}, [row])
    assert found.record == pytest.approx(COSTS.record)
    assert found.batch == pytest.approx(COSTS.batch)
    assert found.pause == pytest.approx(COSTS.pause, rel=0.2)


class Paced(Contestant):
    """Answers in a millisecond, for a load that takes as long of a core an order."""

    def latency(self, rate: float, seconds: float) -> dict[str, Any]:
        placed = int(rate * seconds)
        return {"post": [0.001], "terminal": [0.001], "placed": placed, "failed": 0, "unended": 0, "cpu": placed / 1000}


def test_the_benchmark_says_what_an_order_costs_at_each_rate() -> None:
    found = latency(Servers(), {"somebody": Paced}, MINIATURE, lambda line: None)
    assert [row["cpu"] for row in found["somebody"]["rows"]] == [{"load": pytest.approx(1000)}] * len(MINIATURE.rates)
