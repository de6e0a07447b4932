"""How a command ends: 0 done, 1 the answer is no, 2 wrong usage or unreachable; an error is one line."""

import os
import signal
import sys
import traceback
from collections.abc import Sequence
from typing import Final

import click

DONE: Final = 0
NO: Final = 1
WRONG: Final = 2


class No(click.ClickException):
    """The answer is no."""

    exit_code = NO


class Unreachable(click.ClickException):
    """Nobody answers, or not as a Farandole does."""

    exit_code = WRONG


def run(command: click.Command, arguments: Sequence[str]) -> int:
    """The exit code of a command; SIGTERM ends it like Ctrl-C, which is no failure."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        code = command.main(list(arguments), prog_name="farandole", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as incomplete:
        click.echo(incomplete.format_message())
        return WRONG
    except click.Abort:
        return DONE
    except click.UsageError as error:
        return _say(f"{error.format_message()}{_hint(error)}", WRONG)
    except click.ClickException as error:
        return _say(error.format_message(), NO if isinstance(error, No) else WRONG)
    except Exception as error:
        return _explain(error)
    return code if isinstance(code, int) else DONE


def _explain(error: Exception) -> int:
    from farandole.messaging.failure import Halt, Refused, Transient
    from farandole.runtime.migrations import ForeignDatabase
    from farandole.runtime.settings import SettingError

    match error:
        case Halt() | Refused():
            return _say(str(error), NO)
        case SettingError() | ForeignDatabase() | Transient() | OSError():
            return _say(str(error), WRONG)
    if os.environ.get("FARANDOLE_LOG_LEVEL") == "debug":
        traceback.print_exception(error)
    return _say(f"unexpected {type(error).__name__}: {error}", WRONG)


def _hint(error: click.UsageError) -> str:
    return f" (see {error.ctx.command_path} --help)" if error.ctx else ""


def _say(message: str, code: int) -> int:
    print("farandole:", " ".join(message.split()), file=sys.stderr)
    return code
