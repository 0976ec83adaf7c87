"""What is wrong with a file, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable

_PARAMETER = re.compile(r"\b([a-z_]+)=")


class DataFault(ValueError):
    """A file is at fault, and there are ways out, of which a caller may have only some.

    Parameters
    ----------
    fault : str
    *remedies : str
        Alternatives; a parameter that one needs is written as ``name=``.

    Examples
    --------
    >>> fault = DataFault("column 'a' is missing", "fill it in", "remove the row", "leave it out with ignore=")
    >>> str(fault)
    "column 'a' is missing; fill it in, remove the row, or leave it out with ignore="
    >>> str(fault.for_caller(lambda parameter: parameter != "ignore"))
    "column 'a' is missing; fill it in, or remove the row"
    """

    def __init__(self, fault: str, *remedies: str) -> None:
        *others, last = remedies or ("",)
        super().__init__(f"{fault}; {', '.join([*others, f'or {last}' if others else last])}" if last else fault)
        self.fault = fault
        self.remedies = remedies

    def for_caller(self, has_parameter: Callable[[str], object]) -> DataFault:
        """Return the fault with the remedies of which a caller has all parameters, as a true value says."""

        def is_open(remedy: str) -> bool:
            return all(map(has_parameter, _PARAMETER.findall(remedy)))

        return DataFault(self.fault, *filter(is_open, self.remedies))
