"""What a user's program looks like to mypy --strict; it is checked, never run."""

from pathlib import Path

import parallelrun as pr

batch = pr.Parameter("batch", 5)
job = pr.Job(
    "mnist",
    source=Path("code"),
    entry_script="score.py",
    inputs=[pr.Files("images/*.png"), pr.Tables("a.csv"), {"name": "more", "dataset": "mnist"}],
    mini_batch_size=batch,
    process_count_per_node=2,
    environment={"pip": ["pillow"]},
)
run: pr.Run = job.run_local(wait=False).wait(timeout=60)
progress: pr.Progress = run.progress()
left: float | None = progress.time_left
rows: int = len(run.results(sep=":", names=["file", "digit"]))
texts: list[str] = [failure.traceback for failure in run.failures()]
again: pr.Run = run.rerun_failed(wait=False)
score = pr.Step("score", job)
show = pr.ScriptStep("show", source="show", entry_script="show.py", side_inputs={"scores": score.file})
pipeline = pr.Pipeline("digits", parameters=[batch], steps=[score, show])
manifest: str = pipeline.to_yaml()

job.run_local(wait="yes")  # type: ignore[arg-type]
pr.Job("mnist", source="code")  # type: ignore[call-arg]
run.folder.upper()  # type: ignore[attr-defined]
