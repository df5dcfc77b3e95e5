//! The geometry of the canvas: how picture and screen lie over each other ([`view`]), what lies
//! under the pointer ([`picking`]), what a drag means ([`gesture`]). No state, no painting; the
//! panel that paints is `ui::canvas`.

pub mod gesture;
pub mod picking;
pub mod view;
