//! Whether lines are one unbroken chain. It says where a chain is broken first and how; it must not go on behind that
//! place, because nothing there is proven.

use super::line::Line;
use quorate_policies::Timestamp;

/// A place in the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The entry's number.
    pub sequence: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Its hash.
    pub hash: String,
}

/// What is proven.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Chain {
    /// How many entries.
    pub entries: u64,
    /// The first one.
    pub first: Option<Mark>,
    /// The last one.
    pub last: Option<Mark>,
    /// How many entries are missing between them, where that is allowed.
    pub missing: u64,
}

/// How a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The line is none of the audit.
    #[error("line {line} is no entry of an audit: {why}")]
    NoEntry {
        /// Which line, counted from 1.
        line: u64,
        /// Why not.
        why: String,
    },
    /// A number is missing, or comes twice, or too early.
    #[error(
        "entry {found} stands where entry {expected} must stand: entries were taken out, added or reordered"
    )]
    Number {
        /// What must stand there.
        expected: u64,
        /// What does.
        found: u64,
    },
    /// An entry does not follow from the one before.
    #[error(
        "entry {sequence} does not follow from the one before it: the hash of one of the two was written anew"
    )]
    Link {
        /// Which entry.
        sequence: u64,
    },
    /// An entry was changed.
    #[error("entry {sequence} was changed: it says that its hash is {says}, and it is {is}")]
    Changed {
        /// Which entry.
        sequence: u64,
        /// Its hash as it claims.
        says: String,
        /// What the hash is.
        is: String,
    },
    /// The chain does not reach what is known from elsewhere.
    #[error("no entry has the hash {hash}: the end was cut off, or this is another chain")]
    Head {
        /// The known hash.
        hash: String,
    },
}

/// A broken chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Broken {
    /// How.
    pub fault: Fault,
    /// What is proven before that place.
    pub before: Chain,
}

/// What is asked of a chain beside its links.
#[derive(Debug, Clone, Copy, Default)]
pub struct Terms<'a> {
    /// Whether entries may be missing, as in an export of one service: each is then judged by itself, and the links where
    /// neighbours are there.
    pub gaps: bool,
    /// The hash of an entry that must be among them, as a report or another agent has it.
    pub holds: Option<&'a str>,
}

/// Checks lines, oldest first.
///
/// # Errors
/// At the first place where the chain is broken.
pub fn verify<'a>(texts: impl IntoIterator<Item = &'a str>, terms: Terms<'_>) -> Result<Chain, Box<Broken>> {
    let mut chain = Chain::default();
    let mut held = terms.holds.is_none();
    for (index, text) in texts.into_iter().enumerate() {
        match judge(&chain, text, index as u64 + 1, terms.gaps) {
            Ok(line) => {
                held |= terms.holds == Some(line.hash.as_str());
                chain.go_on(line);
            }
            Err(fault) => return Err(Box::new(Broken { fault, before: chain })),
        }
    }
    match terms.holds {
        Some(hash) if !held => {
            Err(Box::new(Broken { fault: Fault::Head { hash: hash.to_owned() }, before: chain }))
        }
        _ => Ok(chain),
    }
}

fn judge(chain: &Chain, text: &str, number: u64, gaps: bool) -> Result<Line, Fault> {
    let line = Line::read(text).map_err(|why| Fault::NoEntry { line: number, why })?;
    let sequence = line.sequence;
    let changed = |is: String| Fault::Changed { sequence, says: line.hash.clone(), is };
    match &chain.last {
        Some(last) if sequence == last.sequence.saturating_add(1) => {
            if line.previous != last.hash {
                // Either this entry names another predecessor, or the one before was written anew: which, nobody can tell.
                let is = line.digest();
                return Err(if is == line.hash { Fault::Link { sequence } } else { changed(is) });
            }
        }
        Some(last) if !gaps || sequence <= last.sequence => {
            return Err(Fault::Number { expected: last.sequence.saturating_add(1), found: sequence });
        }
        // The first of all has none before it, and only that one.
        Some(_) | None if (sequence <= 1) != line.previous.is_empty() => {
            return Err(Fault::Link { sequence });
        }
        Some(_) | None => {}
    }
    let is = line.digest();
    if is == line.hash { Ok(line) } else { Err(changed(is)) }
}

impl Chain {
    fn go_on(&mut self, line: Line) {
        let mark = Mark { sequence: line.sequence, at: line.at, hash: line.hash };
        if let Some(last) = &self.last {
            self.missing += mark.sequence.saturating_sub(last.sequence + 1);
        }
        self.entries += 1;
        self.first.get_or_insert_with(|| mark.clone());
        self.last = Some(mark);
    }

    /// What is proven, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let (Some(first), Some(last)) = (&self.first, &self.last) else { return "no entry".to_owned() };
        let missing = match self.missing {
            0 => String::new(),
            missing => format!("; {missing} between them are not here"),
        };
        let count =
            if self.entries == 1 { "1 entry".to_owned() } else { format!("{} entries", self.entries) };
        format!("{count}, {} to {}, {} to {}{missing}", first.sequence, last.sequence, first.at, last.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::sample;

    fn lines() -> Vec<String> {
        sample::executing().audit.entries.iter().map(|e| serde_json::to_string(e).unwrap()).collect()
    }

    fn judged(lines: &[String], gaps: bool) -> Result<Chain, Box<Broken>> {
        verify(lines.iter().map(String::as_str), Terms { gaps, holds: None })
    }

    /// Goal: a whole chain, and each part of it, is proven from end to end. Method: the sample's audit, and it without its
    /// beginning.
    #[test]
    fn a_whole_chain() {
        let lines = lines();
        let chain = judged(&lines, false).unwrap();
        assert_eq!((chain.entries, chain.missing), (lines.len() as u64, 0));
        let tail = judged(&lines[4..], false).unwrap();
        assert_eq!(
            (tail.first.map(|mark| mark.sequence), tail.last.unwrap().hash),
            (Some(5), chain.last.unwrap().hash)
        );
        assert_eq!(judged(&[], false).unwrap().sentence(), "no entry");
    }

    /// Goal: whatever was done to a chain, the first place is named, and how. Method: each way to forge one.
    #[test]
    fn the_first_broken_place_is_named() {
        let whole = lines();
        let told = |forge: &dyn Fn(&mut Vec<String>)| {
            let mut lines = whole.clone();
            forge(&mut lines);
            match judged(&lines, false) {
                Ok(chain) => format!("whole: {}", chain.sentence()),
                Err(broken) => format!("{broken} (before it: {})", broken.before.sentence()),
            }
        };
        let edit = |line: &mut String| *line = line.replace("\"actor\":\"ann\"", "\"actor\":\"bob\"");
        // One who also mends the entry's own hash is found at the next one.
        let sign = |line: &mut String| {
            let read = Line::read(line).unwrap();
            *line = line.replace(&read.hash, &read.digest());
        };
        let stories: [(&str, String); 8] = [
            ("edited", told(&|lines| edit(&mut lines[1]))),
            (
                "edited and signed",
                told(&|lines| {
                    edit(&mut lines[1]);
                    sign(&mut lines[1]);
                }),
            ),
            ("reordered", told(&|lines| lines.swap(3, 4))),
            ("one taken out", told(&|lines| drop(lines.remove(3)))),
            ("one repeated", told(&|lines| lines.insert(3, lines[2].clone()))),
            ("cut within a line", told(&|lines| lines[5].truncate(40))),
            (
                "begun anew",
                told(&|lines| lines[0] = lines[0].replace("\"previous\":\"\"", "\"previous\":\"ab\"")),
            ),
            ("without its end", told(&|lines| lines.truncate(4))),
        ];
        // The policy's hash changes with every setting that policies learn, and the chain's hashes with it.
        let text: Vec<String> =
            stories.iter().map(|(name, told)| format!("{name}: {}", hashless(told))).collect();
        insta::assert_snapshot!(text.join("\n"));
    }

    /// Goal: no letter of a record can be changed unseen. Method: change every seventh one, and every line break, into another.
    #[test]
    fn no_letter_changes_unseen() {
        let text = lines().join("\n");
        let judged = |text: &str| verify(text.lines(), Terms::default()).is_ok();
        assert!(judged(&text));
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(index, _)| index);
        for index in (0..text.len()).step_by(7).chain(breaks) {
            let mut bytes = text.clone().into_bytes();
            bytes[index] = if bytes[index] == b'1' { b'2' } else { b'1' };
            assert!(!judged(std::str::from_utf8(&bytes).unwrap()), "letter {index} was changed");
        }
    }

    fn hashless(text: &str) -> String {
        let hash = |word: &&str| word.len() >= 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        let mut text = text.to_owned();
        let words = text.split([' ', ',', ':', ')']).map(str::to_owned).collect::<Vec<_>>();
        for word in words.iter().map(String::as_str).filter(hash) {
            text = text.replace(word, "HASH");
        }
        text
    }

    /// Goal: an export of one service is judged entry by entry, but neither order nor text may be touched. Method: every
    /// second entry; then two of them exchanged; then one edited.
    #[test]
    fn an_extract_may_have_gaps() {
        let mut lines: Vec<String> = lines().into_iter().step_by(2).collect();
        assert!(judged(&lines, false).is_err());
        let chain = judged(&lines, true).unwrap();
        assert_eq!((chain.entries, chain.missing), (6, 5));
        lines.swap(1, 2);
        assert!(matches!(judged(&lines, true).unwrap_err().fault, Fault::Number { .. }));
        lines.swap(1, 2);
        lines[2] = lines[2].replace("fence", "fancy");
        assert!(matches!(judged(&lines, true).unwrap_err().fault, Fault::Changed { sequence: 5, .. }));
    }

    /// Goal: what was cut off at the end is noticed by whoever knows a later hash. Method: the hash of the last entry, asked
    /// of the whole chain and of one without it.
    #[test]
    fn a_known_hash_must_be_there() {
        let lines = lines();
        let last = Line::read(lines.last().unwrap()).unwrap().hash;
        let terms = Terms { gaps: false, holds: Some(&last) };
        assert!(verify(lines.iter().map(String::as_str), terms).is_ok());
        let cut = verify(lines[..lines.len() - 1].iter().map(String::as_str), terms).unwrap_err();
        assert_eq!(
            (cut.fault, cut.before.entries),
            (Fault::Head { hash: last.clone() }, lines.len() as u64 - 1)
        );
    }
}
