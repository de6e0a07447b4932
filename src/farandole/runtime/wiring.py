"""Every service as a value, built from the choreography and the settings; refuses to start when the two disagree."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec

from farandole.contract import choreography, events
from farandole.contract.choreography import Service as Name
from farandole.messaging.envelope import Decoder, Event
from farandole.messaging.service import Service
from farandole.messaging.step import Step
from farandole.monitor import handlers as monitor_handlers
from farandole.monitor import storage as monitor_storage
from farandole.runtime.settings import Settings
from farandole.services.inventory import handlers as inventory_handlers
from farandole.services.inventory import storage as inventory_storage
from farandole.services.notification import handlers as notification_handlers
from farandole.services.notification import storage as notification_storage
from farandole.services.notification.channels import leaving
from farandole.services.order import handlers as order_handlers
from farandole.services.order import storage as order_storage
from farandole.services.payment import handlers as payment_handlers
from farandole.services.payment import storage as payment_storage
from farandole.services.payment.domain import Limit

MONITOR: Final = "monitor"
STORAGES: Final[Mapping[str, Any]] = {
    Name.ORDER: order_storage,
    Name.INVENTORY: inventory_storage,
    Name.PAYMENT: payment_storage,
    Name.NOTIFICATION: notification_storage,
    MONITOR: monitor_storage,
}
NAMES: Final = tuple(str(name) for name in STORAGES)


def services(settings: Settings) -> dict[str, Service]:
    """The four services and the monitor; raises BrokenChoreography or UnmatchedHandlers."""
    choreography.check()
    handlers: dict[str, Mapping[type[Event], Any]] = {
        Name.ORDER: order_handlers.HANDLERS,
        Name.INVENTORY: inventory_handlers.HANDLERS,
        Name.PAYMENT: payment_handlers.handlers(Limit(settings.payment_limit)),
        Name.NOTIFICATION: notification_handlers.handlers(leaving(settings.email_channel, settings.sms_channel)),
    }
    saga = {name: _saga_service(name, table) for name, table in handlers.items()}
    return {**saga, MONITOR: _monitor()}


def _saga_service(name: str, handlers: Mapping[type[Event], Any]) -> Service:
    steps = choreography.steps_of(name)
    return Service(
        name=str(name),
        handlers=handlers,
        decoders={step.hears.topic: decoder(step.hears) for step in steps if step.hears is not choreography.COMMAND},
        relations=STORAGES[name].RELATIONS,
        load=STORAGES[name].load,
        steps=steps,
        silently=_silently,
        commands=inventory_handlers.COMMANDS if name == Name.INVENTORY else {},
    )


def _monitor() -> Service:
    decoders = {event.topic: decoder(event) for event in monitor_handlers.HANDLERS if event.topic != STEPS_TOPIC}
    return Service(
        name=MONITOR,
        handlers=monitor_handlers.HANDLERS,
        decoders={**decoders, STEPS_TOPIC: msgspec.json.Decoder(events.StepTaken | events.StockReceived)},
        relations=monitor_storage.RELATIONS,
        load=monitor_storage.load,
    )


STEPS_TOPIC: Final = events.StepTaken.topic
TOPICS: Final = (*choreography.topics(), STEPS_TOPIC)


@cache
def decoder(event: type[Event]) -> Decoder:
    """The decoder of one event's value."""
    return msgspec.json.Decoder(event)


def _silently(step: Step, order_id: str) -> Event:
    return events.StepTaken(order_id=order_id, service=step.service, step=step.words, heard=step.hears.topic)
