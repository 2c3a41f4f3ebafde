//! Those who use the cluster: on each host one that writes, one that reads and one that has the leader prove itself, for as
//! long as it is up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use openraft_rt::{AsyncRuntime, Instant};
use openraft_rt_sim::{SimInstant, SimRuntime};
use quorate_consensus::Consensus;

use crate::ledger::{Ledger, Note};
use crate::oracle::Oracle;

/// A client that repeats each command, under the same id, until it is answered.
pub(crate) async fn write(
    consensus: Consensus<Ledger, SimRuntime>,
    boot: u64,
    oracle: Arc<Mutex<Oracle>>,
    alive: Arc<AtomicBool>,
) {
    for number in 0_u64.. {
        let note = Note::from(format!("boot-{boot}-{number}"));
        let position = loop {
            if !alive.load(Ordering::Relaxed) {
                return;
            }
            match consensus.propose(note.clone(), Duration::from_secs(2)).await {
                Ok(position) => break position,
                Err(_) => SimRuntime::sleep(Duration::from_millis(100)).await,
            }
        };
        if alive.load(Ordering::Relaxed) {
            oracle.lock().unwrap().acknowledge(&note.id, position);
        }
        SimRuntime::sleep(Duration::from_millis(700)).await;
    }
}

/// A reader that checks that a read behind a barrier sees all that was acknowledged before it began.
pub(crate) async fn read(
    consensus: Consensus<Ledger, SimRuntime>,
    oracle: Arc<Mutex<Oracle>>,
    alive: Arc<AtomicBool>,
) {
    while alive.load(Ordering::Relaxed) {
        SimRuntime::sleep(Duration::from_millis(1300)).await;
        let floor = oracle.lock().unwrap().floor();
        if consensus.barrier(Duration::from_secs(2)).await.is_ok() {
            let seen = consensus.state().order.len() as u64;
            if seen < floor {
                oracle
                    .lock()
                    .unwrap()
                    .violated(&format!("a read saw {seen} commands, and {floor} were acknowledged"));
            }
        }
        let newest = oracle.lock().unwrap().newest_term();
        if let Ok(term) = consensus.confirm_leadership(Duration::from_secs(1)).await {
            oracle.lock().unwrap().leads(consensus.me(), term, newest);
        }
    }
}

/// One that lets a leader prove itself again and again, as those who grant leases do, and hears what a new leader says of its
/// predecessors.
pub(crate) async fn prove(
    consensus: Consensus<Ledger, SimRuntime>,
    oracle: Arc<Mutex<Oracle>>,
    alive: Arc<AtomicBool>,
) {
    while alive.load(Ordering::Relaxed) {
        let standing = consensus.standing();
        if standing.is_leader {
            oracle.lock().unwrap().elected(standing.term, standing.predecessors_silent);
            let asked = SimInstant::now();
            if let Ok(term) = consensus.confirm_leadership(Duration::from_millis(300)).await {
                oracle.lock().unwrap().proved(term, asked);
            }
        }
        SimRuntime::sleep(Duration::from_millis(10)).await;
    }
}
