//! Our own wgpu pipelines, one file per pass of `shaders/`. Each file holds the Rust mirror of its
//! shader's structs.

pub mod layers;
pub mod mask;
pub mod texels;
pub mod textures;
pub mod tiles;
