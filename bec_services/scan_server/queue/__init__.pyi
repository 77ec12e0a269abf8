from .begin import begun as begun
from .item_actions import (
    act_on_item as act_on_item,
    act_on_queue as act_on_queue,
    check_time as check_time,
    control as control,
    ended as ended,
    meant as meant,
    told as told,
)
from .queues import Queues as Queues
from .suspenders import Suspenders as Suspenders, value_of as value_of
