"""Executes a program as another account, under a signal that Linux sends it when the thread that started it ends.

Script: `leash.py OWNER SIGNAL UID GID PROGRAM ARGUMENT...`. The account changes first, because that clears the signal.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main(owner: int, death_signal: int, uid: int, gid: int, program: list[str]) -> None:
    """Replaces this process by the program, unless its owner has ended already."""
    if uid != os.geteuid():
        os.setgroups([gid])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != owner:
        sys.exit("the owner ended before the program started")
    os.execv(program[0], program)


if __name__ == "__main__":
    owner, death_signal, uid, gid = (int(word) for word in sys.argv[1:5])
    main(owner, death_signal, uid, gid, sys.argv[5:])
