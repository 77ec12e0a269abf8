from .models import fit as fit
from .schedule import FitSeries as FitSeries
