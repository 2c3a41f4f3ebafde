//! Following an execution until it ends: a line for each change, and at a terminal a line below that shows how far
//! it is. It only looks. Leaving it changes nothing: the cluster runs the execution, not this process.

use super::{
    client::{ClientError, Fetched},
    connection::{Session, note},
    exit::{Exit, Failure},
    render::execution,
    screen::{Screen, duration},
};
use indicatif::{ProgressBar, ProgressStyle};
use quorate_api::Execution;
use quorate_policies::Millis;
use std::time::Duration;
use tokio::time::Instant;

/// How long an execution is followed unless told otherwise. Promoting a database is said to take five to ten minutes,
/// and DNS needs its time after that.
pub const WAIT_DEFAULT: Millis = Millis::from_secs(15 * 60);

/// How often it is looked at. Steps take seconds to minutes; half a second feels immediate and costs an agent nothing.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// How often an execution that was just decided is looked for: the agent that is asked may be some commits behind.
const LOOKS_FOR_IT_MAX: u32 = 10;

/// What came of following.
#[derive(Debug)]
pub enum Followed {
    /// It ended.
    Ended(Box<Fetched<Execution>>),
    /// The wait ended first.
    StillRunning,
    /// The operator pressed Ctrl-C.
    Left,
}

/// Whether nothing more happens by itself.
fn ended(execution: &Execution) -> bool {
    matches!(execution.state.as_str(), "succeeded" | "aborted" | "stopped")
}

/// Follows an execution for at most `wait`. An agent that does not answer for a while is asked again: the execution
/// may well go on without it.
///
/// # Errors
/// When the first look fails, or the agent says that there is no such execution and goes on saying it.
pub async fn follow(session: &Session, id: &str, wait: Duration) -> Result<Followed, Failure> {
    let deadline = Instant::now() + wait;
    let bar = progress_bar();
    let told = |line: &str| if bar.is_hidden() { note(line) } else { bar.println(line) };
    // Standard error may be a terminal where standard output is none, and the other way round.
    let screen = Screen { color: session.screen.color && !bar.is_hidden(), ..session.screen };
    let path = ["executions", id];
    let mut before: Option<Execution> = None;
    let (mut unreached, mut missing) = (false, 0);
    // One listener for the whole time: a signal between two listeners would be lost.
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let followed = loop {
        let look = tokio::select! {
            look = session.client.get::<Execution>(&path, &[]) => look,
            _ = &mut interrupted => break Followed::Left,
        };
        match look {
            Ok(answer) => {
                unreached = false;
                for line in execution::changes(screen, before.as_ref(), &answer.value) {
                    told(&line);
                }
                bar.set_message(execution::progress(&answer.value));
                if ended(&answer.value) {
                    break Followed::Ended(Box::new(answer));
                }
                before = Some(answer.value);
            }
            Err(error @ ClientError::NoAgent { .. }) if before.is_some() => {
                if !std::mem::replace(&mut unreached, true) {
                    told(&format!("  {error}; the execution may go on without it, asking again"));
                }
            }
            Err(ClientError::Problem(problem))
                if problem.status == 404 && before.is_none() && missing < LOOKS_FOR_IT_MAX =>
            {
                missing += 1;
            }
            Err(error) => return Err(error.into()),
        }
        if Instant::now() >= deadline {
            break Followed::StillRunning;
        }
        let pause = POLL_INTERVAL.min(deadline.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = &mut interrupted => break Followed::Left,
        }
    };
    bar.finish_and_clear();
    Ok(followed)
}

/// Follows what was just ordered for so long, or says how to.
///
/// # Errors
/// As [`follow`] and [`finish`].
pub async fn ordered(session: &Session, id: &str, wait: Option<Millis>) -> Result<Exit, Failure> {
    let Some(wait) = wait else {
        let hint = format!("Execution {id}: follow it with `quorate history --execution {id} --follow`");
        session.screen.print(&hint)?;
        return Ok(Exit::Done);
    };
    note(&format!("Following {id} for at most {}; Ctrl-C leaves it running.", wait_text(wait)));
    let followed = follow(session, id, wait.duration()).await?;
    finish(session, id, followed)
}

/// Says what came of following, and how the command ends.
///
/// # Errors
/// When standard output is closed.
pub fn finish(session: &Session, id: &str, followed: Followed) -> Result<Exit, Failure> {
    let rejoin = format!("it goes on; rejoin with `quorate history --execution {id} --follow`");
    match followed {
        Followed::Ended(answer) => {
            session.show(&answer, execution::result)?;
            Ok(if answer.value.state == "succeeded" { Exit::Done } else { Exit::Failed })
        }
        Followed::StillRunning => {
            note(&format!("quorate: execution {id} is still running: {rejoin}"));
            Ok(Exit::StillRunning)
        }
        Followed::Left => {
            note(&format!("quorate: left execution {id}: {rejoin}"));
            Ok(Exit::StillRunning)
        }
    }
}

/// A line below the others at a terminal; hidden elsewhere.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    // The template is a constant; without it the default style shows the same words.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(POLL_INTERVAL / 4);
    bar
}

/// The length of a wait, for the sentence that announces it.
fn wait_text(wait: Millis) -> String {
    duration(wait.0)
}
