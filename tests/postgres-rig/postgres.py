"""A streaming pair on n1 and n2, as Debian ships PostgreSQL: a primary and its replica, trusted connections inside the
rig's own network. Each server's data is a copy of one that was made once."""
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from net import ADDRESS, sh

ACCOUNT = pwd.getpwnam("postgres")
PORT = 5432
SETTINGS = """
listen_addresses = '*'
port = 5432
unix_socket_directories = '{socket}'
wal_level = replica
hot_standby = on
wal_log_hints = on
max_wal_senders = 10
max_replication_slots = 10
wal_keep_size = 256MB
wal_retrieve_retry_interval = 200ms
wal_receiver_timeout = 2s
wal_sender_timeout = 2s
tcp_user_timeout = 1000
shared_buffers = 32MB
logging_collector = off
ssl = on
"""
# The agents prove who they are; what the rig itself does, and replication, is trusted inside its own network.
ACCESS = """
local all all trust
hostssl all quorate 10.211.0.0/24 scram-sha-256
host all all 127.0.0.1/32 trust
host all all 10.211.0.0/24 trust
host replication all 10.211.0.0/24 trust
"""
PASSWORD = "only for this run"


def programs():
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    if not found:
        raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
    return found[-1]


def give(path):
    shutil.chown(path, ACCOUNT.pw_uid, ACCOUNT.pw_gid)


def as_postgres(command):
    return ["setpriv", f"--reuid={ACCOUNT.pw_uid}", f"--regid={ACCOUNT.pw_gid}", "--clear-groups", *command]


def initdb(home):
    """A cluster that has never run, with the rig's table still to come."""
    data = home / "template"
    sh(*as_postgres([str(programs() / "initdb"), "-U", "postgres", "--auth=trust", "--no-sync", "-D", str(data)]))
    (data / "pg_hba.conf").write_text(ACCESS)
    certificates(home, data)
    return data


def certificates(home, data):
    """An authority, and one certificate for both servers."""
    names = ",".join(f"IP:{address}" for address in ADDRESS.values())
    (home / "names").write_text(f"subjectAltName={names}\n")
    authority, request = home / "authority.pem", home / "server.csr"
    new = ("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    sh(*new, "-x509", "-days", "2", "-subj", "/CN=the rig", "-keyout", str(home / "authority.key"), "-out", str(authority))
    sh(*new, "-subj", "/CN=pair", "-keyout", str(data / "server.key"), "-out", str(request))
    sh("openssl", "x509", "-req", "-days", "2", "-in", str(request), "-CA", str(authority), "-CAkey",
       str(home / "authority.key"), "-CAcreateserial", "-extfile", str(home / "names"), "-out", str(data / "server.crt"))
    (data / "server.key").chmod(0o600)
    give(data / "server.key")
    give(data / "server.crt")


def configure(data, socket, extra=""):
    (data / "postgresql.conf").write_text(SETTINGS.format(socket=socket) + extra)


def conninfo(host, name):
    return f"host={ADDRESS[host]} port={PORT} user=postgres application_name={name}"


class Pair:
    """Data directories of both, with the table on the primary and the replica streaming once. Nothing runs afterwards."""

    def __init__(self, home, net, synchronous):
        self.home, self.net = home, net
        self.data = {host: home / host for host in ("n1", "n2")}
        self.socket = {host: home / f"s-{host}" for host in ("n1", "n2")}
        self.synchronous = synchronous
        for socket in self.socket.values():
            socket.mkdir()
            give(socket)
        initdb(home).rename(self.data["n1"])
        extra = "synchronous_standby_names = 'n2'\n" if synchronous else ""
        configure(self.data["n1"], self.socket["n1"], extra)
        # The first table is written before anybody could confirm it.
        self.control("n1", "start", "-o", "-c synchronous_standby_names=''")
        self.query("n1", "create table rig (writer text, n bigint, primary key (writer, n))")
        self.query("n1", f"create role quorate login password '{PASSWORD}'")
        self.query("n1", "grant pg_monitor to quorate")
        self.query("n1", "grant execute on function pg_promote(boolean, integer) to quorate")
        self.query("n1", "select pg_create_physical_replication_slot('n2')")
        basebackup = [str(programs() / "pg_basebackup"), "-D", str(self.data["n2"]), "-X", "stream", "--no-sync",
                      "-c", "fast", "-d", conninfo("n1", "n2"), "-S", "n2", "-R"]
        sh(*net.inside("n2"), *as_postgres(basebackup))
        # n2 waits for nobody when it has taken over: there is nobody left who could confirm.
        configure(self.data["n2"], self.socket["n2"])
        self.control("n1", "stop", "-m", "fast")

    def control(self, host, *arguments):
        command = [str(programs() / "pg_ctl"), "-D", str(self.data[host]), "-w", "-t", "30", "-l",
                   str(self.home / f"{host}.log"), *arguments]
        sh(*self.net.inside(host), *as_postgres(command))

    def query(self, host, text):
        command = [str(programs() / "psql"), "-h", str(self.socket[host]), "-U", "postgres", "-Atqc", text]
        return sh(*self.net.inside(host), *command).strip()

    def try_query(self, host, text):
        try:
            return self.query(host, text)
        except RuntimeError:
            return None


def until(what, met, seconds):
    """Waits until something holds; a limit, because a rig that waits for ever shows nothing."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if met():
            return
        time.sleep(0.05)
    raise RuntimeError(f"not within {seconds} s: {what}")
