//! Settles how many tasks are wanted, once for the whole step, and says where the number comes from. Pure.

use quorate_policies::plan::action::PercentOf;

/// The count, and why it is that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Tasks.
    pub(super) wanted: u32,
    /// For the log and the report.
    pub(super) because: String,
}

/// What the other region told, or why it did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Elsewhere {
    /// The most tasks that ran within 24 hours.
    pub(super) most: Result<u32, String>,
    /// The desired count now.
    pub(super) desired: Result<u32, String>,
}

/// A number in the plan.
pub(super) fn fixed(desired: u32) -> Wanted {
    Wanted { wanted: desired, because: "the plan's number".to_owned() }
}

/// A share of what another service ran: of the most within 24 hours, else of its desired count, else the least that
/// the plan names. Never below that least and never below `present`, the desired count of the service itself.
pub(super) fn share(share: &PercentOf, present: u32, elsewhere: &Elsewhere) -> Wanted {
    let PercentOf { region, cluster, service, percent, at_least } = share;
    let other = format!("{cluster}/{service} in {region}");
    let (told, mut because) = match (&elsewhere.most, &elsewhere.desired) {
        (Ok(most), _) => {
            (Some(*most), format!("{percent} % of {most}, the most that {other} ran within 24 h"))
        }
        (Err(why), Ok(desired)) => {
            (Some(*desired), format!("{percent} % of {desired}, the desired count of {other} now; {why}"))
        }
        (Err(metric), Err(service)) => (
            None,
            format!("{at_least}, the plan's least, because {other} tells nothing: {metric}; {service}"),
        ),
    };
    let part = told.map_or(0, |count| part_of(count, *percent));
    let wanted = part.max(*at_least).max(present);
    if told.is_some() && wanted == *at_least && part < wanted {
        because = format!("{at_least}, the plan's least, which is more than {because}");
    }
    if wanted == present && part.max(*at_least) < present {
        because = format!("{present}, which is desired already and more than {because}");
    }
    Wanted { wanted, because }
}

/// So many percent of a count, rounded up.
pub(super) fn part_of(count: u32, percent: u32) -> u32 {
    let part = (u64::from(count) * u64::from(percent)).div_ceil(100);
    u32::try_from(part).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn percent(percent: u32, at_least: u32) -> PercentOf {
        PercentOf {
            region: "us-east-1".into(),
            cluster: "shop".into(),
            service: "web".into(),
            percent,
            at_least,
        }
    }

    fn silent() -> Result<u32, String> {
        Err("no reply".into())
    }

    /// Goal: the count is the share rounded up, of the best that is known, never below the least and never below what
    /// is desired already. Method: a table.
    #[test]
    fn the_share_is_settled() {
        let table = [
            // (percent, least, present, most, desired) -> wanted
            ((100, 1, 2, Ok(10), Ok(4)), 10),
            ((33, 1, 2, Ok(10), Ok(4)), 4),
            ((150, 1, 2, Ok(10), silent()), 15),
            ((50, 1, 2, silent(), Ok(9)), 5),
            ((100, 6, 2, silent(), silent()), 6),
            ((100, 6, 8, silent(), silent()), 8),
            ((50, 6, 2, Ok(10), Ok(10)), 6),
            ((50, 1, 8, Ok(10), Ok(10)), 8),
            ((100, 3, 2, Ok(0), Ok(0)), 3),
        ];
        for ((part, least, present, most, desired), expected) in table {
            let settled = share(&percent(part, least), present, &Elsewhere { most, desired });
            assert_eq!(settled.wanted, expected, "{settled:?}");
        }
    }

    /// Goal: the reason names what the count was taken from, and silence is told as silence. Method: read them.
    #[test]
    fn the_reason_is_told() {
        let because = |most, desired, least, present| {
            share(&percent(50, least), present, &Elsewhere { most, desired }).because
        };
        assert_eq!(
            because(Ok(10), silent(), 1, 1),
            "50 % of 10, the most that shop/web in us-east-1 ran within 24 h"
        );
        let now = because(silent(), Ok(10), 1, 1);
        assert!(now.contains("the desired count of shop/web in us-east-1 now; no reply"), "{now}");
        let silence = because(silent(), silent(), 4, 1);
        assert!(silence.starts_with("4, the plan's least, because shop/web in us-east-1 tells nothing"));
        let least = because(Ok(2), silent(), 4, 1);
        assert!(least.starts_with("4, the plan's least, which is more than 50 % of 2"), "{least}");
        let present = because(Ok(2), silent(), 1, 9);
        assert!(present.starts_with("9, which is desired already and more than 50 % of 2"), "{present}");
    }

    /// Goal: no count overflows. Method: the largest.
    #[test]
    fn large_counts_saturate() {
        assert_eq!(part_of(u32::MAX, 200), u32::MAX);
        assert_eq!(part_of(10, 85), 9);
        assert_eq!(part_of(0, 100), 0);
    }
}
