"""A study that takes a little time and no thought: it writes down every measurement that ran to its end."""

import os
import signal
import time

from hardzero.studies import Context, Metrics, Settings, Study
from hardzero.studies.core.tables import Measure, Table, comparison


class Naps(Study):
    name = "naps"
    title = "Naps"
    claim = "Squares are squares."
    seeds = {"quick": 2, "full": 3}  # noqa: RUF012

    def grid(self, scale: str, data: str | None) -> list[Settings]:
        return [{"number": number} for number in range(int(os.environ.get("NAPS", "12")))]

    def measure(self, settings: Settings, context: Context) -> Metrics:
        time.sleep(0.02 * (1 + settings["number"] % 3))
        if settings["number"] == int(os.environ.get("NAPS_FAILS_AT", "-1")):
            raise RuntimeError("this nap was cut short")
        if settings["number"] == int(os.environ.get("NAPS_DIES_AT", "-1")):
            os.kill(os.getpid(), 9)
        if settings["number"] == int(os.environ.get("NAPS_INTERRUPTS_AT", "-1")):
            os.kill(os.getppid(), signal.SIGINT)
            time.sleep(30)
        if "NAPS_LOG" in os.environ:
            descriptor = os.open(os.environ["NAPS_LOG"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
            os.write(descriptor, f"{settings['number']} {context.seed}\n".encode())
            os.close(descriptor)
        square = settings["number"] ** 2 + 0.001 * context.seed
        return {"square": square, "threads": context.n_jobs, "process": os.getpid()}

    def tables(self, runs):
        measures = [Measure("square", "square", 3, "lowest"), Measure("threads", "threads", 0)]
        paper = {(3,): {"square": "9"}}
        tables: list[Table] = [comparison(runs, "Squares", {"number": "number"}, measures, paper)]
        return tables
