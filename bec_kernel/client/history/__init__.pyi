from .api import History as History
from .command import (
    complete_history_command as complete_history_command,
    history_help as history_help,
    run_history_command as run_history_command,
)
from .search import Past as Past
