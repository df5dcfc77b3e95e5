//! Shared helpers of the cross-crate tests.

pub mod golden;
pub mod table;
