"""How a patch is put on moto, and the two things that all patches share: one lock and one way to let time pass.

A patch names what it expects to find, so that a moto whose insides moved fails at the start instead of being left
quietly permissive. Nothing here knows any AWS service.
"""

import dataclasses
import threading


@dataclasses.dataclass
class Timing:
    """How long AWS takes, in milliseconds. AWS takes minutes; the order of events is the same."""

    # Each state that an instance or a global cluster passes through (`modifying`, `rebooting`, `creating`, ...).
    database_ms: int = 400
    # How long an instance shows `backing-up` while a snapshot is taken of it.
    backup_ms: int = 1_500
    # From an order to the first task that starts or stops, and between two tasks.
    task_ms: int = 60
    # How long a new target shows `initial`.
    health_ms: int = 150
    # How long a Route 53 change is PENDING.
    change_ms: int = 300


TIMING = Timing()

# Every patched operation validates and commits under this one lock. AWS serialises by zone, instance or service; one
# lock for all is stricter than that and never looser, and the load of a test does not notice.
WORLD = threading.RLock()


def replace(owner, name):
    """Decorator: puts a function in place of `owner.name`, which must exist."""
    if not hasattr(owner, name):
        raise SystemExit(
            f"strict moto: {owner.__name__}.{name} is gone from this moto: the patch must be redone"
        )
    return lambda function: setattr(owner, name, function) or function


def add(owner, name):
    """Decorator: gives `owner` an operation that it must not have yet."""
    if hasattr(owner, name):
        raise SystemExit(
            f"strict moto: this moto has {owner.__name__}.{name} of its own: compare and drop the patch"
        )
    return lambda function: setattr(owner, name, function) or function


def later(milliseconds, action):
    """Does `action` under the lock after a while, on a thread that does not keep the process alive."""

    def locked():
        with WORLD:
            action()

    if milliseconds <= 0:
        locked()
        return
    timer = threading.Timer(milliseconds / 1000, locked)
    timer.daemon = True
    timer.start()
