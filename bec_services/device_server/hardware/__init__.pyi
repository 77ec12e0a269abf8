from .axes import PseudoAxis as PseudoAxis
