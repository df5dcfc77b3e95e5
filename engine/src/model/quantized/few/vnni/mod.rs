//! The kernels for AVX-512 with VNNI.

mod blocks;
mod lanes;
mod super_blocks;

use super::input::{SuperBlock, TwoBlocks};
use super::{Kernel, Share};
use crate::model::format::Format;
use crate::model::quantized::processor::Vnni;

impl Kernel for Vnni {
    const CROSSED: bool = true;
    /// The processor multiplies bytes without a sign with those that have one.
    const ADDED: u8 = 128;

    unsafe fn multiply_super_blocks(format: Format, share: Share<'_>, inputs: &[Vec<SuperBlock>]) {
        // SAFETY: the caller has asked.
        unsafe { super_blocks::multiply(format, share, inputs) }
    }

    unsafe fn multiply_blocks(format: Format, share: Share<'_>, inputs: &[Vec<TwoBlocks>]) {
        // SAFETY: the caller has asked.
        unsafe { blocks::multiply(format, share, inputs) }
    }
}
