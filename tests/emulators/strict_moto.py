"""Starts moto, made strict: the second of the two emulators that Quorate's AWS contract is held against.

    strict_moto.py [--port PORT] [--database-ms N] [--backup-ms N] [--task-ms N] [--health-ms N] [--change-ms N]
                   [--idle-s N]

moto (https://github.com/getmoto/moto) emulates AWS for tests that look at shapes. A failover agent lives by what it
leaves out: that states take time, that a batch is all or nothing, that a second promotion is refused. The modules in
strict/ put that back. They encode our reading of AWS's documentation, which is why the same assertions can also be run
against a real account (QUORATE_LIVE_AWS=1, see agent/aws/tests/contract/). What is patched, and what for:

  route53_batch   a batch is validated against the zone as it is and committed once: DELETE repeats every value, CREATE
                  does not overwrite, aliases and set identifiers count, simple and routed sets do not mix, quotas hold
  route53         each change has its own id, is PENDING for a while and then INSYNC; NoSuchChange; lists by identifier
  route53_health  health checks: CallerReference, calculated checks, what cannot be checked is refused
  rds             instances pass through creating, backing-up, modifying, rebooting, renaming, stopping; promotion
                  clears the source; InvalidDBInstanceState, DBInstanceNotFound, DBInstanceAlreadyExists; events
  aurora          failover (AllowDataLoss) and switchover of a global cluster; a list that can be asked for one
  ecs             tasks start and stop one by one; deployments, events and load balancer targets follow
  scaling         the scaling range is checked, and moves the service
  cloudwatch      Smithy RPC v2 CBOR for the Rust SDK; namespaces kept apart; PutMetricData into AWS/RDS sets ReplicaLag
  sts             a role must exist and its external id must match

Not modelled: throttling and PriorRequestNotComplete (the fault proxy's business), IAM permissions, running health
checks, TestDNSAnswer, reserved metric namespaces, RemoveFromGlobalCluster, encryption and quotas of RDS.

The patches reach into private names, so any other moto than the pinned one is refused. The server listens on loopback
only, prints one line `ready http://127.0.0.1:PORT`, and ends when its standard input does: whoever started it is gone
then, and a test that is killed leaves nothing behind. With --idle-s it ends instead when nobody has asked anything for
so long: that is for several processes that share it.
"""

import argparse
import dataclasses
import importlib.metadata
import os
import sys
import threading
import time

MOTO_VERSION = "5.2.5"


def check_version():
    found = importlib.metadata.version("moto")
    if found != MOTO_VERSION:
        sys.exit(
            f"strict moto: the patches are for moto {MOTO_VERSION}, this is {found}; see tests/emulators/requirements.in"
        )


def options():
    from strict.patch import TIMING

    parser = argparse.ArgumentParser(description="moto with AWS's failover semantics, on loopback")
    parser.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    parser.add_argument(
        "--idle-s", type=int, help="end when nothing was asked for so long, not with standard input"
    )
    for field in dataclasses.fields(TIMING):
        parser.add_argument("--" + field.name.replace("_", "-"), type=int, default=field.default)
    chosen = parser.parse_args()
    for field in dataclasses.fields(TIMING):
        setattr(TIMING, field.name, getattr(chosen, field.name))
    return chosen


def end_with_the_parent():
    """Waits for the end of standard input, then ends without asking: there is nothing to save."""
    while sys.stdin.buffer.read(1024):
        pass
    os._exit(0)


def end_when_idle(seconds, last_asked):
    """As above, for a server that belongs to no single process."""
    while time.monotonic() - last_asked[0] < seconds:
        time.sleep(1)
    os._exit(0)


def main():
    check_version()
    chosen = options()
    # Each import puts its patches in place.
    from strict import aurora, cloudwatch, ecs, rds, route53, route53_health, scaling, sts, templates  # noqa: F401
    from strict.patch import WORLD
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    last_asked = [time.monotonic()]

    class Silent(MotoRequestHandler):
        """A line for each of thousands of requests would bury a test's own output."""

        def log_request(self, *_):
            last_asked[0] = time.monotonic()

    moto = DomainDispatcherApplication(create_backend_app)

    def application(environ, start_response):
        """One request at a time: moto's own reads walk over tables that another request changes."""
        with WORLD:
            return list(moto(environ, start_response))

    server = make_server("127.0.0.1", chosen.port, application, threaded=True, request_handler=Silent)
    watch = (end_when_idle, (chosen.idle_s, last_asked)) if chosen.idle_s else (end_with_the_parent, ())
    threading.Thread(target=watch[0], args=watch[1], daemon=True).start()
    print(f"ready http://127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
