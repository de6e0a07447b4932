"""Scratch copies of the code under test; what is in the repository is never touched."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

from tests.mutants.mutant import Edit, Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("src", "tests", "pyproject.toml")
PATIENCE = Edit("proof/ground/waiting.py", "PATIENCE = 90.0", "PATIENCE = 12.0")
"""Whoever waits for what a mutant never does waits in vain; the copies that nobody broke are as impatient."""


class DoesNotApply(Exception):
    """The code has changed since the mutant was written."""


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder that goes with whoever made it."""
    folder = Path(mkdtemp(prefix="farandole-mutants-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def copy(source: Path, target: Path) -> Path:
    """The code and its tests in another place."""
    target.mkdir()
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("*.db", ".hypothesis"))
        else:
            shutil.copy2(source / name, target / name)
    return target


def pristine(folder: Path, source: Path = ROOT) -> Path:
    """The copy from which every mutant is made: as it is in the repository, but impatient."""
    made = copy(source, folder / "pristine")
    apply((PATIENCE,), made)
    return made


def mutate(mutant: Mutant, pristine: Path, folder: Path) -> Path:
    """A copy with one bug; raises DoesNotApply."""
    made = copy(pristine, folder / mutant.name)
    apply(mutant.edits, made)
    return made


def apply(edits: tuple[Edit, ...], root: Path) -> None:
    """Raises DoesNotApply unless each text is there exactly once, and the result is Python."""
    for path, text in applied(edits, root).items():
        path.write_text(text, encoding="utf-8")
        _forget_compiled(path)


def applied(edits: tuple[Edit, ...], root: Path) -> dict[Path, str]:
    """What the files would be."""
    changed: dict[Path, str] = {}
    for edit in edits:
        path = root / "src" / "farandole" / edit.file
        if path not in changed:
            changed[path] = path.read_text(encoding="utf-8") if path.is_file() else ""
        if (times := changed[path].count(edit.old)) != 1:
            raise DoesNotApply(f"{edit.file}: expected this once, found it {times} times: {edit.old.strip()[:100]!r}")
        changed[path] = changed[path].replace(edit.old, edit.new)
    for path, text in changed.items():
        try:
            compile(text, path.name, "exec")
        except SyntaxError as error:
            raise DoesNotApply(f"{path.name}: {error}") from error
    return changed


def _forget_compiled(path: Path) -> None:
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*.pyc"):
        compiled.unlink()
