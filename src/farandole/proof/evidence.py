"""`python -m farandole.proof.evidence FOLDER`: the figures of the proofs, as they were printed, become docs/evidence.md."""

import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree

DOCS: Final = Path(__file__).parents[3] / "docs"
PARTS: Final = ("verify", "simulate", "torture", "hostile", "mutants", "tests")
"""Each a document in the folder, JSON or pytest's XML; a part that is not there keeps its last figures."""
Found = Mapping[str, Any]


def collect(folder: Path, before: Mapping[str, Found]) -> dict[str, Found]:
    """The newest figures of each part, with what they are figures of."""
    stamp = {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "commit": _commit(),
        "machine": f"{os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}",
    }
    found = dict(before)
    for part in PARTS:
        if (path := folder / f"{part}.json").exists():
            found[part] = {**stamp, "found": json.loads(path.read_text(encoding="utf-8"))}
        elif (path := folder / f"{part}.xml").exists():
            found[part] = {**stamp, "found": list(_cases(path))}
    return found


def _cases(path: Path) -> Iterator[Found]:
    """Every test that pytest ran: its file, its name, how it ended, and how long it took."""
    for case in ElementTree.parse(path).iter("testcase"):
        ended = next((child.tag for child in case if child.tag in ("failure", "error", "skipped")), "passed")
        name = str(case.get("name")).partition("[")[0]
        yield {"file": case.get("classname"), "test": name, "ended": ended, "seconds": float(case.get("time") or 0)}


def page(evidence: Mapping[str, Found]) -> str:
    """The page; what was not run is said to be missing."""
    lines = [HEAD]
    for part, (title, told) in SECTIONS.items():
        lines += [f"\n## {title}\n"]
        if part in evidence:
            made = evidence[part]
            lines += [*told(made["found"]), "", f"_{made['date']}, commit {made['commit']}, {made['machine']}_"]
        else:
            lines += ["**Not run.**"]
    return "\n".join([*lines, NOT_COVERED])


def _verify(worlds: Sequence[Found]) -> Iterator[str]:
    states, transitions = (sum(world[name] for world in worlds) for name in ("states", "transitions"))
    yield (
        f"{len(worlds)} worlds exhausted: **{states:,} states and {transitions:,} transitions**, breadth first, with the real"
        f" handlers and the real table. {_violations(sum(bool(world['violated']) for world in worlds))}"
    )
    columns = ("states", "transitions", "depth", "ends", "seconds")
    rows = [[w["world"], w["about"], *(_number(w[column]) for column in columns), w["bounds"]] for w in worlds]
    yield from _table(("world", "about", *columns, "reduced to"), rows)


def _simulate(run: Found) -> Iterator[str]:
    histories, hits = run["histories"], run["hits"]
    first, last = run["seeds"]
    yield (
        f"**{histories:,} histories** (seeds {first} to {last - 1}) with {run['orders']:,} orders and {run['points']:,} places"
        f" where something could happen, and {hits:,} hits of quiet histories, one at every place in every way."
        f" {_violations(run['violations'])} {_bound(histories, 'histories', run['violations'])}"
    )
    yield from _table(("times", "what was seen"), [[_number(n), what] for what, n in run["seen"].items()])


def _torture(run: Found) -> Iterator[str]:
    effective, issued = (sum(run[name].values()) for name in ("faults_effective", "faults_issued"))
    yield (
        f"{run['episodes']} episodes in {run['seconds'] / 60:.0f} minutes on real Kafka and PostgreSQL: **{effective} faults that"
        f" hit something in flight** of {issued} issued, **{run['acknowledged']:,} orders acknowledged**, {run['records']:,} records"
        f" in the topics, {run['poison']:,} of them poison and {run['duplicates']:,} copies. At the moment of a fault"
        f" {run['unacknowledged']:,} records in all were committed and not acknowledged. {_violations(len(run['violations']))}"
        f" {_bound(run['acknowledged'], 'orders', len(run['violations']))}"
    )
    hit = run["faults_effective"]
    rows = [
        [fault, _number(times), _number(hit.get(fault, 0))] for fault, times in sorted(run["faults_issued"].items())
    ]
    yield from _table(("fault", "issued", "effective"), rows)
    yield from (f"- left out here: {fault}: {why}" for fault, why in run["faults_left_out"].items())
    yield from _table(("times", "what was seen"), [[_number(n), what] for what, n in sorted(run["seen"].items())])


def _hostile(halves: Sequence[Found]) -> Iterator[str]:
    for half in halves:
        parked = sum(sum(reasons.values()) for reasons in half["parked"].values())
        yield (
            f"- {half['half']}: **{half['records']:,} hostile records** of {len(half['by_kind'])} kinds (seed {half['seed']}), parked"
            f" {parked:,} times by who hears them, while {half['honest_orders']:,} honest orders were placed;"
            f" {half['micros_a_record']:.0f} µs a record, memory {half['resident_before'] >> 20} MiB before and"
            f" {half['resident_most'] >> 20} at most. {_violations(len(half['violations']))}"
        )


def _mutants(results: Sequence[Found]) -> Iterator[str]:
    caught = [result for result in results if result["found"] == "caught"]
    yield f"**{len(caught)} of {len(results)} seeded bugs caught**, each named with what caught it first."
    rows = [[r["name"], r["breaks"], f"`{r['by']}`" if r in caught else f"**{r['found']}** {r['by']}"] for r in results]
    yield from _table(("seeded bug", "what it breaks", "caught by"), rows)


def _tests(cases: Sequence[Found]) -> Iterator[str]:
    passed = sum(case["ended"] == "passed" for case in cases)
    yield f"**{passed} of {len(cases)} tests passed**; each takes too long for `make test`."
    alike: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for case in cases:
        alike[case["file"], case["test"]].append(case)
    rows = [
        [
            name.removeprefix("test_").replace("_", " "),
            _number(len(several)),
            _number(sum(case["seconds"] for case in several)),
            ", ".join(sorted({case["ended"] for case in several})),
        ]
        for (_, name), several in sorted(alike.items())
    ]
    yield from _table(("what is tried", "times", "seconds", "ended"), rows)


def _violations(count: int) -> str:
    return f"**{count} VIOLATIONS.**" if count else "No violation."


def _bound(trials: int, of_what: str, failures: int) -> str:
    """The rule of three: no failure in n trials means a rate below 3/n, with 95 % confidence, for trials like these."""
    return (
        ""
        if failures
        else f"So fewer than one in {trials // 3:,} {of_what} like these goes wrong, with 95 % confidence."
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield ""
    for cells in (columns, ["---"] * len(columns), *rows):
        yield "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _commit() -> str:
    def said(*words: str) -> str:
        return subprocess.run(["git", *words], capture_output=True, text=True, check=False, cwd=DOCS).stdout.strip()

    changed = said("status", "--porcelain", "--untracked-files=no", "../src", "../tests")
    return said("rev-parse", "--short", "HEAD") + ("+" if changed else "")


HEAD: Final = """# Evidence

What `make proof` found when it was last run. Every section is written by the command that it names; none by hand. How each proof works, and
why there are four, is in [decision 10](decisions/0010-four-proofs.md); what may go wrong and what answers it is in
[the failure model](failure-model.md)."""
SECTIONS: Final[Mapping[str, tuple[str, Any]]] = {
    "verify": ("Model checker: `farandole verify`", _verify),
    "simulate": ("Simulator: `farandole simulate --sweep`", _simulate),
    "torture": ("Real faults: `farandole torture`", _torture),
    "hostile": ("Hostile records: `python -m farandole.proof.hostile`", _hostile),
    "mutants": ("Seeded bugs: `make mutants`", _mutants),
    "tests": ("Slow causes and long walks, produced for real: `pytest -m proof`", _tests),
}
NOT_COVERED: Final = """
## What is not covered

- **Several brokers.** Every run has one broker with one replica: no leader moves, no replica lags, no network splits
  between brokers. That an acknowledged record survives its leader is Kafka's promise (`acks=all`,
  `min.insync.replicas` 2), which `farandole topics` checks for and these proofs rely on.
- **Disks that lie.** A full disk is tried; a disk that acknowledges and forgets, or flips a bit, is not.
- **Interleaving inside PostgreSQL.** The model checker tries every pair of transactions that looked before the other
  committed, the simulator one transaction of a service at a time. Lock order, deadlocks and PostgreSQL's own conflicts
  are tried by tests of their own and by the torture, which cannot enumerate them.
- **Large worlds.** The model checker exhausts two and three orders, the larger ones without what processes know and
  forget (the table says so). That more orders bring nothing new rests on orders meeting only in stock.
- **Hours.** The longest run is minutes: what needs days (retention, wrap-around, slow leaks) is not seen.
- **Money and mail outside.** Payments are decided in the process; an e-mail is delivered at least once, like all e-mail.
- **Other machines.** Everything ran on one machine, on one version each of Python, Kafka and PostgreSQL.
- **Trials like these.** A bound of 3/n speaks of trials drawn as these were, not of every way to run a system.
"""


def main(words: Sequence[str]) -> None:
    kept = DOCS / "evidence.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    evidence = collect(Path(words[0]), before)
    kept.write_text(json.dumps(evidence, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (DOCS / "evidence.md").write_text(page(evidence), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
