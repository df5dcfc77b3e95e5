//! GLaMM Desktop: talk about an image, and see every phrase as a mask.
//!
//! The window ([`run_window`]) and the command line are both thin: they say to `glamm-engine` what
//! is wanted and show what it answers. In the window, `app` wires, `update` changes state, `ui`
//! shows it; `document` is what the user makes, `session` what is going on.

pub mod app;
mod bidi;
pub mod canvas;
pub mod cli;
mod clipboard;
pub mod colormap;
pub mod command;
pub mod command_search;
pub mod copying;
mod dialogs;
pub mod document;
pub mod engine_link;
pub mod export;
pub mod exporting;
mod files;
mod fonts;
mod gpu;
pub mod inspection;
pub mod keeping;
mod loader;
pub mod log;
pub mod models;
pub mod palette;
pub mod pixels;
pub mod preferences;
mod preview;
pub mod prompts;
pub mod render;
pub mod session;
pub mod shell;
pub mod storage;
pub mod study;
pub mod surroundings;
pub mod theme;
pub mod ui;
pub mod ui_state;
pub mod update;
mod window;
mod words;

pub use window::{WindowOptions, run_window};
