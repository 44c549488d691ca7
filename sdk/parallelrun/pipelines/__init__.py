"""Pipelines, decided: parameters, references, the graph of steps, and which step comes next. Pure; no I/O."""
