"""One episode: load and poison flow, a sequence of faults strikes, then everything must come to rest and be right."""

import random
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

import httpx

from farandole.proof.torture import refusal, seen
from farandole.proof.torture.faults import Fault
from farandole.proof.torture.ground import Ground
from farandole.proof.torture.inflight import Hit
from farandole.proof.torture.quiet import await_quiet, await_that
from farandole.proof.torture.report import Blow, Episode
from farandole.proof.torture.stage import Stage
from farandole.proof.torture.verdict import judge

Say = Callable[[str], None]
FLOWS: Final = 100
"""Orders acknowledged since the last fault before the next one strikes."""
FLOW_SECONDS: Final = 60.0
OVERLAPS: Final = 0.4
CONFLICTS, WAITS = "farandole_conflicts_total", "farandole_waits_total"


class Play:
    """Plays an episode on the ground of a run; `began` is when the run did."""

    def __init__(self, ground: Ground, episode: Episode, rate: float, say: Say, began: float) -> None:
        self._ground, self._episode, self._say, self._began = ground, episode, say, began
        self._rng = random.Random(episode.seed)
        self._stage = Stage(ground, episode.number, rate, self._rng)
        self._hits: list[Hit] = []

    def play(self, plan: Sequence[Fault]) -> Episode:
        """The episode, played; what went wrong is in it, never raised."""
        start, episode, stage = time.monotonic(), self._episode, self._stage
        try:
            with stage.running():
                self._strike(plan)
                self._rest()
        except Exception as error:
            episode.wrong.append(f"the episode broke off: {type(error).__name__}: {error}")
        episode.wrong += stage.wrong
        episode.seen += stage.seen
        episode.seconds = time.monotonic() - start
        if episode.wrong:
            self._keep_logs()
        else:
            stage.forget()
        self._say(episode.line)
        return episode

    def _strike(self, plan: Sequence[Fault]) -> None:
        self._await_flow()
        with ExitStack() as standing:
            before: Fault | None = None
            for fault in plan:
                if before and before.proxied and fault.proxied:
                    standing.close()
                    self._await_flow()
                at = time.monotonic() - self._began
                hit = standing.enter_context(fault.strike(self._stage))
                self._hits.append(hit)
                self._episode.blows.append(blow := Blow(round(at, 1), fault.name, hit.victim, hit.in_flight))
                self._say(blow.line)
                before = fault
                if fault.overlaps and self._rng.random() < OVERLAPS:
                    continue
                time.sleep(self._rng.uniform(*fault.holds))
                standing.close()
                self._await_flow()
        self._await_poison()

    def _await_flow(self) -> None:
        """Orders are acknowledged, so that the next fault hits something."""
        load = self._stage.load
        wanted = len(load.acknowledged) + FLOWS
        if not await_that(lambda: len(load.acknowledged) >= wanted, FLOW_SECONDS):
            self._stage.wrong.append(f"no {FLOWS} orders were acknowledged in {FLOW_SECONDS:.0f} s")

    def _await_poison(self) -> None:
        injector = self._stage.injector
        if not await_that(lambda: injector.poison and injector.copied, FLOW_SECONDS):
            self._stage.wrong.append(f"no poison or no duplicate was written in {FLOW_SECONDS:.0f} s")

    def _rest(self) -> None:
        episode, stage = self._episode, self._stage
        stage.calm()
        refusal.end(stage)
        episode.wrong += await_quiet(stage)
        self._count_metrics()
        verdict = judge(stage, self._hits)
        episode.wrong += verdict.wrong
        episode.orders, episode.acknowledged = verdict.by_status.total(), len(stage.load.acknowledged)
        episode.by_status, episode.parked = verdict.by_status, verdict.parked
        episode.records, episode.poison = verdict.records, verdict.poison
        episode.heard_again, episode.rescued, episode.repeated = verdict.heard_again, verdict.rescued, verdict.repeated
        episode.duplicates, episode.answers = len(stage.injector.copied), stage.load.answers
        episode.wrong += stage.lost_processes()
        stage.leave()

    def _count_metrics(self) -> None:
        """What the processes that are alive have counted themselves."""
        for member in self._stage.members.values():
            for line in httpx.get(f"{member.url}/metrics", timeout=20).text.splitlines():
                name, _, value = line.rpartition(" ")
                for wanted, sight in ((CONFLICTS, seen.CONFLICT), (WAITS, seen.WAITED)):
                    if name.startswith(wanted):
                        self._stage.seen[sight] += int(float(value))

    def _keep_logs(self) -> None:
        logs = self._stage.cluster.logs
        for name, server in (("kafka", self._ground.kafka), ("postgresql", self._ground.postgres)):
            shutil.copy(server.log, logs / f"{name}.log")
        self._episode.logs = str(logs)
        self._say(f"episode {self._episode.number} FAILED; its seed is {self._episode.seed}, its logs are in {logs}")
        for blow in self._episode.blows:
            self._say(f"  {blow.line}")
        for what in self._episode.wrong:
            self._say(f"  {what}")
