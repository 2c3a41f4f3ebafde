//! Starting a voter: check the settings, check whose data it is, bootstrap, and set the background going.

use std::collections::BTreeSet;
use std::sync::OnceLock;
use std::sync::{Arc, Mutex};

use openraft::errors::{InitializeError, RaftError};
use openraft_rt::AsyncRuntime;
use redb::Database;

use super::rejoin::Settling;
use super::silence::Silence;
use super::{Consensus, Node};
use crate::machine::Machine;
use crate::member::{History, NodeId};
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
    /// With an empty database it looks among the listed members for a cluster to join, and forms one with a majority that
    /// is as new as itself (see `join`); a single member is a cluster of its own. With a used database the members are
    /// those of the log, and the list says where to look for them.
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
        let store = Store::<M, R>::open(database, mode, settings.feature_level)?;
        let listed = settings.seats();
        let own = History { cluster: settings.cluster.clone(), founders: listed.clone(), recoveries: 0 };
        let given = Identity::of(settings.me, own.clone());
        let stored = store.identity()?;
        if let Some(Err(refused)) = stored.as_ref().map(|stored| stored.admits(&given)) {
            store.close().await?;
            return Err(refused.into());
        }
        let alone = listed.len() == 1;
        if stored.is_none() && alone {
            store.save_identity(&given).await?;
        }
        let history = stored.map(|stored| stored.history()).or_else(|| alone.then(|| own.clone()));
        let settled = store.settled()?;

        let digest = history.as_ref().unwrap_or(&own).digest();
        let link = Link::new(transport, digest, settings.me, store.clone());
        let gate = Gate::default();
        let silence = Arc::new(Silence::new());
        let peers =
            Peers { link: link.clone(), gate: gate.clone(), silence: silence.clone(), store: store.clone() };
        let raft = Raft::<M, R>::new(settings.me, config, peers, store.clone(), store.clone())
            .await
            .map_err(|fatal| StartError::Stopped(fatal.to_string()))?;
        let consensus = Self(Arc::new(Node {
            me: settings.me,
            cluster: settings.cluster,
            listed,
            history: Mutex::new(history),
            timing: settings.timing,
            raft,
            store,
            link,
            heard: Default::default(),
            settling: Settling::new(settled),
            silence,
            outdated: OnceLock::new(),
        }));
        consensus.bootstrap().await?;
        drop(R::spawn(consensus.clone().watch_quorum(gate)));
        drop(R::spawn(consensus.clone().watch_history()));
        if !settled {
            drop(R::spawn(consensus.clone().settle()));
        }
        Ok(consensus)
    }

    /// Writes the founders as the first entry, if this agent is one of them, unless there is a log or another was faster.
    pub(super) async fn bootstrap(&self) -> Result<(), StartError> {
        let Some(history) = self.history().filter(|history| history.founders.contains_key(&self.0.me)) else {
            return Ok(());
        };
        match self.0.raft.initialize(history.founders).await {
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
