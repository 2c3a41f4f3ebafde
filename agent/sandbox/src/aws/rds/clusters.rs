//! Aurora's clusters in XML.

use super::super::escape;
use crate::world::aurora::{FailoverState, GlobalCluster, Member};

const ENGINE: &str = "<Engine>aurora-postgresql</Engine><EngineVersion>16.4</EngineVersion>";

/// A list of global clusters.
pub(super) fn globals(found: &[GlobalCluster]) -> String {
    // AWS's own name for an entry of this list is that of a member, too.
    let entry =
        |global: &GlobalCluster| format!("<GlobalClusterMember>{}</GlobalClusterMember>", content(global));
    let entries: String = found.iter().map(entry).collect();
    format!("<GlobalClusters>{entries}</GlobalClusters>")
}

/// One global cluster.
pub(super) fn global(global: &GlobalCluster) -> String {
    format!("<GlobalCluster>{}</GlobalCluster>", content(global))
}

fn content(global: &GlobalCluster) -> String {
    let (identifier, status) = (escape(&global.identifier), global.status());
    let account = crate::world::database::ACCOUNT;
    let readers: String = global
        .members
        .iter()
        .filter(|member| !member.writer)
        .map(|member| format!("<member>{}</member>", escape(&member.arn())))
        .collect();
    let member = |member: &Member| {
        let readers = if member.writer { readers.as_str() } else { "" };
        let forwarding = if member.writer {
            ""
        } else {
            "<GlobalWriteForwardingStatus>disabled</GlobalWriteForwardingStatus>"
        };
        format!(
            "<GlobalClusterMember><DBClusterArn>{}</DBClusterArn><Readers>{readers}</Readers>\
             <IsWriter>{}</IsWriter>{forwarding}\
             <SynchronizationStatus>{}</SynchronizationStatus></GlobalClusterMember>",
            escape(&member.arn()),
            member.writer,
            member.synchronization,
        )
    };
    let members: String = global.members.iter().map(member).collect();
    let failover = global.failover.as_ref().map_or_else(String::new, failover);
    format!(
        "<GlobalClusterIdentifier>{identifier}</GlobalClusterIdentifier>\
         <GlobalClusterResourceId>cluster-{identifier}</GlobalClusterResourceId>\
         <GlobalClusterArn>arn:aws:rds::{account}:global-cluster:{identifier}</GlobalClusterArn>\
         <Status>{status}</Status>{ENGINE}<StorageEncrypted>true</StorageEncrypted>\
         <DeletionProtection>false</DeletionProtection>\
         <GlobalClusterMembers>{members}</GlobalClusterMembers>{failover}"
    )
}

fn failover(state: &FailoverState) -> String {
    format!(
        "<FailoverState><Status>failing-over</Status><FromDbClusterArn>{}</FromDbClusterArn>\
         <ToDbClusterArn>{}</ToDbClusterArn><IsDataLossAllowed>{}</IsDataLossAllowed></FailoverState>",
        escape(&state.from),
        escape(&state.to),
        state.data_loss
    )
}

/// A list of one region's clusters.
pub(super) fn members(found: &[(Member, String)]) -> String {
    let entries: String = found.iter().map(cluster).collect();
    format!("<DBClusters>{entries}</DBClusters>")
}

fn cluster((member, global): &(Member, String)) -> String {
    let (name, region) = (escape(&member.cluster), &member.region);
    let forwarding = if member.writer {
        ""
    } else {
        "<GlobalWriteForwardingRequested>false</GlobalWriteForwardingRequested>"
    };
    format!(
        "<DBCluster><DBClusterIdentifier>{name}</DBClusterIdentifier><Status>{}</Status>{ENGINE}\
         <EngineMode>provisioned</EngineMode><Port>5432</Port><MultiAZ>false</MultiAZ>\
         <StorageEncrypted>true</StorageEncrypted>\
         <Endpoint>{name}.cluster-c1a2b3c4d5e6.{region}.rds.amazonaws.com</Endpoint>\
         <ReaderEndpoint>{name}.cluster-ro-c1a2b3c4d5e6.{region}.rds.amazonaws.com</ReaderEndpoint>\
         <DBClusterMembers><DBClusterMember><DBInstanceIdentifier>{name}-1</DBInstanceIdentifier>\
         <IsClusterWriter>{}</IsClusterWriter>\
         <DBClusterParameterGroupStatus>in-sync</DBClusterParameterGroupStatus>\
         <PromotionTier>1</PromotionTier></DBClusterMember></DBClusterMembers>{forwarding}\
         <DBClusterArn>{}</DBClusterArn>\
         <GlobalClusterIdentifier>{}</GlobalClusterIdentifier></DBCluster>",
        member.status,
        member.writer,
        escape(&member.arn()),
        escape(global),
    )
}
