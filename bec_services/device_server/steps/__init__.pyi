from .executor import Executor as Executor, parts as parts
