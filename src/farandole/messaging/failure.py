"""What can go wrong, by what must happen next.

Exception
├── Transient       wait and do the same again
│   └── Conflict    do the same again at once, from a fresh look
├── Poison          park the record, go on with the others
├── Unfit           split the batch until the one row that does it is alone
├── Refused         tell the asker no
└── Halt            stop: going on would lose or repeat history
"""


class Transient(Exception):
    """Something outside is away; the same work may succeed later."""


class Conflict(Transient):
    """Another process wrote the same keys first."""


class Poison(Exception):
    """A record that will never be understood."""


class Unfit(Exception):
    """A database refuses a row of this batch, and always will."""


class Refused(Exception):
    """A command is well-formed but not possible."""


class Halt(Exception):
    """Going on would lose or repeat history; a person must look."""
