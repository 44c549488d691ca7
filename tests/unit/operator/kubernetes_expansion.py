"""How Kubernetes replaces $(NAME) in commands and variables (k8s.io/kubernetes/third_party/forked/golang/expansion)."""

from __future__ import annotations

import re
from collections.abc import Mapping


def expand(text: str, values: Mapping[str, str]) -> str:
    """``$$`` is a dollar, ``$(NAME)`` the value of a known name, anything else stays as it is."""

    def replaced(match: re.Match[str]) -> str:
        if match.group() == "$$":
            return "$"
        return values.get(match.group(1), match.group())

    return re.sub(r"\$\$|\$\(([^)]*)\)", replaced, text)
