"""Lets Keras build a net faster, without what only saving it in TensorFlow's own format needs.

Half the time of a small net's probe was Keras's bookkeeping as its layers are made. Some of it is
left out here, none of which an answer can tell from what it is used to:

- a variable keeps its number in a tensor in place of a resource of TensorFlow's, until something
  may need the resource: code that is compiled, such as `fit`, a tape that watches variables, or
  anybody but Keras and this package who asks for the value;
- an attribute that no tracking looks for, such as a number or a name, is just set;
- a layer of Keras's own that says itself how it was made is not noted a second time;
- the signatures of Keras's own functions, and what a protocol of TensorFlow's asks for, are looked
  up once.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import lru_cache
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary

import keras
import numpy as np

from autograder.probing.gradients import seen_by_tapes
from autograder.probing.trace import patched

LOOK = "is_backend_tensor_or_symbolic"
OF_RESOURCES = ("optimizers", "optimizer", "trainer")  # parts of Keras that count on them


@contextmanager
def quick_building() -> Iterator[None]:
    """Build nets faster inside the block; what is built lasts, and is like any other."""
    with ExitStack() as stack:
        for name in ("keras.src.layers.layer", "keras.src.ops.operation"):
            module = _module(name)
            if module is not None and module.inspect is inspect:
                stack.enter_context(patched(module, "inspect", _REMEMBERED))
        module = _module("keras.src.layers.layer")
        if hasattr(module, LOOK):
            stack.enter_context(patched(module, LOOK, _looking(getattr(module, LOOK))))
        if keras.backend.backend() == "tensorflow":
            for name, seen in _of_protocols():
                stack.enter_context(patched(typing, name, seen))
            stack.enter_context(patched(keras.Operation, "__new__", staticmethod(_creating())))
            layer, variable = keras.layers.Layer, keras.Variable
            with suppress(ImportError):
                stack.enter_context(patched(layer, "__setattr__", _setting(layer.__setattr__)))
            held = _held_kind()
            if held:
                stack.enter_context(patched(variable, "__init__", _making(variable.__init__, held)))
        yield


def _looking(usual: Callable) -> Callable:
    """Whether something is a tensor; of what most calls are given that is seen at once."""

    def look(x: Any, allow_none: bool = False) -> bool:
        if x is None or isinstance(x, bool):
            return allow_none and x is None
        return isinstance(x, keras.KerasTensor) or usual(x, allow_none)

    return look


def _module(name: str) -> Any:
    return sys.modules.get(name)


# Signatures


class _Remembered(ModuleType):
    """The module `inspect`, which remembers what it has said of Keras's own functions."""

    def __getattr__(self, name: str) -> Any:
        return getattr(inspect, name)

    @staticmethod
    def signature(function: Any) -> inspect.Signature:
        """What `inspect.signature` says."""
        whole = getattr(function, "__func__", function)
        if not _is_kerass(whole):
            return inspect.signature(function)
        inner = vars(whole).get("__wrapped__")
        bound = function is not whole
        if inspect.ismethod(inner) and not bound and "__signature__" not in vars(whole):
            return _Remembered.signature(inner)  # Keras's own wrapper of a layer's method
        known = _SIGNATURES.setdefault(whole, {})
        if bound not in known:
            known[bound] = inspect.signature(function)
        return known[bound]

    @staticmethod
    def getfullargspec(function: Any) -> inspect.FullArgSpec:
        """What `inspect.getfullargspec` says."""
        if not _is_kerass(function):
            return inspect.getfullargspec(function)
        if function not in _ARGUMENTS:
            _ARGUMENTS[function] = inspect.getfullargspec(function)
        return _ARGUMENTS[function]


_REMEMBERED = _Remembered("inspect")
# By functions, which are not kept alive: some of Keras's hold the layer, and so the net, that they
# were made for.
_SIGNATURES: WeakKeyDictionary[Callable, dict[bool, inspect.Signature]] = WeakKeyDictionary()
_ARGUMENTS: WeakKeyDictionary[Callable, inspect.FullArgSpec] = WeakKeyDictionary()


signature_of = _Remembered.signature  # what `inspect.signature` says, of Keras's own looked up once


def _is_kerass(function: Any) -> bool:
    return inspect.isfunction(function) and str(function.__module__).startswith("keras.src.")


# Protocols


def _of_protocols() -> Iterator[tuple[str, Callable]]:
    """Functions of `typing` that Python 3.11 asks at every look at a tensor, and what asks once."""
    for name in ("_get_protocol_attrs", "_is_callable_members_only"):
        usual = getattr(typing, name, None)
        if usual is not None:
            yield name, _asking_once(usual)


def _asking_once(usual: Callable) -> Callable:
    known: WeakKeyDictionary[type, Any] = WeakKeyDictionary()

    def ask(cls: type) -> Any:
        if not cls.__module__.startswith("tensorflow."):
            return usual(cls)
        if cls not in known:
            known[cls] = usual(cls)
        return known[cls]

    return ask


# Layers


def _creating() -> Callable:
    """How an operation is created: at once where its class says itself how one was made.

    Keras binds and keeps the arguments, for the `get_config` of a class that has none of its own.
    """
    usual = keras.Operation.__new__

    def new(cls: type, *arguments: Any, **options: Any) -> Any:
        if not _describes_itself(cls):
            return usual(cls, *arguments, **options)
        made: Any = object.__new__(cls)
        vars(made).update(_auto_config=None, _lock=True)
        return made

    return new


@lru_cache(maxsize=500)
def _describes_itself(kind: type) -> bool:
    own = kind.__module__.startswith("keras.src.layers.")
    default = getattr(kind.get_config, "_is_default", False)  # type: ignore[attr-defined]
    return own and not default and kind.__new__ is keras.layers.Layer.__new__


# Attributes


# What Keras notes of a layer in lists and the like, in which it looks for no variables or layers.
NOTES = frozenset((
    "_build_shapes_dict", "_call_context_args", "_call_has_context_arg", "_inbound_nodes",
    "_loss_ids", "_losses", "_losses_override", "_outbound_nodes", "_reduction_axes", "_tracked",
    "call_signature_parameters",
))  # fmt: skip


def _setting(usual: Callable) -> Callable:
    """How a layer's attribute is set: at once where nothing looks for things of its kind."""
    from keras.src.utils.tracking import is_tracking_enabled

    plain, held = _plain_kinds(), _held_kind()

    def set_attribute(self: Any, name: str, value: Any) -> None:
        kind = type(value)
        if "_tracker" not in self.__dict__:
            usual(self, name, value)
        elif name in NOTES or plain(kind) or (kind is tuple and all(map(plain, map(type, value)))):
            object.__setattr__(self, name, value)
        elif kind is held:
            object.__setattr__(self, name, self._tracker.track(value))
        elif not (self.__dict__.get("_self_setattr_tracking", True) or is_tracking_enabled()):
            object.__setattr__(self, name, value)
        else:
            usual(self, name, value)

    return set_attribute


@lru_cache(maxsize=1)
def _plain_kinds() -> Callable[[type], bool]:
    """Whether Keras and TensorFlow let attributes of a type be."""
    import tensorflow as tf

    looked_for = (
        keras.Variable,
        keras.Metric,
        keras.random.SeedGenerator,
        tf.__internal__.tracking.Trackable,
        list,
        tuple,
        dict,
        set,
    )

    @lru_cache(maxsize=500)
    def plain(kind: type) -> bool:
        own = kind.__module__ == "builtins" or kind.__module__.startswith("keras.src.")
        own = own or kind is inspect.Signature
        return own and not issubclass(kind, looked_for)

    return plain


# Variables


def _making(usual: Callable, held: type) -> Callable:
    """How a variable is made: as one that is held in a tensor."""

    def make(self: Any, *arguments: Any, **options: Any) -> None:
        if type(self) is keras.Variable:
            self.__class__ = held
        usual(self, *arguments, **options)

    return make


@lru_cache(maxsize=1)
def _held_kind() -> type | None:
    """The class of variables whose value is a tensor; None where nothing tells when it may be."""
    import tensorflow as tf

    try:
        from keras.src.backend.common.stateless_scope import in_stateless_scope
    except ImportError:
        return None
    found = seen_by_tapes()
    if found is None:
        return None
    watched: Callable[[], bool] = found

    usual: Any = keras.Variable
    eager, tensor = tf.executing_eagerly, type(tf.constant(0.0))

    class Variable(usual):
        """A Keras variable whose value is a tensor until a resource is asked for."""

        def _initialize(self, value: Any) -> None:
            if isinstance(value, tf.Variable) or not eager():
                usual._initialize(self, value)
            else:
                value = value() if callable(value) else value
                self._value = tf.convert_to_tensor(value, dtype=self._dtype)

        def assign(self, value: Any) -> Any:
            plain = type(value) in (tensor, np.ndarray) and value.dtype == self._dtype
            fits = plain and tuple(value.shape) == self._shape
            if not (fits and self._is_held() and eager()) or in_stateless_scope():
                return usual.assign(self, value)
            self._value = value if type(value) is tensor else tf.constant(value)
            return self._value

        def _direct_assign(self, value: Any) -> None:
            if self._is_held() and eager():
                self._value = tf.cast(tf.convert_to_tensor(value), self._value.dtype)
            else:
                self._let_go()
                usual._direct_assign(self, value)

        @property
        def value(self) -> Any:
            compiled = not eager() and not _is_scratch(tf.compat.v1.get_default_graph())
            if compiled or watched() or not _knows(sys._getframe(1).f_globals):
                self._let_go()  # they must see later values
            return usual.value.fget(self)

        @property
        def handle(self) -> Any:
            self._let_go()
            return usual.handle.fget(self)

        def _is_held(self) -> bool:
            return type(self._value) is tensor

        def _let_go(self) -> None:
            """Keep the value in a resource from now on."""
            if self._is_held():
                with tf.init_scope():
                    usual._initialize(self, self._value)

    Variable.__module__, Variable.__qualname__ = usual.__module__, usual.__qualname__
    return Variable


def _knows(names: dict[str, Any]) -> bool:
    """Whether code, by its global names, is content with a variable's number as it is now."""
    return _is_content(str(names.get("__name__")))


@lru_cache(maxsize=500)
def _is_content(module: str) -> bool:
    parts = module.split(".")
    ours = parts[:2] in (["keras", "src"], ["autograder", "probing"])
    return ours and not set(parts) & set(OF_RESOURCES)


def _is_scratch(graph: Any) -> bool:
    """Whether a graph is one in which Keras looks for a shape, to drop it then."""
    return str(getattr(graph, "name", "")).startswith("scratch_graph")
