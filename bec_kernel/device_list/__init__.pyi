from .classes import (
    BEC as BEC,
    check_classes as check_classes,
    current_path as current_path,
)
from .reading import (
    list_text as list_text,
    load_list as load_list,
    read_list as read_list,
)
from .rules import Rules as Rules, owner as owner, shares as shares
from .simulation import (
    SimulationPackage as SimulationPackage,
    find_simulation as find_simulation,
    get_simulation as get_simulation,
)
from .spec import (
    DeviceList as DeviceList,
    DeviceListError as DeviceListError,
    DeviceSpec as DeviceSpec,
    checked as checked,
    in_order as in_order,
    written as written,
)
from .versions import (
    KEEP as KEEP,
    WHOLE_EVERY as WHOLE_EVERY,
    differences as differences,
    entry_fields as entry_fields,
    version_at as version_at,
)
