from .file_part import read as read
from .master_file import (
    IDENTITY as IDENTITY,
    MasterFile as MasterFile,
    still_open as still_open,
)
from .selection import inside as inside
