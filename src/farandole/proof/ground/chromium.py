"""Where this machine has a Chromium; nothing here downloads one."""

import shutil
from pathlib import Path

from farandole.proof.ground.processes import Missing

NAMES = ("chromium", "chromium-browser", "google-chrome")


def installed_chromium() -> Path:
    """Returns the first Chromium on the PATH."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        raise Missing(f"{', '.join(NAMES[:-1])} or {NAMES[-1]} expected on the PATH, found none")
    return Path(found)
