//! Which paths between places are cut. Pure: it answers how a path behaves, and the relays behave so. A path
//! is named by where connections are opened and where they go; one way means connections opened on one side
//! only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// How a cut path behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CutMode {
    /// Bytes vanish: connections, new and old, stall. They go on when the cut is healed, as TCP would.
    #[default]
    BlackHole,
    /// Connections are refused, and open ones are closed.
    Refuse,
}

/// One cut path, as the control API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// Where connections are opened.
    pub from: String,
    /// Where they go.
    pub to: String,
    /// How they fare.
    pub mode: CutMode,
}

/// Every cut path.
#[derive(Debug, Clone, Default)]
pub struct Links {
    cuts: BTreeMap<(String, String), CutMode>,
}

impl Links {
    /// Cuts the path, and the way back unless `one_way`.
    pub fn cut(&mut self, from: &str, to: &str, one_way: bool, mode: CutMode) {
        self.cuts.insert((from.into(), to.into()), mode);
        if !one_way {
            self.cuts.insert((to.into(), from.into()), mode);
        }
    }

    /// Heals the path, and the way back unless `one_way`.
    pub fn heal(&mut self, from: &str, to: &str, one_way: bool) {
        self.cuts.remove(&(from.to_owned(), to.to_owned()));
        if !one_way {
            self.cuts.remove(&(to.to_owned(), from.to_owned()));
        }
    }

    /// Heals everything.
    pub fn heal_all(&mut self) {
        self.cuts.clear();
    }

    /// How the path is cut, if it is.
    #[must_use]
    pub fn mode(&self, from: &str, to: &str) -> Option<CutMode> {
        self.cuts.get(&(from.to_owned(), to.to_owned())).copied()
    }

    /// Every cut, in order.
    #[must_use]
    pub fn cuts(&self) -> Vec<Cut> {
        self.cuts
            .iter()
            .map(|((from, to), mode)| Cut { from: from.clone(), to: to.clone(), mode: *mode })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: a cut works both ways unless it is asked for one way, and healing mirrors it.
    /// Method: ask for the mode of both directions after each change.
    #[test]
    fn cuts_have_directions() {
        let mut links = Links::default();
        links.cut("a", "b", false, CutMode::BlackHole);
        assert_eq!(
            (links.mode("a", "b"), links.mode("b", "a")),
            (Some(CutMode::BlackHole), Some(CutMode::BlackHole))
        );
        links.heal("a", "b", true);
        assert_eq!((links.mode("a", "b"), links.mode("b", "a")), (None, Some(CutMode::BlackHole)));
        links.cut("a", "c", true, CutMode::Refuse);
        assert_eq!((links.mode("a", "c"), links.mode("c", "a")), (Some(CutMode::Refuse), None));
        links.heal_all();
        assert!(links.cuts().is_empty());
    }
}
