"""One look at one job: gather (reads), decide (pure), apply (writes)."""
