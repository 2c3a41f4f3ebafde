//! What a probe costs: probes one URL many times over fresh connections and prints the processor seconds that a
//! thousand probes took. It asserts nothing; compare it with another prober in the same minute on the same machine.
//!
//! `cargo run --release -p quorate-probes --example probe_cost -- URL [PROBES] [CONCURRENCY] [CA.pem or -] [RESOLVER:PORT]`
//!
//! For PostgreSQL the URL is `postgres://USER@ADDRESS:PORT` and the password is in the file that `PGPASSFILE` names, alone;
//! without CA.pem there is no TLS.
#![allow(clippy::unwrap_used)]

use quorate_policies::{
    Millis, TargetName,
    document::PostgresTls,
    policy::{Looks, Probe},
};
use quorate_probes::{Outcome, PostgresCredentials, Prober, ProberSettings, Target};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::task::JoinSet;

/// Linux counts processor time in hundredths of a second, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor seconds of this process so far, in user and kernel mode.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    let ticks =
        after_name.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum::<f64>();
    ticks / TICKS_PER_SECOND
}

/// The largest resident size of this process, as the kernel words it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.unwrap_or_default().trim().to_owned()
}

fn looks(url: &str) -> Looks {
    let Some((user, server)) = url.strip_prefix("postgres://").and_then(|rest| rest.split_once('@')) else {
        return Probe::http(url).looks;
    };
    let (host, port) = server.rsplit_once(':').unwrap();
    let mut looks = Probe::postgres(host, user).looks;
    if let Looks::Postgres(postgres) = &mut looks {
        postgres.port = port.parse().unwrap();
    }
    looks
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the first argument is the URL");
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (probes, concurrency) = (number(10_000), number(16));
    let ca_file = arguments.next().filter(|path| path != "-").map(PathBuf::from);
    let extra_ca_pem = ca_file.as_ref().map(|path| std::fs::read(path).unwrap());
    let resolvers = arguments.next().map(|address| address.parse().unwrap()).into_iter().collect();
    let postgres = std::env::var_os("PGPASSFILE").map(|file| PostgresCredentials {
        password_file: file.into(),
        ca_file: ca_file.clone(),
        tls: if ca_file.is_some() { PostgresTls::VerifyFull } else { PostgresTls::Off },
    });
    let settings = ProberSettings { extra_ca_pem, resolvers, postgres, ..ProberSettings::default() };
    let prober = Prober::new(settings).unwrap();
    let name = TargetName::try_from("cost/here".to_owned()).unwrap();
    let target = Target::new(name, &looks(&url), Millis(5_000)).unwrap();
    let shared = Arc::new((prober, target, AtomicU64::new(0), AtomicU64::new(0)));

    let (started, before) = (Instant::now(), processor_seconds());
    let mut workers = JoinSet::new();
    for _ in 0..concurrency {
        let shared = Arc::clone(&shared);
        workers.spawn(async move {
            let (prober, target, begun, failed) = &*shared;
            while begun.fetch_add(1, Ordering::Relaxed) < probes {
                if let Outcome::Failure { reason, detail } = prober.probe(target).await.outcome
                    && failed.fetch_add(1, Ordering::Relaxed) == 0
                {
                    eprintln!("first failure: {reason}: {detail}");
                }
            }
        });
    }
    workers.join_all().await;
    let (wall, used) = (started.elapsed().as_secs_f64(), processor_seconds() - before);
    let failed = shared.3.load(Ordering::Relaxed);
    println!(
        "probes {probes}  concurrency {concurrency}  failed {failed}  per second {:.0}",
        probes as f64 / wall
    );
    println!(
        "processor seconds per 1,000 probes {:.4}  peak memory {}",
        used * 1_000.0 / probes as f64,
        peak_memory()
    );
}
