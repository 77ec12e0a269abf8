from .outlook import Forecaster as Forecaster
