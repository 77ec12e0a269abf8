from .device_lists import answer_device_list as answer_device_list
from .history import answer_history as answer_history
from .rows import (
    ScanRow as ScanRow,
    begun as begun,
    changed as changed,
    filed as filed,
)
from .tables import Database as Database, DatabaseError as DatabaseError
