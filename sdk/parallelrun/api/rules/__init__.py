"""The rules that go beyond one field's type and range: one table for ``kubectl apply`` and ``parallelrun run``."""

from parallelrun.api.rules import batches, inputs, names, output, pod, source, updates

RULES = (
    *names.RULES,
    *source.RULES,
    *inputs.RULES,
    *batches.RULES,
    *output.RULES,
    *pod.RULES,
    *updates.RULES,
)
