from .live import bundle_of as bundle_of
from .metadata import matcher_of_metadata as matcher_of_metadata
from .queue import QueueMagics as QueueMagics
from .scan import ScanMagics as ScanMagics, Words as Words
