"""The command ``parallelrun-operator``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence

from parallelrun.api.errors import ParallelRunError
from parallelrun.kube.client import Kube
from parallelrun_operator import flags, logs
from parallelrun_operator.config import Config
from parallelrun_operator.leader import LeadershipLost

log = logging.getLogger("parallelrun_operator")

FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one replica until it is told to end (status 0), or until it has to be started again (1)."""
    config = flags.parse(sys.argv[1:] if arguments is None else arguments)
    logs.set_up(config.log_level, config.log_format)
    try:
        asyncio.run(_run(config))
    except ParallelRunError as error:
        log.error("the operator cannot start: %s", error)
        return FAILED
    except BaseExceptionGroup as group:
        for cause in _leaves(group):
            known = isinstance(cause, (ParallelRunError, LeadershipLost))
            log.error("the operator ends: %s", cause, exc_info=None if known else cause)
        return FAILED
    return 0


async def _run(config: Config) -> None:
    from parallelrun_operator.job.decide import decide
    from parallelrun_operator.job.needs import needs
    from parallelrun_operator.replica import Replica

    async with await _connect(config) as kube:
        running = asyncio.ensure_future(Replica(kube, config, decide, needs).run())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, running.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def _connect(config: Config) -> Kube:
    if "KUBERNETES_SERVICE_HOST" in os.environ and not config.kubeconfig:
        return await Kube.in_cluster()
    return await Kube.from_kubeconfig(config.kubeconfig or None, config.context or None)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return [
        leaf for one in group.exceptions for leaf in (_leaves(one) if isinstance(one, BaseExceptionGroup) else [one])
    ]


if __name__ == "__main__":
    sys.exit(main())
