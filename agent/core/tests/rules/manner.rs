//! Graceful and ungraceful executions, and how the one becomes the other while it runs.

use crate::{log::*, shop::*};
use quorate_core::{Body, ExecutionState, Response};
use quorate_policies::{Policy, document::read_policy, plan::Manner};

fn policy() -> Policy {
    read_policy("manner.yaml", include_str!("manner.yaml")).unwrap()
}

/// A log whose operator has begun a failover.
fn graceful() -> Log {
    let mut log = Log::with(policy());
    assert_eq!(log.operator_decides(WEST), execution("shop-2", false));
    log.release();
    log
}

fn give_up(log: &mut Log) -> Response {
    let id = log.latest().id.clone();
    log.say(WES, Body::Ungraceful { execution: id, actor: olga("us-east-1 stopped answering") })
}

fn states(log: &Log) -> String {
    let state = |name: &&str| format!("{name} {}", log.step(name).0);
    let names = ["warm", "drain", "fence", "drained", "promote", "rejoin", "settle"];
    names.iter().map(state).collect::<Vec<_>>().join(", ")
}

/// Goal: an operator's execution is graceful, unless he gives the old region up at once; the agents' is not. What the other
/// manner alone needs is left out, a gate does not ask for it, and what needs it needs what it needed. Method: all three,
/// each until it ends.
#[test]
fn who_begins_says_how() {
    let mut log = graceful();
    assert_eq!((log.latest().manner, log.step("fence").0), (Manner::Graceful, "cancelled"));
    log.run("warm", succeeded());
    log.run("drain", succeeded());
    log.run("drained", succeeded());
    log.run_all();
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 0 });
    insta::assert_snapshot!("graceful", log.timeline());

    let mut log = Log::with(policy());
    log.decide();
    log.release();
    assert_eq!(log.latest().manner, Manner::Ungraceful);
    log.run("fence", succeeded());
    assert_eq!(log.assigned(), ["warm"], "the gate needs what the step that is left out needed");
    log.run("warm", succeeded());
    let gate = [step("drain")];
    assert_eq!(
        log.cluster.not_passed(&log.latest().id, &gate),
        None,
        "what takes no part keeps no gate shut"
    );
    log.run_all();
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 0 });
    insta::assert_snapshot!("ungraceful", log.timeline());

    let mut log = Log::with(policy());
    log.ask(WEST, given_up(), all_is_well());
    assert_eq!(log.latest().manner, Manner::Ungraceful);
}

/// Goal: the old region is given up while the execution runs: what had begun there is left as unknown, what only a loss needs
/// takes part, and what comes after both waits for it. Method: give up while the old region is drained; run to the end.
#[test]
fn given_up_on_the_way() {
    let mut log = graceful();
    log.run("warm", succeeded());
    log.start("drain");
    assert_eq!(give_up(&mut log), execution("shop-2", true));
    assert_eq!(
        states(&log),
        "warm succeeded, drain unknown, fence assigned, drained assigned, promote waiting, rejoin cancelled, settle waiting"
    );
    assert_eq!(
        refused_by(&log.finish_as(WES, "drain", 1, succeeded())),
        "step_not_yours",
        "nobody waits for it any more"
    );
    log.run("drained", succeeded());
    assert_eq!(log.step("promote").0, "waiting", "the fence comes first");
    log.run_all();
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 1 });
    assert_eq!(refused_by(&give_up(&mut log)), "wrong_state", "it has ended");
    insta::assert_snapshot!(log.timeline());
}

/// Goal: an execution that has stopped at a step of its farewell goes on without it; one that has stopped at a step of both
/// manners does not. Method: let the one fail, and the other.
#[test]
fn given_up_where_it_stopped() {
    let mut log = graceful();
    log.run("warm", succeeded());
    log.run("drain", failed());
    assert_eq!(log.state().word(), "stopped");
    assert_eq!(give_up(&mut log), execution("shop-2", true));
    assert_eq!(log.state(), &ExecutionState::Running);
    log.run_all();
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 1 });

    let mut log = graceful();
    log.run("warm", impossible());
    assert_eq!(log.state().word(), "stopped");
    let response = give_up(&mut log);
    assert_eq!(refused_by(&response), "wrong_state");
    assert!(
        why(&response).contains("step `warm`, which both manners need, has failed"),
        "{}",
        why(&response)
    );
}

/// Goal: R1, what should have come before something that has begun does not come after it. Method: give up once the database
/// is being promoted.
#[test]
fn r1_no_fence_after_the_promotion() {
    let mut log = graceful();
    for name in ["warm", "drain", "drained"] {
        log.run(name, succeeded());
    }
    log.start("promote");
    give_up(&mut log);
    assert_eq!((log.step("fence").0, log.step("rejoin").0), ("cancelled", "cancelled"));
    log.finish("promote", succeeded());
    log.run("settle", succeeded());
    assert_eq!(log.state(), &ExecutionState::Succeeded { exceptions: 0 });
}

/// Goal: R4, what cannot be taken back and whose end nobody knows is waited for; there is no way back to graceful; what is taken
/// back goes on being so. Method: a promotion that belongs to one manner alone, under way; twice; after an abort.
#[test]
fn r4_what_is_refused() {
    let mut policy = policy();
    let steps = &mut policy.plans.get_mut("failover").unwrap().steps;
    steps.get_mut(&step("promote")).unwrap().only = Some(Manner::Graceful);
    let mut log = Log::with(policy);
    log.operator_decides(WEST);
    log.release();
    for name in ["warm", "drain", "drained"] {
        log.run(name, succeeded());
    }
    log.start("promote");
    let response = give_up(&mut log);
    assert!(
        why(&response).contains("step `promote` cannot be taken back and has begun"),
        "{}",
        why(&response)
    );
    log.finish("promote", broken());
    assert_eq!((log.state().word(), log.step("promote").0), ("stopped", "unknown"));
    assert_eq!(refused_by(&give_up(&mut log)), "wrong_state", "it may have happened");

    let mut log = graceful();
    give_up(&mut log);
    assert!(why(&give_up(&mut log)).contains("already"));

    let mut log = Log::of_the_shop();
    log.operator_decides(WEST);
    assert!(why(&give_up(&mut log)).contains("the same in both manners"));

    let mut log = graceful();
    log.start("warm");
    log.abort();
    assert!(why(&give_up(&mut log)).contains("it is being aborted"));
}
