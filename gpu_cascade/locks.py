"""One at a time, between processes: the kernel drops a lock with its process, however that ends."""

import fcntl


def try_lock(descriptor: int) -> bool:
    """Lock the open file if nobody else has; whether it is ours now."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
