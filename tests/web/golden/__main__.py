"""Writes the drawings anew; look at them before they are committed."""

from tests.web.dances import FLOWS, recorded
from tests.web.test_drawing import GOLDEN, image

for name in FLOWS:
    (GOLDEN / f"{name}.svg").write_text(image(recorded(name)) + "\n", encoding="utf-8")
