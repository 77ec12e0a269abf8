"""The queues: items that wait or run, what holds them up, actions."""
