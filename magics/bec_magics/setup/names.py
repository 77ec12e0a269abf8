"""Names in the namespace that find the instance when they are first used."""

from collections.abc import Callable, Iterator
from typing import Any

from bec_kernel.errors import BecError


class Later:
    """Stands for a part of the client until somebody needs it."""

    def __init__(self, find: Callable[[], Any]) -> None:
        object.__setattr__(self, "_find", find)

    def __getattr__(self, name: str) -> Any:
        """Return the attribute of the thing itself."""
        if name.startswith("_"):  # what IPython tries before it shows anything
            raise AttributeError(name)
        return getattr(_found(self), name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(_found(self), name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the thing itself."""
        return _found(self)(*args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return _found(self)[key]

    def __iter__(self) -> Iterator[Any]:
        return iter(_found(self))

    def __len__(self) -> int:
        return len(_found(self))

    def __dir__(self) -> list[str]:
        return dir(_found(self))

    def __repr__(self) -> str:
        try:
            return repr(_found(self))
        except BecError as error:  # a display would show a whole traceback
            return f"{type(error).__name__}: {error}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        """Show the thing itself, as rich as it is."""
        from IPython.core.interactiveshell import InteractiveShell

        formatter: Any = InteractiveShell.instance().display_formatter
        try:
            found = _found(self)
        except BecError:
            return {"text/plain": repr(self)}
        return formatter.format(found, include, exclude)


def _found(name: Later) -> Any:
    return object.__getattribute__(name, "_find")()
