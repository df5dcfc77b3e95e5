//! GLaMM Desktop: talk about an image, and see every phrase as a mask.
//!
//! The window ([`run_window`]) and the command line are both thin: they say to `glamm-engine` what
//! is wanted and show what it answers. In the window, `app` wires; panels (`ui`) show `state` and leave
//! an `action`, which `update` carries out; `document`, within the state, is what the user makes.

pub mod action;
pub mod app;
mod bidi;
pub mod canvas;
pub mod cli;
pub mod colormap;
pub mod command;
pub mod copying;
mod desk;
pub mod document;
pub mod engine_link;
pub mod export;
mod markup;
pub mod models;
pub mod notice;
pub mod palette;
pub mod pictures;
pub mod prompts;
pub mod render;
pub mod state;
pub mod storage;
pub mod study;
pub mod system;
pub mod theme;
pub mod ui;
pub mod update;
mod words;

pub use system::window::{WindowOptions, run_window};
