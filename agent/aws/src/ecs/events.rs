//! What a service's events say about tasks that do not start. Pure; the texts are ECS's own, newest first.

/// Words by which ECS tells that tasks could not be placed or did not start.
const TROUBLES: [&str; 5] = [
    "unable to place a task",
    "capacity is unavailable",
    "unable to consistently start tasks",
    "failed to launch a task",
    "was unable to start a task",
];
/// Words by which it tells that the trouble is over.
const WELL: &str = "has reached a steady state";
/// 240 characters: the reason stands at the beginning, and a report shows it in one line.
const TEXT_CHARS_MAX: usize = 240;

/// The newest event that tells of trouble, unless the service was well after it.
pub(crate) fn trouble(events: &[String]) -> Option<String> {
    let recent = events.iter().take_while(|message| !message.contains(WELL));
    let found = recent.into_iter().find(|message| {
        let message = message.to_lowercase();
        TROUBLES.iter().any(|words| message.contains(words))
    })?;
    Some(found.chars().take(TEXT_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a lack of capacity is told as long as it stands, and not when it is over. Method: a table of events,
    /// newest first, in the words of ECS.
    #[test]
    fn trouble_is_told_while_it_stands() {
        let fargate =
            "(service web) was unable to place a task. Reason: Capacity is unavailable at this time.";
        let full = "(service web) was unable to place a task because no container instance met all of its requirements.";
        let launch = "(service web) failed to launch a task with (error ECS was unable to assume the role).";
        let started = "(service web) has started 2 tasks: (task 1) (task 2).";
        let steady = "(service web) has reached a steady state.";
        let table: [(&[&str], Option<&str>); 7] = [
            (&[], None),
            (&[started, steady], None),
            (&[fargate, started], Some(fargate)),
            (&[started, full, steady], Some(full)),
            (&[launch, full], Some(launch)),
            (&[steady, fargate], None),
            (&[started, steady, fargate], None),
        ];
        for (events, expected) in table {
            let events: Vec<String> = events.iter().map(|event| (*event).to_owned()).collect();
            assert_eq!(trouble(&events).as_deref(), expected, "{events:?}");
        }
    }
}
