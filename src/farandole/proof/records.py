"""A record of a topic as the invariants see it."""

from hashlib import blake2b

from farandole.contract.facts import RecordFact
from farandole.messaging.envelope import Record


def record_fact(record: Record) -> RecordFact:
    headers = {name: (value or b"").decode() for name, value in record.headers}
    content = repr((record.key, record.value, sorted(headers.items()))).encode()
    key = (record.key or b"").decode()
    fingerprint = blake2b(content).hexdigest()
    return RecordFact(record.topic, key, headers["ce_id"], headers.get("ce_causationid"), fingerprint)
