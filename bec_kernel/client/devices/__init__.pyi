from .api import (
    Devices as Devices,
    RemoteDevice as RemoteDevice,
    UnknownDeviceError as UnknownDeviceError,
)
from .calls import Calls as Calls
from .device_list import Config as Config
from .moves import Moves as Moves
from .text import in_few_words as in_few_words
from .versions import Difference as Difference
