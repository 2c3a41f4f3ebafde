"""One writer: inserts a row every 20 ms into the server it is told, each with a deadline of 300 ms, and notes every row
that was acknowledged, with the moment of the acknowledgement. It stops when its standard input ends.

    writer.py NAME HOST PORT
"""
import asyncio
import sys
import time

import psycopg

EVERY = 0.020
# The issue of a row and its acknowledgement together.
DEADLINE = 0.300


async def connect(host, port):
    return await asyncio.wait_for(
        psycopg.AsyncConnection.connect(
            host=host, port=port, user="postgres", dbname="postgres", sslmode="disable", autocommit=True, connect_timeout=2
        ),
        DEADLINE,
    )


async def write(name, host, port):
    connection, number = None, 0
    due = time.monotonic()
    while True:
        due += EVERY
        number += 1
        try:
            if connection is None:
                connection = await connect(host, port)
            insert = connection.execute("insert into rig (writer, n) values (%s, %s)", (name, number), prepare=True)
            await asyncio.wait_for(insert, DEADLINE)
            print(f"{time.monotonic_ns()} {number}", flush=True)
        except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.UndefinedTable):
            pass
        except Exception:
            # Whatever else it is: a row without an acknowledgement, and a connection that is not trusted any more.
            if connection is not None:
                connection._close() if hasattr(connection, "_close") else None
                connection.pgconn.finish()
            connection = None
        now = time.monotonic()
        if due < now:
            due = now
        await asyncio.sleep(due - now)


async def main():
    name, host, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    writing = asyncio.create_task(write(name, host, port))
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, sys.stdin.read)
    writing.cancel()


asyncio.run(main())
