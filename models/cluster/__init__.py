"""Work for more than one process: units that can be done anywhere, here or on Ray's machines."""

from models.cluster.errors import ClusterError
from models.cluster.unit import Executor, File, Outcome, Program, Task, Unit

__all__ = ["ClusterError", "Executor", "File", "Outcome", "Program", "Task", "Unit"]
