"""A bank: right answers to a task in many styles, and wrong ones, each with its hint on the spot.

A file `bank/TASK.py` beside an exercise's `tasks.py` makes one `Bank` and gathers answers in it::

    bank = Bank(conv_unit)  # the model answer


    @bank.accepted
    def in_a_row(x, filters, stride=1): ...


    @bank.mistake("The convolution must have no bias: the normalisation brings its own offset.")
    def with_bias(x, filters, stride=1): ...


    bank.variant("tanh", "The activation is ReLU, not tanh.", unit_like, activation="tanh")
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, overload


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that students give, and the sentence that helps them."""

    function: Callable
    hint: str


@dataclass(frozen=True)
class Accepted:
    """A right answer in another style.

    `representation` is given only where the weights themselves are arranged differently (one
    kernel that others cut in two), so that the answer needs an entry of its own in the key; it
    says how.
    """

    function: Callable
    representation: str | None = None


class Bank:
    """The answers to one task, right and wrong, in the order in which they are written.

    Attributes:
        answer: the model answer.
        right: accepted answers in other styles.
        wrong: mistakes with their hints.
    """

    def __init__(self, answer: Callable) -> None:
        self.answer = answer
        self.right: list[Accepted] = []
        self.wrong: list[Mistake] = []

    @overload
    def accepted(self, function: Callable) -> Callable: ...
    @overload
    def accepted(self, *, representation: str) -> Callable[[Callable], Callable]: ...

    def accepted(
        self, function: Callable | None = None, *, representation: str | None = None
    ) -> Callable:
        """Note the decorated function as a right answer; see `Accepted` for `representation`."""

        def note(function: Callable) -> Callable:
            self.right.append(Accepted(function, representation))
            return function

        return note if function is None else note(function)

    def mistake(self, hint: str) -> Callable[[Callable], Callable]:
        """Note the decorated function as a wrong answer, whose hint is this sentence."""

        def note(function: Callable) -> Callable:
            self.wrong.append(Mistake(function, hint))
            return function

        return note

    def variant(self, name: str, hint: str, build: Callable, **options: Any) -> None:
        """Note as a wrong answer what `build` gives with these options besides the arguments.

        `build` is called with the arguments of the model answer, by position, defaults filled in.
        """
        self.wrong.append(Mistake(self.with_options(name, build, **options), hint))

    def with_options(self, name: str, build: Callable, **options: Any) -> Callable:
        """`build` with options of its own, as an answer that is called as the model answer is."""
        signature = inspect.signature(self.answer)

        def answer(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            return build(*bound.args, **options)

        answer.__name__ = answer.__qualname__ = name
        answer.__signature__ = signature  # type: ignore[attr-defined]
        return answer
