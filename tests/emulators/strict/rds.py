"""RDS instances: states that take time, and the refusals that depend on them.

moto makes everything `available` at once, never clears the source of a promoted replica, promotes what is no replica,
answers a promotion of nothing with a page of HTML (status 500, which the SDK retries), stops instances that have
replicas, and renames over existing ones. A verify loop that is right can never end on it, and one that is wrong does.
Rules: the API pages of the operations, and USER_ReadRepl, USER_StopInstance, USER_PIT, USER_RenameInstance.
"""

import copy
import datetime

from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.moto_api._internal import mock_random
from moto.rds import models, responses
from moto.rds.exceptions import DBInstanceAlreadyExists, DBInstanceNotFoundError, RDSClientError

from .patch import TIMING, WORLD, later, replace

Backend = models.RDSBackend
# DescribeEvents without times looks back this far, in minutes.
EVENTS_MINUTES = 60
# What ModifyDBInstance leaves for the maintenance window unless it is to be applied at once, by its reply field.
WAITS_FOR_WINDOW = {
    "new_db_instance_identifier": "DBInstanceIdentifier",
    "multi_az": "MultiAZ",
    "db_instance_class": "DBInstanceClass",
    "engine_version": "EngineVersion",
}

for kind, category, message in (
    ("SHUTDOWN", "availability", "DB instance shutdown"),
    ("RESTARTED", "availability", "DB instance restarted"),
    ("STOPPED", "notification", "DB instance stopped"),
    ("STARTED", "notification", "DB instance started"),
    ("PROMOTED", "read replica", "Promoted DB read replica to stand-alone DB instance"),
    ("RESTORED", "recovery", "Restored from DB instance by point-in-time-restore"),
):
    models.Event.EVENT_MAP["DB_INSTANCE_" + kind] = {"Categories": [category], "Message": message}


def instance(backend, identifier):
    if identifier not in backend.databases:
        raise DBInstanceNotFoundError(identifier)
    return backend.databases[identifier]


def wrong_state(message):
    return RDSClientError("InvalidDBInstanceState", message)


def in_state(database, *allowed):
    if database.status not in allowed:
        raise wrong_state(
            f"Instance {database.db_instance_identifier} is not in {allowed[0]} state: {database.status}"
        )


def pass_through(database, states, arrive=lambda: None, end="available", last_ms=None):
    """Shows each state for the set time, the last one for `last_ms` if that is given; then `arrive` happens and the instance is in its end state, together.

    A later journey of the same instance replaces an earlier one, whose timer then finds that it is not meant.
    """
    database.journey = journey = object()
    database.status, rest = states[0], states[1:]

    def then():
        if database.journey is not journey:
            return
        if rest:
            pass_through(database, rest, arrive, end, last_ms)
        else:
            arrive()
            database.status = end

    later(last_ms if last_ms is not None and not rest else TIMING.database_ms, then)


def default_group(backend):
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    return ec2.get_default_security_group(ec2.default_vpc.id).id


def check_groups(backend, groups):
    ec2 = ec2_backends[backend.account_id][backend.region_name]
    known = {group.id for group in ec2.describe_security_groups()}
    for group in groups or []:
        if group not in known:
            raise RDSClientError(
                "InvalidParameterValue", f"Invalid security group , groupId= {group}, groupName=."
            )


def name_seen_from(database, region):
    """An instance is shown by its name within its region and by its ARN outside."""
    return database.db_instance_identifier if database.region == region else database.db_instance_arn


def replicas_of(database):
    """The replicas themselves, wherever they are: moto keeps only their names."""
    for name in database.replicas:
        try:
            yield database.backend.find_db_from_id(name)
        except DBInstanceNotFoundError:
            continue


_create_db_instance = Backend.create_db_instance


@replace(Backend, "create_db_instance")
def create_db_instance(self, db_kwargs):
    with WORLD:
        made = _create_db_instance(self, db_kwargs)
        # moto gives all instances one resource id.
        made.dbi_resource_id = "db-" + mock_random.get_random_string(length=26, lower_case=True).upper()
        made.pending_modified_values = {}
        pass_through(made, ["creating"])
        return made


@replace(Backend, "promote_read_replica")
def promote_read_replica(self, db_kwargs):
    with WORLD:
        replica = instance(self, db_kwargs["db_instance_identifier"])
        if not replica.is_replica:
            raise wrong_state("DB Instance is not a read replica.")
        in_state(replica, "available")
        source_name = replica.source_db_instance_identifier

        def detach():
            replica.is_replica, replica.source_db_instance_identifier = False, None
            replica.backup_retention_period = int(db_kwargs.get("backup_retention_period", 1))
            if db_kwargs.get("preferred_backup_window"):
                replica.preferred_backup_window = db_kwargs["preferred_backup_window"]
            replica.add_event("DB_INSTANCE_PROMOTED")
            try:
                source = self.find_db_from_id(source_name)
            except DBInstanceNotFoundError:
                return
            gone = name_seen_from(replica, source.region)
            source.replicas = [name for name in source.replicas if name != gone]

        pass_through(replica, ["modifying", "rebooting"], detach)
        return replica


@replace(Backend, "create_db_instance_read_replica")
def create_db_instance_read_replica(self, db_kwargs):
    with WORLD:
        identifier = db_kwargs["db_instance_identifier"]
        self._validate_db_identifier(identifier)
        if identifier in self.databases:
            raise DBInstanceAlreadyExists()
        source = self.find_db_from_id(db_kwargs["source_db_instance_identifier"])
        in_state(source, "available")
        if not source.backup_retention_period:
            raise wrong_state(
                "Automated backups are not enabled for this database instance. To enable automated "
                "backups, use ModifyDBInstance to set the backup retention period to a non-zero value."
            )
        check_groups(self, db_kwargs.get("vpc_security_group_ids"))
        replica = copy.copy(source)
        # A copy shares moto's lists with its source; and it is a new instance, with its own id, groups and age.
        replica.backend, replica.created = self, utcnow()
        replica.instance_create_time = replica.created
        replica.tags, replica.db_security_groups = [], []
        replica.vpc_security_group_ids = [default_group(self)]
        replica.dbi_resource_id = "db-" + mock_random.get_random_string(length=26, lower_case=True).upper()
        replica.pending_modified_values = {}
        replica.multi_az, replica.backup_retention_period = False, 0
        replica.update(**db_kwargs)
        replica.set_as_replica()
        replica.source_db_instance_identifier = name_seen_from(source, self.region_name)
        self.databases[identifier] = replica
        source.add_replica(replica)
        replica.add_event("DB_INSTANCE_CREATE")
        pass_through(replica, ["creating"])
        return replica


_restore = Backend.restore_db_instance_to_point_in_time


@replace(Backend, "restore_db_instance_to_point_in_time")
def restore_db_instance_to_point_in_time(self, source_db_identifier, target_db_identifier, overrides):
    with WORLD:
        source = instance(self, source_db_identifier)
        if target_db_identifier in self.databases:
            raise DBInstanceAlreadyExists()
        if bool(overrides.get("use_latest_restorable_time")) == bool(overrides.get("restore_time")):
            raise RDSClientError(
                "InvalidParameterCombination",
                "Specify either RestoreTime or UseLatestRestorableTime, and not both.",
            )
        if not source.backup_retention_period:
            raise RDSClientError(
                "PointInTimeRestoreNotEnabled",
                f"Point in time restore is not enabled for instance {source_db_identifier}",
            )
        check_groups(self, overrides.get("vpc_security_group_ids"))
        # The engine's default option group is there without having been made; moto knows only those that were.
        if str(overrides.get("option_group_name") or "").startswith("default:"):
            overrides = {name: overrides[name] for name in overrides if name != "option_group_name"}
        made = _restore(self, source_db_identifier, target_db_identifier, overrides)
        # The original hands on everything the source has; AWS makes a stand-alone instance in the default group.
        made.is_replica, made.replicas, made.source_db_instance_identifier = False, [], None
        made.vpc_security_group_ids = list(overrides.get("vpc_security_group_ids") or [default_group(self)])
        made.multi_az = bool(overrides.get("multi_az"))
        made.tags = overrides.get("tags")
        made.add_event("DB_INSTANCE_RESTORED")
        pass_through(made, ["creating", "backing-up"])
        return made


_modify_db_instance = Backend.modify_db_instance


@replace(Backend, "modify_db_instance")
def modify_db_instance(self, db_instance_identifier, db_kwargs):
    with WORLD:
        database = instance(self, db_instance_identifier)
        in_state(database, "available", "stopped")
        new_name = db_kwargs.get("new_db_instance_identifier")
        if new_name and new_name in self.databases:
            raise DBInstanceAlreadyExists()
        if new_name:
            self._validate_db_identifier(new_name)
        check_groups(self, db_kwargs.get("vpc_security_group_ids"))
        now = str(db_kwargs.get("apply_immediately", False)).lower() == "true"
        # XFormedDict is case-blind: plain snake-case keys are what moto's own update expects.
        wanted = {name: db_kwargs[name] for name in db_kwargs if name not in ("apply_immediately",)}
        wanted.pop("new_db_instance_identifier", None)
        if not now:
            waiting = {name: db_kwargs[name] for name in WAITS_FOR_WINDOW if name in db_kwargs}
            wanted = {name: value for name, value in wanted.items() if name not in waiting}
            pending = {WAITS_FOR_WINDOW[name]: value for name, value in waiting.items()}
            database.pending_modified_values = {**database.pending_modified_values, **pending}
            new_name = None
        wanted["db_instance_identifier"] = db_instance_identifier
        end = database.status
        _modify_db_instance(self, db_instance_identifier, wanted)
        if new_name:
            pass_through(database, ["renaming"], lambda: rename(self, database, new_name), end)
        elif set(wanted) - {"db_instance_identifier", "vpc_security_group_ids", "tags"}:
            pass_through(database, ["modifying"], end=end)
        return database


def rename(backend, database, new_name):
    """From one moment to the next only the new name exists, and both ends of each replication know it."""
    old, replicas = database.db_instance_identifier, list(replicas_of(database))
    sources = [
        name_seen_from(database, region.region_name)
        for region in models.rds_backends[backend.account_id].values()
    ]
    del backend.databases[old]
    database.db_instance_identifier = new_name
    backend.databases[new_name] = database
    for replica in replicas:
        replica.source_db_instance_identifier = name_seen_from(database, replica.region)
    if database.is_replica:
        source = backend.find_db_from_id(database.source_db_instance_identifier)
        kept = [name for name in source.replicas if name not in sources]
        source.replicas = [*kept, name_seen_from(database, source.region)]


@replace(Backend, "reboot_db_instance")
def reboot_db_instance(self, db_instance_identifier):
    with WORLD:
        database = instance(self, db_instance_identifier)
        in_state(database, "available")
        database.add_event("DB_INSTANCE_SHUTDOWN")
        pass_through(database, ["rebooting"], lambda: database.add_event("DB_INSTANCE_RESTARTED"))
        return database


@replace(Backend, "stop_db_instance")
def stop_db_instance(self, db_instance_identifier, db_snapshot_identifier=None):
    with WORLD:
        database = instance(self, db_instance_identifier)
        if database.is_replica or database.replicas:
            raise wrong_state(f"Cannot stop instance {db_instance_identifier}: it has or is a read replica.")
        in_state(database, "available")
        if db_snapshot_identifier:
            self.create_db_snapshot(db_instance_identifier, db_snapshot_identifier)
        pass_through(database, ["stopping"], lambda: database.add_event("DB_INSTANCE_STOPPED"), "stopped")
        return database


@replace(Backend, "start_db_instance")
def start_db_instance(self, db_instance_identifier):
    with WORLD:
        database = instance(self, db_instance_identifier)
        in_state(database, "stopped")
        pass_through(database, ["starting"], lambda: database.add_event("DB_INSTANCE_STARTED"))
        return database


_create_db_snapshot = responses.RDSResponse.create_db_snapshot


@replace(responses.RDSResponse, "create_db_snapshot")
def create_db_snapshot(self):
    """A snapshot keeps its instance `backing-up`, when it can be neither promoted nor changed."""
    with WORLD:
        database = instance(self.backend, self.params["DBInstanceIdentifier"])
        in_state(database, "available")
        reply = _create_db_snapshot(self)
        pass_through(database, ["backing-up"], last_ms=TIMING.backup_ms)
        return reply


_describe_events = Backend.describe_events


@replace(Backend, "describe_events")
def describe_events(self, source_identifier=None, source_type=None, **asked):
    """moto gives all events that ever were; AWS those of the last hour, or of the time asked for."""
    until = asked.get("end_time") or utcnow()
    back = datetime.timedelta(minutes=int(asked.get("duration") or EVENTS_MINUTES))
    since = asked.get("start_time") or until - back
    events = _describe_events(self, source_identifier, source_type)
    return [event for event in events if bare(since) <= bare(event.date) <= bare(until)]


def bare(moment):
    """moto mixes moments with and without a zone; all are UTC."""
    return moment.replace(tzinfo=None)


_for_tagging = Backend._get_resource_for_tagging


@replace(Backend, "_get_resource_for_tagging")
def get_resource_for_tagging(self, arn):
    found = _for_tagging(self, arn)
    if found is None:
        raise DBInstanceNotFoundError(arn)
    return found
