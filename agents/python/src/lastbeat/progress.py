"""The progress that the work tells."""

from __future__ import annotations

import contextlib
import operator
from typing import Callable, Optional, SupportsFloat, SupportsIndex, Union

from .wire import TEXT_BYTES, Number, Progress, cut, is_storable


def _number(value: Union[SupportsFloat, SupportsIndex], name: str) -> Number:
    """The plain number of an int, a float, or a number of numpy. Raises TypeError for others."""
    if not isinstance(value, (str, bytes)):
        with contextlib.suppress(TypeError):  # an array of no dimension has the method, and refuses
            return int(operator.index(value))  # type: ignore[arg-type] # True has an index, and it is True
        if isinstance(value, SupportsFloat):
            return float(value)
    raise TypeError(f"{name} is a number, not {type(value).__name__}")


def _short(value: Number) -> str:
    """A number for a line. Python refuses to write an int of thousands of digits."""
    return str(value) if isinstance(value, float) or abs(value) < 10**6 else "more than a million"


def progress_of(
    value: Union[SupportsFloat, SupportsIndex],
    of: Union[SupportsFloat, SupportsIndex, None],
    note: Optional[str],
    say: Callable[[str], None],
) -> Optional[Progress]:
    """The progress to send; None if the service could not store its numbers, and that is said."""
    count = _number(value, "value")
    total = None if of is None else _number(of, "of")
    if note is not None and not isinstance(note, str):
        raise TypeError(f"note is a text, not {type(note).__name__}")
    if not is_storable(count) or (total is not None and not is_storable(total)):
        say(f"a progress of {_short(count)} is left out: a number is 0, or its magnitude is from 1e-130 to 1e125")
        return None
    return Progress(count, total, None if note is None else cut(note, TEXT_BYTES))
