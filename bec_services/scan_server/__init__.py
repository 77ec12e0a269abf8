"""The scan server: checks requests, queues items, runs each scan's program."""
