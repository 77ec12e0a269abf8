from .persisted_points import Head as Head
