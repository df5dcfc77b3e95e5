//! Pictures and masks as plain data: boxes, binary masks, mask logits. No tensors.

pub mod masks;
pub mod regions;

pub use masks::{BinaryMask, MaskLogits};
pub use regions::PixelBox;
