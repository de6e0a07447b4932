"""The end of a run's output: what was issued, what was effective, what was seen, what was wrong."""

from collections.abc import Iterator

from farandole.proof.torture.report import Report


def summary(report: Report) -> Iterator[str]:
    """Lines for people."""
    issued, effective = report.issued, report.effective
    width = max(map(len, issued), default=0)
    yield ""
    yield f"{'fault':<{width}}  issued  effective"
    for fault in sorted(issued):
        yield f"{fault:<{width}}  {issued[fault]:6}  {effective[fault]:9}"
    yield f"{'all':<{width}}  {issued.total():6}  {effective.total():9}"
    yield from (f"{fault}: not run: {why}" for fault, why in report.left_out.items())
    yield ""
    ends = ", ".join(f"{count} {status}" for status, count in sorted(report.by_status.items()))
    yield f"{report.total('acknowledged')} orders acknowledged, none answered otherwise: {ends}"
    yield (
        f"{report.total('records')} records, {report.total('poison')} of them poison,"
        f" {report.total('duplicates')} injected duplicates"
    )
    yield (
        f"{report.unacknowledged} records between commit and acknowledgement when a fault struck;"
        f" {report.total('heard_again')} were left by a process and heard again:"
        f" {report.total('rescued')} had been answered to nobody, {report.total('repeated')} were answered twice"
    )
    yield ""
    yield from (f"{times:8}  {name}" for name, times in sorted(report.seen.items()))
    yield from (f"{'NEVER':>8}  {name}" for name in report.never_seen)
    yield ""
    yield from report.violations
    verdict = "FAILED" if report.violations else "passed"
    yield f"seed {report.seed}: {len(report.episodes)} episodes in {report.seconds:.0f} s: {verdict}"
