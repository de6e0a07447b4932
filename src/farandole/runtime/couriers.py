"""Delivery runs beside the saga, in a thread of its own, and only where something leaves the machine."""

import random
import threading
from collections.abc import Sequence
from typing import Any, Final

import structlog

from farandole.messaging.database import Database
from farandole.messaging.decision import Decision
from farandole.messaging.envelope import Heard
from farandole.messaging.failure import Transient
from farandole.runtime.settings import Settings
from farandole.runtime.worker import clock
from farandole.services.notification.channels import AppriseChannel, Channel, SmtpChannel, console, leaving, shown
from farandole.services.notification.delivery import Backoff, Courier

LOOK_SECONDS: Final = 0.5
log = structlog.get_logger()


def away(settings: Settings) -> frozenset[str]:
    """The channels whose messages leave the machine."""
    return leaving(settings.email_channel, settings.sms_channel)


def channels(settings: Settings) -> dict[str, Channel]:
    """A channel for everything that leaves the machine; raises Unavailable when one cannot be used."""
    made: dict[str, Channel] = {}
    if settings.email_channel == "smtp":
        made["email"] = SmtpChannel(settings.smtp_url or "", settings.mail_from)
    if settings.sms_channel == "apprise":
        made["sms"] = AppriseChannel(settings.apprise_url or "")
    return made


class Delivering:
    """Shows console messages as they are decided and runs the courier until stopped."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._leaving = away(settings)
        self._courier = Courier(database, channels(settings), Backoff(random.random))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def show(self, decisions: Sequence[tuple[Heard[Any], Decision]]) -> None:
        for _, decision in decisions:
            console(shown(decision.rows, self._leaving))

    def start(self) -> None:
        if self._leaving:
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                worked = self._courier.turn(clock())
            except Transient as error:
                log.warning("waiting", part="courier", reason=str(error))
                worked = 0
            if not worked:
                self._stop.wait(LOOK_SECONDS)
