"""The one door to Numba: compiled once, cached, never at the price of other bits.

No ``fastmath``: sums keep their order, so the same samples give the same masses on
every start. Where the cache lies is decided by whoever starts the process. What is in
it is believed only when it is whole and was made from the very sources, versions and
processor that are here; else it is compiled anew. Numba itself asks for the processor,
its own version and the one source file of a kernel, but a kernel also holds the code of
those that it calls, and a half-written file would end the process.
"""

import functools
import gc
import hashlib
import inspect
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import llvmlite
import numba
import numpy as np
from numba.core import event, types
from numba.core.caching import IndexDataCacheFile
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target
from numba.core.runtime.nrt import rtsys

__all__ = ["helper", "inlined", "is_kept", "njit"]

Kernel = TypeVar("Kernel", bound=Callable[..., object])
_DIGEST_BYTES = 32


def njit(function: Kernel) -> Kernel:
    """Compile a function on its first call, or load it from the cache."""
    dispatcher = _compiled(function, cache=True)
    # Numba has no public place for files of another kind; where it keeps none, as when
    # it compiles nothing, there is nothing to check
    cache: Any = getattr(dispatcher, "_cache", None)
    files = getattr(cache, "_cache_file", None)
    if isinstance(files, IndexDataCacheFile):
        origin = _origin(Path(inspect.getfile(function)))
        vars(cache)["_cache_file"] = _CheckedFiles(vars(files), origin)
        vars(cache)["load_overload"] = _declarations.unneeded_by(cache.load_overload)
    return cast("Kernel", dispatcher)


def helper(function: Kernel) -> Kernel:
    """Compile a function that only kernels call.

    It has no door for Python and no place in the cache: those that call it hold it.
    """
    return cast("Kernel", _compiled(function, no_cpython_wrapper=True))


def inlined(function: Kernel) -> Kernel:
    """Write a function into every kernel that calls it, before that is compiled.

    It is compiled by itself only when Python calls it. Meant for what is short or is
    called from one place: a helper is made ready, linked into its caller and optimised
    once more with that.
    """
    return cast("Kernel", _compiled(function, inline="always"))


def is_kept(kernel: Callable[..., object]) -> bool:
    """Tell whether the cache has code of a kernel that may be believed.

    True as well where none is ever kept, since nothing is compiled there.
    """
    files = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    return not isinstance(files, _CheckedFiles) or files.has_code


class _CollectorRests(event.Listener):
    """Let the collector of garbage rest while the compiler is at work.

    It makes millions of objects that stay until it is done; going through them again
    and again took a seventh of its time. One thread may wait for another's work: the
    collector rests until the last of them is done.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._was_awake = False

    def on_start(self, _event: event.Event) -> None:
        if self._depth == 0:
            self._was_awake = gc.isenabled()
            gc.disable()
        self._depth += 1

    def on_end(self, _event: event.Event) -> None:
        self._depth -= 1
        if self._depth == 0 and self._was_awake:
            gc.enable()


class _Declarations:
    """The compiler's look for new declarations, but not one within another.

    Each of some 250 declarations that the first look finds asks for another, through
    all of them: that was a tenth of a start with everything in the cache. The first
    also loads packages for functions that no kernel calls; what is not loaded by then
    is not there for it.
    """

    def __init__(self, context: Any) -> None:  # noqa: ANN401 -- Numba's
        self._context = context
        self._refresh = context.refresh
        self._looks = False
        self._loads = False
        self._hidden = {"cffi", "scipy.linalg"}

    def unneeded_by(self, load: Callable[..., Any]) -> Callable[..., Any]:
        """Return what loads code from the cache without that look.

        It was a fifth of a start with everything in the cache. Code that is loaded asks
        for no declaration, only for the memory of arrays; what is not kept will be
        compiled, and has them looked for.
        """

        def loads_alone(*args: Any) -> Any:  # noqa: ANN401 -- Numba's
            with global_compiler_lock:
                self._loads = True
                try:
                    kept = load(*args)
                finally:
                    self._loads = False
                if kept is None:
                    self()
                return kept

        return loads_alone

    def __call__(self) -> None:
        with global_compiler_lock:  # taken again by whoever has it
            if self._loads:
                rtsys.initialize(self._context)
                return
            if self._looks:
                return
            self._looks = True
            hidden = self._hidden - sys.modules.keys()
            self._hidden = set()
            # what Python looks up and finds to be None cannot be imported
            sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
            try:
                self._refresh()
            finally:
                for name in hidden:
                    del sys.modules[name]
                self._looks = False


event.register("numba:compiler_lock", _CollectorRests())  # type: ignore[no-untyped-call]  # Numba's
_declarations = _Declarations(cpu_target.target_context)
vars(cpu_target.target_context)["refresh"] = _declarations


def _compiled(function: Kernel, **options: Any) -> Any:  # noqa: ANN401 -- Numba's
    # Numba's types do not name the options for doors; no kernel is called from C
    compiler: Any = numba.njit
    dispatcher = compiler(no_cfunc_wrapper=True, **options)(function)
    # Python's own interpreter, as under NUMBA_DISABLE_JIT, knows no types
    if hasattr(dispatcher, "get_call_template"):
        dispatcher.get_call_template = _PlainArguments(dispatcher.get_call_template)
    return dispatcher


class _PlainArguments:
    """What a kernel offers its callers, without a version of its own for a constant.

    Numba would compile ``f(x, 0)`` apart from ``f(x, i)``, and in a loop that begins
    with the constant throw the first of both away.
    """

    def __init__(self, offer: Callable[..., Any]) -> None:
        self._offer = offer

    def __call__(self, args: tuple[Any, ...], kws: dict[str, Any]) -> Any:  # noqa: ANN401 -- Numba's
        return self._offer(
            tuple(_plain(argument) for argument in args),
            {name: _plain(argument) for name, argument in kws.items()},
        )


def _plain(argument: Any) -> Any:  # noqa: ANN401 -- a type of Numba's
    return types.unliteral(argument)  # type: ignore[no-untyped-call]  # Numba's


def _origin(source: Path) -> str:
    """Return a hash over a source, those beside it and whatever compiles them."""
    made_by = f"{source.name} {_makers(source.parent)}"
    return hashlib.sha256(made_by.encode()).hexdigest()


@functools.cache
def _makers(folder: Path) -> str:
    """Return a hash over the kernels of a folder and whatever compiles them."""
    total = hashlib.sha256()
    for path in [Path(__file__), *sorted(folder.glob("*.py"))]:
        total.update(hashlib.sha256(path.read_bytes()).digest())
    for package in (numba, llvmlite, np):
        total.update(package.__version__.encode())
    return total.hexdigest()


class _CheckedFiles(IndexDataCacheFile):
    """Index and code of one kernel, each with its hash behind it."""

    def __init__(self, plain: dict[str, Any], origin: str) -> None:
        vars(self).update(plain)
        self._source_stamp = (plain["_source_stamp"], origin)

    @property
    def has_code(self) -> bool:
        """Tell whether there is code of the sources and versions that are here."""
        return bool(self._load_index())

    def _dump(self, obj: object) -> bytes:
        content: bytes = super()._dump(obj)  # type: ignore[no-untyped-call]  # Numba's
        return content + hashlib.sha256(content).digest()

    def _save_index(self, overloads: dict[Any, str]) -> None:
        with self._open_for_write(self._index_path) as file:
            file.write(self._dump((self._version, self._source_stamp, overloads)))

    def _load_index(self) -> dict[Any, str]:
        try:
            version, stamp, overloads = self._whole(self._index_name)
        except OSError:
            return {}
        same = (version, stamp) == (self._version, self._source_stamp)
        return overloads if same else {}

    def _load_data(self, name: str) -> object:
        return self._whole(name)

    def _whole(self, name: str) -> Any:  # noqa: ANN401 -- whatever Numba put into it
        content = _checked((Path(self._cache_path) / name).read_bytes())
        return pickle.loads(content)  # noqa: S301 -- its hash is right: we wrote it


def _checked(content: bytes) -> bytes:
    """Return what stands before its hash.

    Raises:
        OSError: the hash is another, as after a power cut.
    """
    content, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        message = "compiled code is not whole"
        raise OSError(message)
    return content
