//! The record: the audit as lines that anybody can check without us, and as tables for those who ask in SQL. It reads what
//! an agent wrote; it must not change an entry, mend a chain or decide anything. All of it is pure but for [`place`], which
//! writes a file whole or not at all, and [`sqlite`], which writes a database.

pub mod chain;
pub mod line;
pub mod part;
pub mod past;
pub mod place;
pub mod sqlite;

pub use chain::{Broken, Chain, Fault};
pub use line::Line;
pub use part::Part;
pub use past::Past;
