//! Reports for people who were not there: of one execution, and of all that happened in a period. Everything here is pure:
//! what an agent and its audit say goes in, a value comes out, and from the value Markdown or HTML. It must not fetch, read
//! a clock, or know more than it was given: what is not known is said to be not known, never left to look like zero.
//!
//! [`execution`] and [`period`] make the values, which are also the JSON. `told` makes a [`document`] of them: sections of
//! tables, charts and sentences, in which nothing is left to a renderer but its form. [`markdown`] and [`html`] are the forms.
//!
//! A new section is a field of the value that is absent where there is nothing to say, and a function in the list of
//! `told`; neither renderer changes.

pub mod communications;
pub mod decision;
pub mod document;
pub mod execution;
pub mod html;
pub mod made;
pub mod markdown;
pub mod measured;
pub mod paperwork;
pub mod people;
pub mod period;
pub mod scale;
pub mod steps;
mod svg;
#[cfg(test)]
mod tests;
pub mod timeline;
mod told;

pub use document::Document;
pub use execution::{Report, report};
pub use made::{Made, Sources};
pub use paperwork::returned;
pub use period::{PeriodReport, period_report};
