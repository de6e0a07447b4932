"""`python -m tests.mutants [--only WORD] [--stages …] [--out FOLDER] [--list]`: exit code 0 when every mutant is caught."""

import argparse
import os
import signal
import sys
from pathlib import Path

from tests.mutants import report
from tests.mutants.catalogue import MUTANTS
from tests.mutants.mutant import Stage
from tests.mutants.stages import Found
from tests.mutants.trial import Result, sound, try_all
from tests.mutants.workshop import pristine, workshop


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that scratch copies go
    wanted = _parser().parse_args(arguments)
    mutants = [m for m in MUTANTS if wanted.only in f"{m.name} {m.rule} {m.edits[0].file}"]
    stages = [Stage[name.upper()] for name in wanted.stages]
    mutants = [m for m in mutants if any(catcher.stage in stages for catcher in m.catchers)]
    if wanted.list:
        for mutant in mutants:
            print(f"{mutant.name:45} {mutant.rule:20} {mutant.breaks}")
        return 0
    with workshop() as folder:
        copy = pristine(folder)
        for stage, finding in sound(mutants, copy, stages):
            print(f"as it is, {stage.name.lower()}: {finding.found} {finding.words}", flush=True)
            if finding.found not in (Found.NOTHING, Found.LEFT_OUT):
                return 1
        results = try_all(mutants, copy, stages, _tell)
    if wanted.out:
        wanted.out.mkdir(parents=True, exist_ok=True)
        (wanted.out / "mutants.md").write_text(report.markdown(results), encoding="utf-8")
        (wanted.out / "mutants.json").write_text(report.as_json(results), encoding="utf-8")
    print(report.summary(results))
    return 0 if all(_acceptable(result) for result in results) else 1


def _acceptable(result: Result) -> bool:
    return result.caught or (result.found is Found.LEFT_OUT and os.environ.get("CI") != "true")


def _tell(result: Result) -> None:
    word = "SURVIVED" if result.found is Found.NOTHING else str(result.found)
    print(f"{result.mutant.name}: {word} {result.by} ({result.seconds:.1f} s)", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description="Try every seeded bug.")
    names = [stage.name.lower() for stage in Stage]
    parser.add_argument("--only", default="", help="mutants whose name, rule or file has this word")
    parser.add_argument("--stages", nargs="+", choices=names, default=names, help="who looks")
    parser.add_argument("--out", type=Path, help="the folder for mutants.md and mutants.json")
    parser.add_argument("--list", action="store_true", help="say which mutants there are, and try none")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
