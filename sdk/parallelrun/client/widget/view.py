"""The part of the live view that is in the browser. Importing it needs anywidget."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anywidget
import traitlets

_STATIC = Path(__file__).parent / "static"


class View(anywidget.AnyWidget):
    """Shows ``state``; where nothing can, as in a notebook that is read as a file, its text stands in for it."""

    _esm = _STATIC / "details.js"
    _css = _STATIC / "details.css"
    state = traitlets.Dict().tag(sync=True)

    def __init__(self, text: Callable[[], str], **traits: Any) -> None:
        self._text = text
        super().__init__(**traits)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            data["text/plain"] = self._text()
        return bundle
