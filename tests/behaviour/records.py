"""Records as they are said again, and changed as nobody here would."""

from farandole.messaging.envelope import Message, Record


def copy_of(record: Record) -> Message:
    assert record.key is not None
    assert record.value is not None
    headers = tuple((name, value) for name, value in record.headers if value is not None)
    return Message(record.topic, record.key.decode(), record.value, headers)


def header(record: Record | Message, name: str) -> str | None:
    value = dict(record.headers).get(name)
    return None if value is None else value.decode()


def with_headers(message: Message, **changed: str) -> Message:
    """The message with some headers changed."""
    headers = {name: value.decode() for name, value in message.headers} | changed
    return message._replace(headers=tuple((name, value.encode()) for name, value in headers.items()))
