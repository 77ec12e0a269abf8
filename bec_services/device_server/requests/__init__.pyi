from .calls import CallRequests as CallRequests
from .edits import Edits as Edits
from .start_list import Given as Given, begin as begin
