from .batching import Gathering as Gathering
from .codec import (
    MESSAGE_LIMIT as MESSAGE_LIMIT,
    decode as decode,
    encode as encode,
    encode_ask as encode_ask,
)
from .paging import entries as entries, pages as pages
from .protocol import (
    Bus as Bus,
    Complaint as Complaint,
    Entry as Entry,
    Watch as Watch,
    append as append,
    put as put,
)
from .redis import connect as connect
from .retrying import backoff as backoff
