from .persisted_points import PersistedPoints as PersistedPoints
