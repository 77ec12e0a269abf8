from .advisors import doubts as doubts
from .assembler import Catalogue as Catalogue
from .beamline import BeamlineWatch as BeamlineWatch
from .guard import Accepted as Accepted, accept as accept, bound_of as bound_of
from .limits import (
    Beamline as Beamline,
    Behind as Behind,
    check_place as check_place,
    unit_of as unit_of,
)
from .metadata import Schema as Schema, schema_of as schema_of
from .rights import check_right as check_right
