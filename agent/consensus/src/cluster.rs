//! The product's own machine: [`Cluster`] under consensus. The rest of this crate knows nothing of it, so that its tests
//! can run smaller machines.

use quorate_core::{Cluster, Command, Response};

use crate::machine::Machine;

impl Machine for Cluster {
    type Command = Command;
    type Response = Response;

    fn apply(&mut self, command: &Command) -> Response {
        Cluster::apply(self, command)
    }

    fn feature_level(&self) -> u32 {
        self.feature_level.0
    }

    fn needs(command: &Command) -> u32 {
        command.needs.0
    }
}
