//! Shared helpers of the cross-crate tests.

pub mod conversations;
pub mod golden;
pub mod hub_server;
pub mod table;
