from .file import (
    IDENTITY as IDENTITY,
    MasterFile as MasterFile,
    still_open as still_open,
)
from .file_part import read as read
from .selection import inside as inside
