"""Has the checker or the simulator look at a scratch copy, once it is sure to be that copy, until the first violation."""

import sys
from collections.abc import Iterator
from pathlib import Path

import farandole

VIOLATION, OTHER_COPY = 10, 11


def checked() -> Iterator[str]:
    """What the model checker finds in the small worlds, as `farandole verify --small` would."""
    from farandole.proof.verify import chosen, verify

    for world in chosen((), small=True):
        if found := verify(world).violated:
            yield f"verify, world {world.name}: {found[0].id}, {found[0].title}"


def simulated(seeds: int) -> Iterator[str]:
    """What the simulator finds in the first histories, as `farandole simulate --seeds` would."""
    from farandole.proof.simulate.history import play

    for seed in range(seeds):
        if violations := play(seed).violations:
            yield f"simulate, seed {seed}: {violations[0]}"


def main(proof: str, *words: str) -> int:
    if not Path(str(farandole.__file__)).is_relative_to(Path.cwd()):
        print(f"expected the code in {Path.cwd()}, found {farandole.__file__}")
        return OTHER_COPY
    found = next(checked() if proof == "verify" else simulated(int(words[0])), None)
    if found is None:
        return 0
    print(" ".join(found.split())[:300])
    return VIOLATION


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
