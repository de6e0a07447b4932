"""Where the outside begins: HTTP, e-mail, and commands by hand."""

from typing import Final

from tests.mutants.mutant import Edit, Mutant, here, mutant

API: Final = "services/order/api.py"
STOCK_API: Final = "services/inventory/api.py"
BODIES: Final = "http/bodies.py"
DELIVERY: Final = "services/notification/delivery.py"
ORDERS: Final = "http/test_order_api.py"
TESTS: Final = "services/test_delivery.py"

MUTANTS: Final[tuple[Mutant, ...]] = (
    mutant(
        "digest-without-customer",
        "The same key with another customer gives the first order.",
        "issue: idempotency key",
        Edit(
            API,
            'content = msgspec.structs.replace(wish, order_id="", idempotency=None)',
            'content = msgspec.structs.replace(wish, order_id="", idempotency=None, customer=events.Customer(id=""))',
        ),
        here(ORDERS),
    ),
    mutant(
        "digest-without-prices",
        "The same key with other prices gives the first order.",
        "issue: idempotency key",
        Edit(
            API,
            'content = msgspec.structs.replace(wish, order_id="", idempotency=None)',
            """free = tuple(msgspec.structs.replace(line, unit_price="") for line in wish.lines)
    content = msgspec.structs.replace(wish, order_id="", idempotency=None, lines=free)""",
        ),
        here(ORDERS),
    ),
    mutant(
        "key-with-another-order",
        "The same key with another order gives the first order.",
        "issue: idempotency key",
        Edit(
            "services/order/handlers.py",
            "        if order.digest != heard.cause.digest:\n",
            "        if not order.digest:\n",
        ),
        here(f"{ORDERS}::test_the_same_key_with_another_order_is_refused"),
    ),
    mutant(
        "key-forgotten",
        "A customer's key is not kept, so a repeated order is another order.",
        "issue: idempotency key",
        Edit(
            "services/order/handlers.py",
            "(UsedKey(wish.idempotency, order.order_id),) if wish.idempotency else ()",
            "(UsedKey(wish.idempotency, order.order_id),) if wish.idempotency == '' else ()",
        ),
        here(f"{ORDERS}::test_the_same_key_and_order_give_the_original_answer"),
    ),
    mutant(
        "receipts-key-for-every-sku",
        "A key that was used for one SKU counts for every SKU.",
        "issue: idempotency key",
        Edit(STOCK_API, 'uuid5(RECEIPTS_BY_KEY, f"{sku}\\n{key}")', "uuid5(RECEIPTS_BY_KEY, key)"),
        here("http/test_other_apis.py::test_a_receipts_key_counts_once_per_sku"),
    ),
    mutant(
        "taken-without-end",
        "Orders are taken however many wait to be published.",
        "failure: broker down for an hour",
        Edit(API, "    if desk.overfull:\n", "    if desk.overfull and not wish:\n"),
        here(f"{ORDERS}::test_an_overfull_outbox_is_503_with_retry_after"),
    ),
    mutant(
        "zero-characters-at-the-door",
        "U+0000 and lone surrogates come in through HTTP, and fail an order that shares their commit.",
        "rule 12",
        Edit(BODIES, '    if b"\\\\" in data and (errors', '    if b"\\\\\\\\\\\\" in data and (errors'),
        here("http/test_bodies.py::test_text_that_could_not_be_kept_is_refused"),
    ),
    mutant(
        "bodies-without-end",
        "A body of any size is read.",
        "security: bounded input",
        Edit(BODIES, "        if len(body) > limit:\n", "        if len(body) > limit * 1000:\n"),
        here("http/test_problems.py::test_a_body_over_the_limit_is_413"),
    ),
    mutant(
        "message-id-by-chance",
        "Each attempt to send an e-mail has an id of its own, so a repetition is another e-mail.",
        "failure: notification sent twice",
        Edit(
            "services/notification/channels.py",
            'mail["Message-ID"] = f"<{message.message_id}@farandole>"',
            'mail["Message-ID"] = f"<{id(mail)}@farandole>"',
        ),
        here(TESTS),
    ),
    mutant(
        "delivery-without-lease",
        "A message that one courier is sending may be taken by another.",
        "failure: notification sent twice",
        Edit(DELIVERY, "due_at=now + LEASE)", "due_at=now)"),
        here(TESTS),
    ),
    mutant(
        "delivery-lost-with-its-courier",
        "A message is struck off before it is sent.",
        "failure: notification sent twice",
        Edit(
            DELIVERY,
            "            transaction.update(DELIVERIES, leased)\n",
            "            transaction.delete(DELIVERIES, [row.message_id for row in leased])\n",
        ),
        here(TESTS),
    ),
    mutant(
        "refused-for-ever-tried-for-ever",
        "A definite no of a mail server is asked again and again.",
        "failure: one message is refused for good",
        Edit(DELIVERY, '"gave_up": True,', '"gave_up": False,'),
        here(TESTS),
    ),
    mutant(
        "unknown-told-as-no",
        "Who placed an order whose commit is not known hears a definite no.",
        "failure: COMMIT whose answer is lost",
        Edit("runtime/worker.py", "        reply.set_exception(Transient(", "        reply.set_exception(ValueError("),
        here("runtime/test_worker.py"),
    ),
    mutant(
        "address-in-the-log",
        "A log line says whom a message is for.",
        "security: contact data",
        Edit(
            "services/notification/channels.py",
            '"message_id": message.message_id,',
            '"message_id": f"{message.message_id} {message.recipient}",',
        ),
        here(TESTS),
    ),
)
