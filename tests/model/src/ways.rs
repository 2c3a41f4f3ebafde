//! Whether every moment has a way out (R30): from it the course of things, without faults and without operators, leads to
//! one in which nothing is open, or what is open waits for an operator.

/// The course of things, from moment to moment.
#[derive(Default)]
pub(super) struct Ways {
    /// Of each moment that was reached: whether it is a way out itself.
    out: Vec<bool>,
    /// Of each moment that was visited: how many moments its course leads to.
    counts: Vec<u8>,
    /// Those moments, one visited moment after the other.
    targets: Vec<u32>,
}

impl Ways {
    /// The next moment was reached.
    pub(super) fn reached(&mut self, out: bool) {
        self.out.push(out);
    }

    /// The next moment was visited.
    pub(super) fn visited(&mut self, targets: &[u32]) {
        self.counts.push(u8::try_from(targets.len()).unwrap());
        self.targets.extend_from_slice(targets);
    }

    /// The first moment that has none. Moments that were not visited count as ways out.
    pub(super) fn without(mut self) -> Option<u32> {
        self.out[self.counts.len()..].fill(true);
        // The course mostly leads to moments that were reached later, so that going backwards a few rounds are enough.
        while self.go_back() {}
        self.out.iter().position(|out| !out).map(|at| u32::try_from(at).unwrap())
    }

    /// Goes through all of them once, the last first. Tells whether any way was found.
    fn go_back(&mut self) -> bool {
        let (mut found, mut end) = (false, self.targets.len());
        for at in (0..self.counts.len()).rev() {
            let begin = end - usize::from(self.counts[at]);
            let leads_out = || self.targets[begin..end].iter().any(|target| self.out[*target as usize]);
            if !self.out[at] && leads_out() {
                self.out[at] = true;
                found = true;
            }
            end = begin;
        }
        found
    }
}
