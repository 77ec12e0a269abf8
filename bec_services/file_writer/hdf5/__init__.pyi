from .file import (
    IDENTITY as IDENTITY,
    MasterFile as MasterFile,
    still_open as still_open,
)
from .slices import read as read
