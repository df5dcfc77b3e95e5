//! What processors can multiply bytes with. It is asked for at run time, so that a program for any of them
//! has all kernels.

/// A kind of processor, which kernels are written for.
pub(super) trait Processor {
    /// Whether this one is such.
    fn is_available() -> bool;
}

/// AVX-512 with VNNI.
pub(super) struct Vnni;

impl Processor for Vnni {
    fn is_available() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni")
    }
}

/// AVX2.
pub(super) struct Avx2;

impl Processor for Avx2 {
    fn is_available() -> bool {
        is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c")
    }
}
