//! What keeping a schedule costs: probes many targets at one interval through the driver and prints the share of
//! a processor, the slots missed and the lag. It asserts nothing.
//!
//! `cargo run --release -p quorate-probes --example schedule_cost -- URL [TARGETS] [SECONDS]`; every target is
//! looked at once a second.
#![allow(clippy::unwrap_used)]

use quorate_policies::{Monotonic, TargetName, policy::Probe};
use quorate_probes::{
    Cadence, Clock, Command, Driver, Outcome, Prober, ProberSettings, ScheduleSettings, Target,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Processor seconds of this process so far; Linux counts them in hundredths.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let after_name = stat.rsplit_once(") ").unwrap().1;
    after_name.split(' ').skip(11).take(2).map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("the first argument is the URL");
    let mut number = |default: u64| arguments.next().map_or(default, |text| text.parse().unwrap());
    let (targets, seconds) = (number(1_000), number(10));
    let probe = Probe::http(&url);
    let target = |number| {
        let name = TargetName::try_from(format!("check{number}/here")).unwrap();
        (Target::new(name, &probe.looks, probe.timeout).unwrap(), Cadence::from(&probe))
    };

    let zero = Instant::now();
    let clock: Clock = Arc::new(move || Monotonic(zero.elapsed().as_millis() as u64));
    let (send, mut results) = mpsc::channel(1_024);
    let prober = Arc::new(Prober::new(ProberSettings::default()).unwrap());
    let (driver, handle) = Driver::new(prober, ScheduleSettings::default(), clock, send);
    let stop = CancellationToken::new();
    let running = tokio::spawn(driver.run(stop.clone()));
    let before = processor_seconds();
    handle.tell(Command::SetTargets((0..targets).map(target).collect())).await.unwrap();

    let (mut lags, mut failed) = (Vec::new(), 0);
    let end = tokio::time::sleep(Duration::from_secs(seconds));
    tokio::pin!(end);
    loop {
        tokio::select! {
            () = &mut end => break,
            Some(probed) = results.recv() => {
                lags.push(probed.lag.0);
                failed += u64::from(matches!(probed.result.outcome, Outcome::Failure { .. }));
            }
        }
    }
    stop.cancel();
    running.await.unwrap();
    lags.sort_unstable();
    let percentile = |share: usize| lags.get(lags.len() * share / 100).copied().unwrap_or_default();
    println!("targets {targets}  probes {}  failed {failed}  {:?}", lags.len(), handle.figures().counters);
    println!("lag p50 {} ms  p99 {} ms  worst {:?} ms", percentile(50), percentile(99), lags.last());
    println!("processor {:.1} % of one", (processor_seconds() - before) * 100.0 / seconds as f64);
}
