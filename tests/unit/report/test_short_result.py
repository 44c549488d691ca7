"""What of a job's result travels in its state."""

from __future__ import annotations

import json
from pathlib import Path

from written_job import failed, write_job

from parallelrun.api.models.status import FirstError
from parallelrun.api.settings import InputSettings, JobSettings
from parallelrun.leases import header as headers
from parallelrun_agent.output.winners import Winners
from parallelrun_agent.report.failures import failure_payload
from parallelrun_agent.report.job_result import describe, short_form


def test_first_errors_are_short_and_as_status_has_them(tmp_path: Path) -> None:
    traceback = "Traceback (most recent call last):\n" + '  File "score.py"\n' * 500 + "ValueError: no digit"
    payload = failure_payload("raised", traceback, [f"images/{n}.png" for n in range(50)], 3)
    write_job(tmp_path, {"2-pod-x-agent-0": [failed(k, payload, try_number=3, items=10) for k in range(20)]})
    settings = JobSettings("job", "uid", "score.py", [InputSettings("i", "File", ["/data"], "/data")])
    winners = Winners.build(tmp_path, 20)
    try:
        header = headers.new("uid", 1, "", "")
        short = short_form(describe(tmp_path, settings, header, winners, None, 0.0, 1.0))
    finally:
        winners.close()
    assert len(json.dumps(short)) < 8192
    assert len(short["firstErrors"]) == 10
    for error in short["firstErrors"]:
        FirstError.model_validate(error, by_alias=True, by_name=False)
    assert short["firstErrors"][0]["files"] == ["images/0.png"]
    assert short["firstErrors"][0]["message"].endswith("ValueError: no digit")
