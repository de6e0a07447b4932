"""A passive fifth consumer: it hears every topic, answers nothing, and shows each order's dance."""
