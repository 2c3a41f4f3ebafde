"""Three hosts as network namespaces on one bridge, with no way out of the machine. What is made here is removed here."""
import os
import subprocess
import time

PREFIX = f"quorate-rig-{os.getpid()}"
HOSTS = ("n1", "n2", "n3")
# A namespace's name on this machine ends with it; addresses are private and lead nowhere.
ADDRESS = {"n1": "10.211.0.1", "n2": "10.211.0.2", "n3": "10.211.0.3"}


def sh(*command, check=True):
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired as late:
        raise RuntimeError(f"{' '.join(command)}: nothing within a minute") from late
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Net:
    """The network of one pair."""

    def __init__(self):
        self.hub = f"{PREFIX}-hub"
        sh("ip", "netns", "add", self.hub)
        hub = ("ip", "netns", "exec", self.hub)
        sh(*hub, "ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        sh(*hub, "ip", "link", "set", "br0", "up")
        for host in HOSTS:
            inside = self.name(host)
            sh("ip", "netns", "add", inside)
            sh("ip", "link", "add", "eth0", "netns", inside, "type", "veth", "peer", "name", host, "netns", self.hub)
            sh(*hub, "ip", "link", "set", host, "master", "br0", "up")
            for command in (
                ("link", "set", "lo", "up"),
                ("addr", "add", f"{ADDRESS[host]}/24", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
            ):
                sh("ip", "netns", "exec", inside, "ip", *command)

    def name(self, host):
        return f"{PREFIX}-{host}"

    def inside(self, host):
        """The beginning of a command that is to run on a host."""
        return ["ip", "netns", "exec", self.name(host)]

    def cut(self, host):
        """Nothing reaches a host, and nothing comes from it; its own processes reach each other."""
        sh("ip", "netns", "exec", self.hub, "ip", "link", "set", host, "down")

    def drop(self, host, packets):
        """What matches no longer reaches a host, for as long as the host is."""
        nft = (*self.inside(host), "nft")
        sh(*nft, "add", "table", "inet", "rig")
        sh(*nft, "add", "chain", "inet", "rig", "input", "{ type filter hook input priority 0 ; }")
        sh(*nft, "add", "rule", "inet", "rig", "input", *packets.split(), "drop")

    def heal(self, host):
        sh("ip", "netns", "exec", self.hub, "ip", "link", "set", host, "up")

    def processes(self, host):
        return [int(pid) for pid in sh("ip", "netns", "pids", self.name(host)).split()]

    def remove(self):
        # Whatever still runs inside was started by this run.
        for host in HOSTS:
            for pid in self.processes(host):
                for signal in (18, 9):
                    try:
                        os.kill(pid, signal)
                    except ProcessLookupError:
                        pass
        time.sleep(0.2)
        for host in (*HOSTS, "hub"):
            sh("ip", "netns", "del", f"{PREFIX}-{host}", check=False)


def possible():
    """Why namespaces cannot be made here, or None."""
    trial = f"{PREFIX}-trial"
    try:
        sh("ip", "netns", "add", trial)
        sh("ip", "netns", "exec", trial, "nft", "add", "table", "inet", "trial")
        return None
    except (RuntimeError, FileNotFoundError) as error:
        return str(error)
    finally:
        subprocess.run(["ip", "netns", "del", trial], capture_output=True)
