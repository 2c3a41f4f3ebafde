//! The mend for a misspelt word: the known word that was probably meant, or all of them.

use crate::name::NAME_BYTES_MAX;

/// How alike two words must be for one to be suggested. At two thirds one slip in three letters is forgiven (`wbe` for
/// `web`), while `rise` does not find `retries`.
const LIKENESS_MIN: f64 = 0.66;

/// Most words that a mend lists.
const WORDS_MAX: usize = 16;

/// `did you mean `timeout`?` where a known word is close, else the known words.
pub(super) fn mend<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    if known.is_empty() {
        return "none is defined here".to_owned();
    }
    if let Some(likely) = find(word, known.iter().copied()) {
        return format!("did you mean `{likely}`?");
    }
    let list = known.iter().take(WORDS_MAX).map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    match known.len().saturating_sub(WORDS_MAX) {
        0 => format!("known here: {list}"),
        more => format!("known here: {list} and {more} more"),
    }
}

/// The known word that was probably meant. Comparing takes the product of both lengths, so it is only done for words
/// as long as names may be.
pub(super) fn find<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let likeness = |candidate: &'a str| (strsim::normalized_damerau_levenshtein(&word, candidate), candidate);
    let short = |candidate: &&str| candidate.len() <= NAME_BYTES_MAX;
    if !short(&word.as_str()) {
        return None;
    }
    let best = known.into_iter().filter(short).map(likeness).max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= LIKENESS_MIN).map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a close word is suggested, a far one is not. Method: the slips that people make.
    #[test]
    fn only_close_words_are_suggested() {
        let known = ["timeout", "fall", "rise", "retries", "confirm_interval"];
        assert_eq!(mend("timeuot", known), "did you mean `timeout`?");
        assert_eq!(mend("fal", known), "did you mean `fall`?");
        assert_eq!(mend("confirm-interval", known), "did you mean `confirm_interval`?");
        assert!(mend("port", known).starts_with("known here: `timeout`"));
        assert_eq!(mend("port", []), "none is defined here");
    }
}
