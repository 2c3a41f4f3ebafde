//! The judge's tables.
