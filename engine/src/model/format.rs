//! Formats of GGML for the elements of a matrix.

use candle_core::quantized::GgmlDType;

/// How the elements of a matrix are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// Single precision.
    F32,
    /// Half precision.
    F16,
    /// The upper half of single precision.
    BF16,
    /// Blocks of 32: 8 bits an element and one scale.
    Q8_0,
    /// Blocks of 32: 5 bits and one scale.
    Q5_0,
    /// Blocks of 32: 4 bits and one scale.
    Q4_0,
    /// Blocks of 256: 6 bits and 16 scales.
    Q6K,
    /// Blocks of 256: 5 bits, 8 scales and 8 offsets.
    Q5K,
    /// Blocks of 256: 4 bits, 8 scales and 8 offsets.
    Q4K,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 9] = [
        Self::F32,
        Self::F16,
        Self::BF16,
        Self::Q8_0,
        Self::Q5_0,
        Self::Q4_0,
        Self::Q6K,
        Self::Q5K,
        Self::Q4K,
    ];

    /// The tensor library's name for it.
    pub fn ggml(self) -> GgmlDType {
        match self {
            Self::F32 => GgmlDType::F32,
            Self::F16 => GgmlDType::F16,
            Self::BF16 => GgmlDType::BF16,
            Self::Q8_0 => GgmlDType::Q8_0,
            Self::Q5_0 => GgmlDType::Q5_0,
            Self::Q4_0 => GgmlDType::Q4_0,
            Self::Q6K => GgmlDType::Q6K,
            Self::Q5K => GgmlDType::Q5K,
            Self::Q4K => GgmlDType::Q4K,
        }
    }

    /// Its name, as GGML's.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q5_0 => "q5_0",
            Self::Q4_0 => "q4_0",
            Self::Q6K => "q6_k",
            Self::Q5K => "q5_k",
            Self::Q4K => "q4_k",
        }
    }

    /// Elements of a row that are stored together; rows are multiples of it.
    pub fn block(self) -> usize {
        self.ggml().block_size()
    }

    /// Bytes of so many elements, a multiple of [`Self::block`].
    pub fn bytes(self, elements: usize) -> usize {
        elements / self.block() * self.ggml().type_size()
    }

    /// Whether elements are plain numbers rather than blocks.
    pub fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    /// This format, or the next finer one whose blocks fit rows of `columns` elements.
    #[must_use]
    pub fn fitting(self, columns: usize) -> Self {
        if columns.is_multiple_of(self.block()) {
            return self;
        }
        let finer = match self {
            Self::Q4K => Self::Q5_0,
            Self::Q5K | Self::Q6K => Self::Q8_0,
            _ => Self::F16,
        };
        finer.fitting(columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_give_way_to_finer_ones() {
        assert_eq!(Format::Q4K.fitting(512), Format::Q4K);
        assert_eq!(Format::Q4K.fitting(192), Format::Q5_0);
        assert_eq!(Format::Q6K.fitting(192), Format::Q8_0);
        assert_eq!(Format::Q4K.fitting(40), Format::F16);
        assert_eq!(Format::Q4K.bytes(512), 288);
    }
}
