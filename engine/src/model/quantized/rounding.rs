//! How input is rounded to eight bits.

/// Added to a number that is small beside it, rounds it to a whole one, which is then in its lowest bits.
const WHOLE: f32 = 12_582_912.0;

/// Numbers as bytes, and what a byte of 1 stands for. A value that is no number makes that none,
/// and so all of the block, as it should.
pub(super) fn round<const BLOCK: usize>(x: &[f32; BLOCK]) -> ([i8; BLOCK], f32) {
    // Without the sign, the order of numbers is that of their bits; what is no number comes last.
    let largest = x.iter().fold(0, |largest: u32, value| largest.max(value.to_bits() & 0x7fff_ffff));
    let largest = f32::from_bits(largest);
    let factor = if largest > 0.0 { 127.0 / largest } else { 0.0 };
    let mut rounded = [0i8; BLOCK];
    for (rounded, value) in rounded.iter_mut().zip(x) {
        *rounded = (value * factor + WHOLE).to_bits() as i8;
    }
    (rounded, if largest.is_finite() { largest / 127.0 } else { f32::NAN })
}
