from .environment import (
    ca_environment as ca_environment,
    client_environment as client_environment,
)
