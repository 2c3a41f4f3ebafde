//! Starting a voter: check the settings, check whose data it is, bootstrap, and set the background going.

use std::collections::BTreeSet;
use std::sync::Arc;

use openraft::errors::{InitializeError, RaftError};
use openraft_rt::AsyncRuntime;
use redb::Database;

use super::rejoin::Settling;
use super::silence::Silence;
use super::{Consensus, Node};
use crate::machine::Machine;
use crate::member::{ClusterDigest, NodeId};
use crate::network::gate::Gate;
use crate::network::{Link, Peers, Transport};
use crate::settings::Settings;
use crate::store::Store;
use crate::store::error::StoreError;
use crate::store::identity::{Identity, IdentityError};
use crate::store::writer::WriterMode;
use crate::timing::TimingError;
use crate::type_config::Raft;

/// Why a voter does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The timings contradict each other.
    #[error("timing: {0}")]
    Timing(#[from] TimingError),
    /// openraft does not accept the settings.
    #[error("settings of cluster {cluster:?}: {detail}")]
    Settings {
        /// The cluster's name.
        cluster: String,
        /// openraft's own words.
        detail: String,
    },
    /// This node is not in its own member list.
    #[error("agent {0} is not in its own member list: add it, or correct the name")]
    NotAMember(NodeId),
    /// Two members have one name (R29).
    #[error("two members are called {0:?}: names must be unique")]
    DuplicateName(String),
    /// The data directory belongs to someone else (F25).
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// openraft stopped while it started.
    #[error("the voter stopped at its start: {0}")]
    Stopped(String),
}

impl<M: Machine, R: AsyncRuntime> Consensus<M, R> {
    /// Starts this node's voter on its database.
    ///
    /// With an empty database it bootstraps the cluster from the member list. Every agent may do so at the
    /// same time; a single member is a cluster of its own. With a used database the settings must be those
    /// the data was written with; only addresses may differ.
    pub async fn start(
        settings: Settings,
        transport: impl Transport<M, R>,
        database: Database,
        mode: WriterMode,
    ) -> Result<Self, StartError> {
        settings.timing.validate()?;
        check_members(&settings)?;
        let config = settings.raft_config().map_err(|error| StartError::Settings {
            cluster: settings.cluster.clone(),
            detail: error.to_string(),
        })?;
        let store = Store::<M, R>::open(database, mode)?;
        let seats = settings.seats();
        let given = Identity { cluster: settings.cluster.clone(), me: settings.me, seats: seats.clone() };
        match store.identity()?.map(|stored| stored.admits(&given)) {
            None => store.save_identity(&given).await?,
            Some(Ok(())) => {}
            Some(Err(refused)) => {
                store.close().await?;
                return Err(refused.into());
            }
        }
        let settled = store.settled()?;

        let cluster = ClusterDigest::of(&settings.cluster, &seats);
        let link = Link::new(transport, cluster, settings.me);
        let gate = Gate::default();
        let silence = Arc::new(Silence::new());
        let peers = Peers { link: link.clone(), gate: gate.clone(), silence: silence.clone() };
        let raft = Raft::<M, R>::new(settings.me, config, peers, store.clone(), store.clone())
            .await
            .map_err(|fatal| StartError::Stopped(fatal.to_string()))?;
        let consensus = Self(Arc::new(Node {
            me: settings.me,
            seats,
            cluster,
            timing: settings.timing,
            raft,
            store,
            link,
            heard: Default::default(),
            settling: Settling::new(settled),
            silence,
        }));
        consensus.bootstrap().await?;
        drop(R::spawn(consensus.clone().watch_quorum(gate)));
        if !settled {
            drop(R::spawn(consensus.clone().settle()));
        }
        Ok(consensus)
    }

    /// Writes the member list as the first entry, unless there is a log or another member was faster.
    async fn bootstrap(&self) -> Result<(), StartError> {
        match self.0.raft.initialize(self.0.seats.clone()).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotInMembers(_))) => {
                Err(StartError::NotAMember(self.0.me))
            }
            Err(RaftError::Fatal(fatal)) => Err(StartError::Stopped(fatal.to_string())),
        }
    }
}

fn check_members(settings: &Settings) -> Result<(), StartError> {
    if !settings.members.contains_key(&settings.me) {
        return Err(StartError::NotAMember(settings.me));
    }
    let mut names = BTreeSet::new();
    match settings.members.values().find(|member| !names.insert(member.name.as_str())) {
        Some(twice) => Err(StartError::DuplicateName(twice.name.clone())),
        None => Ok(()),
    }
}
