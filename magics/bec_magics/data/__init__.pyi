from .history import HistoryMagics as HistoryMagics
from .tables import Table as Table
