from .condition import condition_of as condition_of, text_of as text_of
from .frame import (
    code_of as code_of,
    frame_of as frame_of,
    version_of as version_of,
    where as where,
)
from .hook import (
    Hook as Hook,
    Hooks as Hooks,
    Phase as Phase,
    hooks_for as hooks_for,
    taking_part as taking_part,
)
from .paths import PlanePoint as PlanePoint
from .plane import (
    OPTIM_TRAJECTORY as OPTIM_TRAJECTORY,
    at as at,
    count as count,
    few as few,
    number as number,
    ordered as ordered,
    positive as positive,
)
from .readings import own_reading as own_reading
from .request import (
    DRIVER as DRIVER,
    Program as Program,
    StepRequest as StepRequest,
    ask as ask,
)
from .scan import (
    COMMON as COMMON,
    MAX_POINTS as MAX_POINTS,
    MOTOR as MOTOR,
    RELATIVE as RELATIVE,
    START as START,
    STOP as STOP,
    Bound as Bound,
    PointMaker as PointMaker,
    Position as Position,
    Scan as Scan,
    seconds as seconds,
)
from .spec_names import (
    CT as CT,
    LOOPSCAN as LOOPSCAN,
    TIMESCAN as TIMESCAN,
    ascan as ascan,
    mesh as mesh,
)
from .travel import Travel as Travel, behind as behind, duration as duration
