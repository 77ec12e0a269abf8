from .scan_card import ScanCard as ScanCard
from .scan_feed import (
    LAST_WORDS as LAST_WORDS,
    ScanFeed as ScanFeed,
    read_scan as read_scan,
)
from .scan_picture import mime_bundle as mime_bundle
