"""Tasks run in this process, side by side in several, or on the machines of a cluster.

Written against `concurrent.futures`: a pool of processes here (`processes`), or the interface of
the same name that Dask offers (`cluster`, and `remote`, which is what its workers do). A task is
the same wherever it runs, and so is what it leaves.
"""

from fer_pipeline.workers.running import run_tasks
from fer_pipeline.workers.tasks import Crew, Footing, Outcome, Progress, available_cores

__all__ = ["Crew", "Footing", "Outcome", "Progress", "available_cores", "run_tasks"]
