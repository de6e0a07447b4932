"""The AsyncAPI 3.0 document is generated from the choreography and its events."""

import re
from typing import Any, Final

import msgspec

from farandole import __version__
from farandole.contract.choreography import CHOREOGRAPHY, INVENTORY, Service, steps_of, topics
from farandole.contract.events import UUID, StepTaken, StockReceived
from farandole.messaging.envelope import VERSION, Event

MONITOR: Final = "monitor"
STEPS: Final = StepTaken.topic
_TIME: Final = {"type": "string", "format": "date-time"}
_ID: Final = {"type": "string", "pattern": UUID}


def asyncapi(service: str | None = None, prefix: str = "") -> dict[str, Any]:
    """The document of one service, or of all of them and the monitor; `prefix` is before every topic."""
    messages = _messages()
    speakers = (service,) if service else (*Service, MONITOR)
    operations: dict[str, Any] = {}
    for name in speakers:
        operations |= _operations(str(name), messages)
    used = {operation["channel"]["$ref"] for operation in operations.values()}
    topics_used = {topic: kinds for topic, kinds in messages.items() if _channel_ref(topic)["$ref"] in used}
    kinds = [kind for found in topics_used.values() for kind in found]
    schemas, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Farandole: the events of {service}" if service else "Farandole: the events of the choreography",
            "version": __version__,
            "description": "CloudEvents 1.0, Kafka binding, binary mode; JSON keyed by order id (goods receipts: SKU).",
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, prefix, found) for topic, found in topics_used.items()},
        "operations": operations,
        "components": {
            "messages": {kind.__name__: _message(kind) for kind in kinds},
            "schemas": components | _versions(topics_used, dict(zip(kinds, schemas, strict=True))),
        },
    }


def _messages() -> dict[str, tuple[type[Event], ...]]:
    """What each topic carries."""
    said = {step.says.topic: (step.says,) for step in CHOREOGRAPHY if step.says}
    return {topic: said[topic] for topic in topics()} | {STEPS: (StepTaken, StockReceived)}


def _versions(topics_used: dict[str, Any], schemas: dict[Any, Any]) -> dict[str, Any]:
    """The schemas under the names that the header ce_dataschema points to."""
    versions = {}
    for topic, kinds in topics_used.items():
        found = [schemas[kind] for kind in kinds]
        versions[topic] = {str(VERSION): found[0] if len(found) == 1 else {"oneOf": found}}
    return versions


def _channel_ref(topic: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{topic}"}


def _channel(topic: str, prefix: str, kinds: tuple[type[Event], ...]) -> dict[str, Any]:
    return {
        "address": prefix + topic,
        "messages": {kind.__name__: {"$ref": f"#/components/messages/{kind.__name__}"} for kind in kinds},
        "bindings": {"kafka": {"topic": prefix + topic}},
    }


def _message(kind: type[Event]) -> dict[str, Any]:
    is_order = "order_id" in kind.__struct_fields__
    return {
        "name": kind.__name__,
        "title": re.sub(r"(?<!^)(?=[A-Z])", " ", kind.__name__).lower(),
        "summary": (kind.__doc__ or "").partition("\n")[0],
        "contentType": "application/json",
        "headers": _headers(kind, is_order),
        "payload": {"$ref": f"#/components/schemas/{kind.__name__}"},
        "bindings": {"kafka": {"key": _ID if is_order else {"type": "string"}}},
    }


def _headers(kind: type[Event], is_order: bool) -> dict[str, Any]:
    headers: dict[str, Any] = {
        "ce_specversion": {"const": "1.0"},
        "ce_id": _ID,
        "ce_source": {"type": "string", "pattern": "^/farandole/"},
        "ce_type": {"const": kind.topic},
        "ce_subject": _ID if is_order else {"type": "string"},
        "ce_time": _TIME,
        "ce_dataschema": {"type": "string"},
        "ce_causationid": _ID,
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string"},
    }
    optional = {"ce_causationid", "ce_dataschema", "traceparent"}
    return {"type": "object", "required": [name for name in headers if name not in optional], "properties": headers}


def _operations(service: str, messages: dict[str, tuple[type[Event], ...]]) -> dict[str, Any]:
    """What one service sends and receives, in the words of its steps; the monitor receives everything."""
    steps = steps_of(service)
    if service == MONITOR:
        found = [
            _operation(service, "receive", kind, "Record the step") for kinds in messages.values() for kind in kinds
        ]
        return dict(found)
    found = []
    for step in steps:
        if step.hears.topic:
            found.append(_operation(service, "receive", step.hears, _words(service, hears=step.hears)))
        said = step.says or StepTaken
        found.append(_operation(service, "send", said, step.words if step.says else _words(service, hears=None)))
    if service == INVENTORY:
        found.append(_operation(service, "send", StockReceived, "Receive goods"))
    return dict(found)


def _words(service: str, hears: type[Event] | None) -> str:
    """The steps that an event starts or, for None, the steps that publish nothing else."""
    steps = [step for step in steps_of(service) if (step.hears is hears if hears else step.says is None)]
    return " · ".join(dict.fromkeys(step.words for step in steps))


def _operation(service: str, action: str, kind: type[Event], words: str) -> tuple[str, dict[str, Any]]:
    operation = {
        "action": action,
        "channel": _channel_ref(kind.topic),
        "summary": words,
        "tags": [{"name": service}],
        "messages": [{"$ref": f"#/channels/{kind.topic}/messages/{kind.__name__}"}],
    }
    return f"{service}.{action}.{kind.__name__}", operation
