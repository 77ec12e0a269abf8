from .api import (
    Devices as Devices,
    RemoteDevice as RemoteDevice,
    UnknownDeviceError as UnknownDeviceError,
)
from .calls import RemoteCalls as RemoteCalls
from .device_list import Config as Config
from .moves import MoveHistory as MoveHistory
from .text import in_few_words as in_few_words
from .versions import Difference as Difference
