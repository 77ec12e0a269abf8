from .drivers import Drivers as Drivers, next_request as next_request
from .unit import ProgramFrame as ProgramFrame
from .worker import ITEM_STATE as ITEM_STATE, Worker as Worker
