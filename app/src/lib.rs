//! The application.

pub mod palette;
