"""Wrong answers made by machine: the model answer with one layer or argument gone wrong.

A *slip* is one small change of the kind that students make everywhere: a bias too many, `valid` for
`same`, a normalisation left out, a stride on another layer, an argument that is not used. The model
answer is called with one layer made otherwise (`autograder.setting.places`), or with one edit in
its source where it computes with numbers (`autograder.setting.edits`).

Each slip brings its sentence, so that the bank of a new task begins with some forty mistakes, and
only conceptual ones are written by hand.
"""

from __future__ import annotations

import inspect
import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from autograder.data.arguments import encode
from autograder.setting.edits import edited, edits_of
from autograder.setting.places import as_is, layers_made_by, rehearse
from autograder.setting.slip_kinds import KINDS, Slip
from autograder.setting.task import Task, Trial

# A task. More would take time, most of all those of whole models, and say little new.
MOST_SLIPS = {"function": 30, "block": 40, "layer": 40, "model": 24}
FEW_PLACES = 3
IN_ALL_PLACES = ("bias", "no bias", "padding", "other activation", "other norm", "other pool",
                 "norm and activation exchanged", "norm without offset", "norm without factor",
                 "groups", "interpolation")  # fmt: skip


def slips_of(task: Task, trials: list[Trial]) -> list[Slip]:
    """The slips of a task's model answer on its trials, at most `MOST_SLIPS`, of all kinds."""
    if task.properties:
        return []
    places = rehearse(task, trials) if task.kind != "function" else []
    found = list(_of_arguments(task, trials))
    single = [slip for make in KINDS for slip in make(places)]
    found += [*_everywhere(single), *single]
    if len(places) < FEW_PLACES:  # what it computes is in its source
        found += [
            Slip(edit.kind, edit.hint, edit.hint, edits=(edit,)) for edit in edits_of(task.answer)
        ]
    return _mixed(found, MOST_SLIPS[task.kind])


def _everywhere(slips: list[Slip]) -> Iterator[Slip]:
    """The same slip in all places at once, as somebody makes it who has misread the text."""
    alike: dict[tuple[str, str], list[Slip]] = {}
    for slip in slips:
        alike.setdefault((slip.kind, slip.general), []).append(slip)
    for (kind, general), group in alike.items():
        sites = [site for slip in group for site in slip.changes]
        if kind in IN_ALL_PLACES and len(group) > 1 and len(set(sites)) == len(sites):
            changes = {site: make for slip in group for site, make in slip.changes.items()}
            yield Slip(f"{kind} everywhere", general, general, changes)


def answer_with(task: Task, *slips: Slip) -> Callable:
    """The model answer with these slips in it."""
    changes = {site: make for slip in slips for site, make in slip.changes.items()}
    edits = [edit for slip in slips for edit in slip.edits]
    written = edited(task.answer, edits) if edits else task.answer

    def answer(*arguments: Any, **named: Any) -> Any:
        if not changes:
            return written(*arguments, **named)
        with layers_made_by(task.answer, lambda place, cls, o: changes.get(place, as_is)(cls, o)):
            return task.answer(*arguments, **named)

    answer.__signature__ = inspect.signature(task.answer)  # type: ignore[attr-defined]
    slipped: Callable = answer
    for slip in slips:
        if slip.wrap:
            slipped = slip.wrap(slipped)
            slipped.__signature__ = inspect.signature(task.answer)  # type: ignore[attr-defined]
    return slipped


def _mixed(slips: list[Slip], most: int) -> list[Slip]:
    """At most so many of them: of every kind the first ones, so that no kind is left out."""
    rank: Counter[str] = Counter()
    ranked = []
    for slip in slips:
        ranked.append((rank[slip.kind], slip))
        rank[slip.kind] += 1
    ranked.sort(key=lambda pair: pair[0])
    return [slip for _, slip in ranked[:most]]


# Slips of the whole answer


def _of_arguments(task: Task, trials: list[Trial]) -> Iterator[Slip]:
    """Arguments that are not used, or exchanged with another; results in another order."""
    signature = inspect.signature(task.answer)
    values = {name: [t.arguments[name] for t in trials if name in t.arguments]
              for name in signature.parameters}  # fmt: skip
    plain = [name for name, tried in values.items() if tried and _is_plain(tried)]
    for name in plain:
        default = signature.parameters[name].default
        instead = values[name][0] if default is inspect.Parameter.empty else default
        if len({str(encode(value)) for value in values[name]} | {str(encode(instead))}) > 1:
            yield Slip(
                "argument unused",
                f"Use the argument `{name}`: here it is as if it were always {instead!r}.",
                f"Use the argument `{name}`.",
                wrap=_with_argument(signature, {name: instead}),
            )
    for first, second in itertools.pairwise(plain):
        if {type(v) for v in values[first]} == {type(v) for v in values[second]} == {int}:
            yield Slip(
                "arguments exchanged",
                f"The arguments `{first}` and `{second}` are taken for one another.",
                "Two arguments are taken for one another.",
                wrap=_with_exchanged(signature, first, second),
            )
    if task.outputs > 1:
        yield Slip(
            "results exchanged",
            "The results are right, but in another order.",
            "The results are in another order.",
            wrap=lambda answer: lambda *a, **n: tuple(reversed(answer(*a, **n))),
        )


def _is_plain(tried: list[Any]) -> bool:
    return all(isinstance(value, bool | int | float | str) or value is None for value in tried)


def _with_argument(signature: inspect.Signature, values: dict) -> Callable[[Callable], Callable]:
    def wrap(answer: Callable) -> Callable:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            bound.arguments.update(values)
            return answer(*bound.args, **bound.kwargs)

        return wrapped

    return wrap


def _with_exchanged(
    signature: inspect.Signature, first: str, second: str
) -> Callable[[Callable], Callable]:
    def wrap(answer: Callable) -> Callable:
        def wrapped(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named)
            bound.apply_defaults()
            one, other = bound.arguments[first], bound.arguments[second]
            bound.arguments.update({first: other, second: one})
            return answer(*bound.args, **bound.kwargs)

        return wrapped

    return wrap
