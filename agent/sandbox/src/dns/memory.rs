//! What a resolver remembers: each answer for as long as its records live, and then no longer. Pure: the time is given.
//! It must not answer what it was not told.

use std::collections::BTreeMap;

use hickory_server::proto::op::ResponseCode;

use crate::world::zone::answer::{AnswerData, Answered};
use crate::world::zone::normal_name;

/// Code, records and authority.
pub(crate) type Said = (ResponseCode, Vec<Answered>, Vec<Answered>);

/// A thousand answers: more than a sandbox has names. The first to end goes first.
const ANSWERS_MAX: usize = 1_000;

/// Answers by name and type, each with when it was given and until when it lives.
#[derive(Debug, Default)]
pub(super) struct Memory(BTreeMap<(String, String), Kept>);

#[derive(Debug)]
struct Kept {
    said: Said,
    asked_ms: u64,
    until_ms: u64,
}

impl Memory {
    /// What was said, if it still lives: its records have as much less to live as has passed.
    pub(super) fn recall(&self, name: &str, kind: &str, now_ms: u64) -> Option<Said> {
        let kept = self.0.get(&key(name, kind)).filter(|kept| now_ms < kept.until_ms)?;
        let age_s = u32::try_from((now_ms.saturating_sub(kept.asked_ms)) / 1_000).unwrap_or(u32::MAX);
        let aged = |records: &[Answered]| -> Vec<Answered> {
            let left = |record: &Answered| record.ttl_s.saturating_sub(age_s);
            records.iter().map(|record| Answered { ttl_s: left(record), ..record.clone() }).collect()
        };
        let (code, records, authority) = &kept.said;
        Some((*code, aged(records), aged(authority)))
    }

    /// Remembers what was said for as long as its first record to end lives; a negative answer for the minimum of its
    /// SOA (RFC 2308), and one without either not at all.
    pub(super) fn keep(&mut self, name: &str, kind: &str, said: &Said, now_ms: u64) {
        let (_, records, authority) = said;
        let lives = records.iter().map(|record| record.ttl_s).min();
        let denied = authority.iter().find_map(|record| match &record.data {
            AnswerData::Authority { numbers: [.., minimum], .. } => Some(record.ttl_s.min(*minimum)),
            AnswerData::LoadBalancer(_)
            | AnswerData::Ipv4(_)
            | AnswerData::Ipv6(_)
            | AnswerData::Text(_)
            | AnswerData::Name(_) => None,
        });
        let Some(ttl_s) = lives.or(denied) else { return };
        if self.0.len() >= ANSWERS_MAX {
            let first = self.0.iter().min_by_key(|(_, kept)| kept.until_ms).map(|(key, _)| key.clone());
            first.map(|key| self.0.remove(&key));
        }
        let until_ms = now_ms + u64::from(ttl_s) * 1_000;
        self.0.insert(key(name, kind), Kept { said: said.clone(), asked_ms: now_ms, until_ms });
    }
}

fn key(name: &str, kind: &str) -> (String, String) {
    (normal_name(name), kind.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ttl_s: u32) -> Answered {
        let data = AnswerData::Ipv4([192, 0, 2, 1].into());
        Answered { name: "www.shop.test".into(), kind: "A".into(), ttl_s, data }
    }

    fn soa(ttl_s: u32, minimum: u32) -> Answered {
        let numbers = [1, 7_200, 900, 1_209_600, minimum];
        let data = AnswerData::Authority { server: "ns-1".into(), mailbox: "root".into(), numbers };
        Answered { name: "shop.test".into(), kind: "SOA".into(), ttl_s, data }
    }

    /// Goal: an answer is told with what is left of it, and not once it has ended. Method: one of two seconds, asked at
    /// four times; another name and another type are another question.
    #[test]
    fn answers_grow_old() {
        let mut memory = Memory::default();
        memory.keep("WWW.shop.test.", "A", &(ResponseCode::NoError, vec![record(9), record(2)], vec![]), 500);
        let left = |now_ms| {
            let (_, records, _) = memory.recall("www.shop.test", "A", now_ms)?;
            Some(records.iter().map(|record| record.ttl_s).collect::<Vec<_>>())
        };
        assert_eq!(left(500), Some(vec![9, 2]));
        assert_eq!(left(1_600), Some(vec![8, 1]));
        assert_eq!((left(2_499), left(2_500)), (Some(vec![8, 1]), None));
        assert_eq!(memory.recall("www.shop.test", "AAAA", 500), None);
        assert_eq!(memory.recall("api.shop.test", "A", 500), None);
    }

    /// Goal: a negative answer lives as long as its SOA says, and a refusal is not remembered. Method: both.
    #[test]
    fn negative_answers() {
        let mut memory = Memory::default();
        memory.keep("none.shop.test", "A", &(ResponseCode::NXDomain, vec![], vec![soa(900, 3)]), 0);
        assert!(memory.recall("none.shop.test", "A", 2_999).is_some());
        assert!(memory.recall("none.shop.test", "A", 3_000).is_none());
        memory.keep("example.com", "A", &(ResponseCode::Refused, vec![], vec![]), 0);
        assert!(memory.recall("example.com", "A", 0).is_none());
    }

    /// Goal: the memory has an end. Method: fill it by one too many; the first to end is gone, the last is there.
    #[test]
    fn the_memory_is_bounded() {
        let mut memory = Memory::default();
        for number in 0..=ANSWERS_MAX {
            let answer = (ResponseCode::NoError, vec![record(60)], vec![]);
            memory.keep(&format!("n{number}.shop.test"), "A", &answer, u64::try_from(number).unwrap());
        }
        assert_eq!(memory.0.len(), ANSWERS_MAX);
        assert!(memory.recall("n0.shop.test", "A", 1_000).is_none());
        assert!(memory.recall(&format!("n{ANSWERS_MAX}.shop.test"), "A", 1_000).is_some());
    }
}
