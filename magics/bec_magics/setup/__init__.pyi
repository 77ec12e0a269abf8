from .own import InstanceMagics as InstanceMagics
from .session import Session as Session
