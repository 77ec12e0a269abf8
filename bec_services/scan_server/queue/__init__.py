"""Which item begins next, what people do to items, and rules that suspend a queue."""
