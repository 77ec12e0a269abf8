from .errors import error_of as error_of
from .health import lacking as lacking, troubles as troubles
from .origin import origin_here as origin_here, origin_of_program as origin_of_program
from .reader import Reader as Reader, ask as ask, complain_to as complain_to
from .scan_cache import ScanCache as ScanCache
from .state import (
    instance_of_environment as instance_of_environment,
    instance_status as instance_status,
    missing as missing,
    needed as needed,
    recent_alarms as recent_alarms,
)
