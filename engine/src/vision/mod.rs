//! Pictures and masks as plain data: files to pixels, pixels to the encoders' inputs, boxes,
//! binary masks, mask logits. No tensors.

pub mod feature_maps;
pub mod load;
pub mod mask_candidates;
pub mod mask_logits;
pub mod masks;
pub mod polygons;
pub mod preprocess;
pub mod regions;
pub mod resample;
pub mod rle;

pub use feature_maps::{AttentionMaps, FeatureMap, FeatureMaps};
pub use load::{decode_image, load_image};
pub use mask_candidates::{Click, MaskCandidates, MaskPrompt};
pub use mask_logits::MaskLogits;
pub use masks::BinaryMask;
pub use polygons::Polygon;
pub use preprocess::FrameGeometry;
pub use regions::PixelBox;
pub use rle::{Rle, RleError};
