"""The Apache Kafka jars: fetched once per version into the user's cache, whole or not at all."""

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

from farandole.proof.ground.processes import Missing, ServerFailed, found_program

POM = Path(__file__).parent / "pom.xml"
OLDEST_JAVA = 17
FETCH_SECONDS = 900


def kafka_version() -> str:
    """Returns the version that the POM pins."""
    pinned = ElementTree.parse(POM).findtext(".//{*}kafka.version")
    if pinned is None:
        raise ServerFailed(f"expected the property kafka.version in {POM}, found none")
    return pinned


def jar_folder() -> Path:
    """Returns the cache folder of this version, whether or not it was fetched."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "farandole" / f"kafka-{kafka_version()}"


def fetched_jars() -> Path:
    """Returns the folder of jars, fetched with Maven by whichever process comes first."""
    folder = jar_folder()
    if folder.is_dir():
        return folder
    maven = found_program("mvn")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            _fetch(maven, folder)
    return folder


def java() -> Path:
    """Returns a Java that Kafka runs on, from JAVA_HOME or the PATH; raises Missing when there is none."""
    home = os.environ.get("JAVA_HOME")
    program = Path(home) / "bin" / "java" if home else found_program("java")
    expected = f"Java {OLDEST_JAVA} or newer expected"
    try:
        answer = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=60, check=False)
    except OSError as unusable:
        raise Missing(f"{expected}, found {unusable}") from unusable
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise Missing(f"{expected}, found {answer.stderr.strip() or program}")
    return program


def _fetch(maven: Path, folder: Path) -> None:
    for interrupted in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(interrupted, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        shutil.copy(POM, unfinished)
        command = [str(maven), "-q", "-B", "-C", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        done = subprocess.run(
            [*command, "-DoutputDirectory=lib"],
            cwd=unfinished,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"mvn could not fetch Kafka {kafka_version()}:\n{done.stdout}{done.stderr}")
        (unfinished / "lib").rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
