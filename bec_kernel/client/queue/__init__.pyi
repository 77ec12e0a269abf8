from .api import Queue as Queue
from .command import (
    Lines as Lines,
    complete_queue_command as complete_queue_command,
    queue_help as queue_help,
    run_queue_command as run_queue_command,
)
from .waiting import (
    Waiting as Waiting,
    place_in_queue as place_in_queue,
    why_waits as why_waits,
)
