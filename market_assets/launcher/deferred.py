"""Libraries that start threads as soon as they are imported, put off until after a fork.

A process may be forked safely only while it has one thread: of the others the child has the locks
that they held, and nobody to let them go. DuckDB, Polars and pyarrow start threads on import, so a
process that others are forked from has placeholders for them instead. Whoever imports one gets the
placeholder and may keep it; the first look inside imports the library. `import_now` imports all of
them, so that nothing is imported by two threads at a time.

numpy's threads are those of its BLAS, which nobody here uses: told to have one, it starts none.

A run has no pandas. DuckDB imports it with the first parameter that it binds, where it is
installed: 0.4 CPU-seconds and 40 MB in each run, for values that nobody here passes.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
from importlib.abc import MetaPathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

THREADED: Final = ("duckdb", "pyarrow", "polars")
"""What starts threads on import; `import_now` goes by this order."""
_PANDAS: Final = "pandas"
_BLAS_THREADS: Final = "OPENBLAS_NUM_THREADS"

_importing: Final = threading.RLock()


class DeferredModule(ModuleType):
    """The placeholder of a library: it becomes the library at the first look inside."""

    def __getattr__(self, name: str) -> Any:
        """Import the library, and look there.

        Raises:
            AttributeError: the library has nothing of that name.
        """
        return getattr(_become_real(self), name)


def defer(names: Sequence[str] = THREADED) -> None:
    """Put placeholders where these libraries would be; one that is imported already stays.

    Raises:
        ModuleNotFoundError: a library is not installed.
    """
    os.putenv(_BLAS_THREADS, "1")
    for name in names:
        if name in sys.modules:
            continue
        spec = importlib.util.find_spec(name)
        if spec is None:
            raise ModuleNotFoundError(f"{name} is not installed", name=name)
        placeholder = DeferredModule(name)
        placeholder.__spec__ = spec
        placeholder.__file__ = spec.origin
        placeholder.__path__ = list(spec.submodule_search_locations or ())
        sys.modules[name] = placeholder


def still_deferred() -> list[str]:
    """The libraries that nobody has looked into yet."""
    return [
        name for name, module in list(sys.modules.items()) if isinstance(module, DeferredModule)
    ]


def import_now() -> None:
    """Import every library that was put off, in the thread that asks."""
    for name in still_deferred():
        _become_real(sys.modules[name])


class _NotInstalled(MetaPathFinder):
    """Makes pandas look as it does where only what a user needs is installed: not there."""

    def find_spec(self, fullname: str, *_: object) -> None:
        if fullname.partition(".")[0] == _PANDAS:
            raise ModuleNotFoundError(f"{fullname} is not for runs", name=fullname)


def hide_pandas() -> None:
    """Have every import of pandas fail from now on, as if it were not installed."""
    if _PANDAS not in sys.modules:
        sys.meta_path.insert(0, _NotInstalled())


def _become_real(placeholder: ModuleType) -> ModuleType:
    name = placeholder.__name__
    with _importing:
        if sys.modules.get(name) is placeholder:
            del sys.modules[name]
            try:
                real = importlib.import_module(name)
            except BaseException:
                sys.modules[name] = placeholder
                raise
            # Those who hold the placeholder find everything in it from now on, without coming here.
            placeholder.__dict__.update(real.__dict__)
        return importlib.import_module(name)
