"""The mistakes of whoever sends work elsewhere."""


class ClusterError(ValueError):
    """Work that cannot be sent, done or fetched; one line that says where and why."""
