from .drivers import Drivers as Drivers, next_wish as next_wish
from .unit import ProgramFrame as ProgramFrame
from .worker import ITEM_STATE as ITEM_STATE, Worker as Worker
