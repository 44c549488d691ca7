"""What a program is told of earlier steps in its arguments and variables: each becomes a side input of its job, so that
it is there where the program runs, and counts among what results follow from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from parallelrun.api.object_names import slug
from parallelrun.api.problems import Path
from parallelrun.api.reference import REFERENCE

_STEPS = "steps."


def as_side_inputs(body: Mapping[str, Any], find: Callable[[Path, str], Any]) -> dict[str, Any]:
    """``body``, a step's job or script, with ``$(steps.x. ...)`` in arguments and variables as ``$(sideInputs. ...)``.

    ``find`` says where the output is that such a name, which stands at a path, stands for.
    """
    sides = [*(body.get("sideInputs") or ())]

    def told(path: Path, text: Any) -> Any:
        def put(match: re.Match[str]) -> str:
            escaped, name = match.groups()
            if escaped or not name.startswith(_STEPS):
                return match.group(0)
            return f"$(sideInputs.{_side_input(sides, name, find(path, name))})"

        return REFERENCE.sub(put, text) if isinstance(text, str) else text

    found = dict(body)
    if isinstance(body.get("arguments"), list):
        found["arguments"] = [told(("arguments", number), text) for number, text in enumerate(body["arguments"])]
    environment = body.get("environment")
    if isinstance(environment, dict) and isinstance(environment.get("env"), list):
        path = ("environment", "env")
        variables = [
            {**one, "value": told((*path, number, "value"), one["value"])}
            if isinstance(one, dict) and "value" in one
            else one
            for number, one in enumerate(environment["env"])
        ]
        found["environment"] = {**environment, "env": variables}
    return found if not sides else {**found, "sideInputs": sides}


def _side_input(sides: list[Any], reference: str, place: Any) -> str:
    """The name of the side input at ``place``: one that is there, or a new one."""
    for one in sides:
        if isinstance(one, dict) and one.get("path") in (place, f"$({reference})"):
            return str(one.get("name"))
    taken = {one.get("name") for one in sides if isinstance(one, dict)}
    _, step, *what = reference.split(".")
    wanted = slug(f"{step}-{what[-1]}".replace(".", "-"))
    name = next(one for one in (wanted, *(f"{wanted[:60]}-{number}" for number in range(2, 99))) if one not in taken)
    sides.append({"name": name, "path": place})
    return name
