"""Why an order waits: the hop it waits at is walked, and the cause is said in one sentence with evidence."""
