"""``azureml.widgets``: a live view of a run."""

from __future__ import annotations

from typing import Any

from parallelrun.azureml.backend.support import azure


class RunDetails:
    """A live view of a pipeline's, or step's, run."""

    def __init__(self, run_instance: Any) -> None:
        self._run = run_instance

    @azure(differs="Our own view, as text where notebooks are not live; of a step that has not begun, its pipeline's.")
    def show(self, render_lib: Any = None, widget_settings: Any = None) -> Any:
        """Show it."""
        from parallelrun.azureml.pipeline.core.run import StepRun
        from parallelrun.client.widget import RunDetails as OurDetails

        whole = self._run._run if isinstance(self._run, StepRun) else self._run
        own = self._run._ours.run if whole is not self._run and whole._ours.steps else None
        return OurDetails(own or whole._ours).show()

    @azure()
    def get_widget_data(self, widget_settings: Any = None) -> dict[str, Any]:
        """What is known of the run."""
        return dict(self._run.get_details())
