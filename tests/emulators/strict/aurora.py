"""Aurora global databases: failover and switchover, which moto does not have, and a list that can be asked for one.

moto answers both with a page of HTML. It keeps global clusters in us-east-1 and shows them from every region; AWS does
too. Rules: API_FailoverGlobalCluster, API_SwitchoverGlobalCluster and aurora-global-database-disaster-recovery.
"""

from moto.core.responses import ActionResult
from moto.rds import models, responses
from moto.rds.exceptions import RDSClientError

from .patch import TIMING, WORLD, add, later, replace

Response = responses.RDSResponse


def global_cluster(backend, identifier):
    found = backend.global_clusters.get(identifier)
    if found is None:
        raise RDSClientError("GlobalClusterNotFoundFault", f"Global cluster {identifier} not found")
    return found


@replace(Response, "describe_global_clusters")
def describe_global_clusters(self):
    identifier = self.params.get("GlobalClusterIdentifier")
    with WORLD:
        if identifier:
            return ActionResult({"GlobalClusters": [global_cluster(self.global_backend, identifier)]})
        return ActionResult({"GlobalClusters": list(self.global_backend.global_clusters.values())})


_create_global_cluster = models.RDSBackend.create_global_cluster


@replace(models.RDSBackend, "create_global_cluster")
def create_global_cluster(self, global_cluster_identifier, **fields):
    if global_cluster_identifier in self.global_clusters:
        raise RDSClientError(
            "GlobalClusterAlreadyExistsFault", f"Global cluster {global_cluster_identifier} already exists"
        )
    return _create_global_cluster(self, global_cluster_identifier, **fields)


def move_writer(self, lossy):
    """Both ways of moving the writer. A lossy one does not ask how the present writer is."""
    parameters = self.params
    found = global_cluster(self.global_backend, parameters["GlobalClusterIdentifier"])
    wanted = parameters["TargetDbClusterIdentifier"]
    target = next((member for member in found.members if member.db_cluster_arn == wanted), None)
    if target is None:
        raise RDSClientError(
            "DBClusterNotFoundFault", f"DBCluster {wanted} not found in {found.global_cluster_identifier}"
        )
    if found.status != "available":
        raise RDSClientError("InvalidGlobalClusterStateFault", f"Global cluster is in state {found.status}")
    writer = next((member for member in found.members if member.is_writer), None)
    if target is writer:
        raise RDSClientError("InvalidDBClusterStateFault", f"{wanted} is the primary cluster already")
    if not lossy and (writer is None or writer.status != "available"):
        raise RDSClientError(
            "InvalidDBClusterStateFault", "A switchover needs a primary cluster that is available"
        )
    if target.status != "available":
        raise RDSClientError("InvalidDBClusterStateFault", f"{wanted} is in state {target.status}")
    found.status = "failing-over" if lossy else "switching-over"
    found.failover_state = {
        "Status": found.status,
        "FromDbClusterArn": writer.db_cluster_arn if writer else None,
        "ToDbClusterArn": wanted,
        "IsDataLossAllowed": lossy,
    }

    def arrive():
        for member in found.members:
            member.is_writer = member is target
        found.status, found.failover_state = "available", None

    later(TIMING.database_ms, arrive)
    return ActionResult({"GlobalCluster": found})


def asked_for(parameters, name):
    return str(parameters.get(name, False)).lower() == "true"


@add(Response, "failover_global_cluster")
def failover_global_cluster(self):
    with WORLD:
        lossy, switch = asked_for(self.params, "AllowDataLoss"), asked_for(self.params, "Switchover")
        if lossy and switch:
            raise RDSClientError(
                "InvalidParameterCombination", "AllowDataLoss and Switchover cannot be specified together."
            )
        # Neither means a switchover: the trap that Quorate avoids by always setting one.
        return move_writer(self, lossy)


@add(Response, "switchover_global_cluster")
def switchover_global_cluster(self):
    with WORLD:
        return move_writer(self, False)
