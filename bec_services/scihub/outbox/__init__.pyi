from .rows import Outbox as Outbox
