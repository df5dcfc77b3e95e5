//! The colours of phrases and masks, shared by the window and the command line.
//!
//! A phrase, its mask, its outline and its chip always have one colour: the one at the place of the
//! phrase's first mask in the reply. Nothing here knows a GUI or a terminal; colours are plain sRGB bytes.
//!
//! The order matters. Each colour is the one farthest from all before it, in OKLab, under normal
//! vision and under the three dichromacies alike (simulated as in Machado et al., "A
//! Physiologically-based Model for Simulation of Color Vision Deficiency", 2009). So the first few,
//! which nearly every reply gets by with, stay apart for everyone; a test holds the distances.

use glamm_engine::protocol::Grounding;

/// A colour in sRGB, 8 bits a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rgb {
    /// Red.
    pub r: u8,
    /// Green.
    pub g: u8,
    /// Blue.
    pub b: u8,
}

impl Rgb {
    const fn new(r: u8, g: u8, b: u8) -> Self {
        Self { r, g, b }
    }

    /// The three channels, red first.
    pub const fn array(self) -> [u8; 3] {
        [self.r, self.g, self.b]
    }

    /// This far on the way to white, 0 to 1.
    #[must_use]
    pub fn toward_white(self, share: f32) -> Self {
        let [r, g, b] = self.array().map(|c| (f32::from(c) + (255.0 - f32::from(c)) * share).round() as u8);
        Self { r, g, b }
    }

    /// As written in CSS and in the JSON of the command line: `#4090ff`.
    pub fn hex(self) -> String {
        format!("#{:02x}{:02x}{:02x}", self.r, self.g, self.b)
    }
}

/// Colours of phrases, in the order in which they are given out.
pub const PHRASE_COLORS: [Rgb; 12] = [
    Rgb::new(0x40, 0x90, 0xff), // blue
    Rgb::new(0xe8, 0x40, 0x00), // vermilion
    Rgb::new(0xe8, 0xd8, 0x00), // yellow
    Rgb::new(0x60, 0xe8, 0xff), // aqua
    Rgb::new(0xa0, 0x50, 0x90), // plum
    Rgb::new(0xf0, 0x98, 0x88), // salmon
    Rgb::new(0xc0, 0x80, 0xb0), // mauve
    Rgb::new(0x98, 0xb0, 0xff), // periwinkle
    Rgb::new(0x68, 0x60, 0xd0), // violet
    Rgb::new(0xa8, 0xe8, 0xa0), // mint
    Rgb::new(0xa0, 0xb0, 0x00), // olive
    Rgb::new(0x00, 0x90, 0x58), // green
];

/// Colours of regions, in the order of their numbers.
pub const REGION_COLORS: [Rgb; 6] = [
    Rgb::new(114, 156, 255),
    Rgb::new(255, 176, 66),
    Rgb::new(110, 214, 150),
    Rgb::new(240, 130, 205),
    Rgb::new(90, 208, 226),
    Rgb::new(198, 160, 255),
];

/// The colour of the region at a place of [`REGION_COLORS`]; they repeat after the last one.
pub const fn region_color(place: usize) -> Rgb {
    REGION_COLORS[place % REGION_COLORS.len()]
}

/// The colour of the phrase at a place in a reply; they repeat after the last one.
pub const fn phrase_color(index: usize) -> Rgb {
    PHRASE_COLORS[index % PHRASE_COLORS.len()]
}

/// A place near the front of the palette whose colour is far from that of `place`, for what has no colour of
/// its own.
pub fn place_apart_from(place: usize) -> usize {
    /// The first few are far from each other under every kind of vision.
    const FIRST: usize = 4;
    let own = phrase_color(place).array();
    let distance = |other: &usize| -> u32 {
        let channels = phrase_color(*other).array().into_iter().zip(own);
        channels.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    (0..FIRST).max_by_key(distance).unwrap_or(0)
}

/// The mask of a reply whose colour a mask has: the first one of its phrase, since masks of one phrase share its
/// colour. A mask without a phrase has one of its own.
pub fn first_of_phrase<'a>(
    groundings: impl IntoIterator<Item = &'a Grounding> + Clone,
    index: usize,
) -> usize {
    let own = groundings.clone().into_iter().nth(index).filter(|own| !own.span.is_empty());
    own.and_then(|own| groundings.into_iter().position(|other| other.span == own.span)).unwrap_or(index)
}

/// The colour of each mask of a reply that is the first of its conversation.
pub fn grounding_colors(groundings: &[Grounding]) -> Vec<Rgb> {
    (0..groundings.len()).map(|index| phrase_color(first_of_phrase(groundings, index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_of_one_phrase_share_its_color() {
        let groundings = [2..9, 2..9, 13..19, 20..20, 20..20].map(|span| Grounding { span });
        assert_eq!(grounding_colors(&groundings), [0, 0, 2, 3, 4].map(phrase_color));
        assert_eq!(first_of_phrase(&groundings, 9), 9, "of what is not there yet");
    }

    type Matrix = [[f64; 3]; 3];

    /// Severity 1.0, on linear RGB.
    const VISIONS: [Matrix; 4] = [
        [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        [
            [0.152_286, 1.052_583, -0.204_868],
            [0.114_503, 0.786_281, 0.099_216],
            [-0.003_882, -0.048_116, 1.051_998],
        ],
        [
            [0.367_322, 0.860_646, -0.227_968],
            [0.280_085, 0.672_501, 0.047_413],
            [-0.011_820, 0.042_940, 0.968_881],
        ],
        [
            [1.255_528, -0.076_749, -0.178_779],
            [-0.078_411, 0.930_809, 0.147_602],
            [0.004_733, 0.691_367, 0.303_900],
        ],
    ];
    const LMS_FROM_LINEAR: Matrix = [
        [0.412_221_470_8, 0.536_332_536_3, 0.051_445_992_9],
        [0.211_903_498_2, 0.680_699_545_1, 0.107_396_956_6],
        [0.088_302_461_9, 0.281_718_837_6, 0.629_978_700_5],
    ];
    const OKLAB_FROM_LMS: Matrix = [
        [0.210_454_255_3, 0.793_617_785_0, -0.004_072_046_8],
        [1.977_998_495_1, -2.428_592_205_0, 0.450_593_709_9],
        [0.025_904_037_1, 0.782_771_766_2, -0.808_675_766_0],
    ];

    fn apply(m: &Matrix, v: [f64; 3]) -> [f64; 3] {
        m.map(|row| row.iter().zip(v).map(|(a, b)| a * b).sum())
    }

    fn oklab_seen_through(color: Rgb, vision: &Matrix) -> [f64; 3] {
        let linear = color.array().map(|byte| {
            let c = f64::from(byte) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        let seen = apply(vision, linear).map(|c| c.clamp(0.0, 1.0));
        apply(&OKLAB_FROM_LMS, apply(&LMS_FROM_LINEAR, seen).map(f64::cbrt))
    }

    fn smallest_distance(colors: &[Rgb], vision: &Matrix) -> f64 {
        let lab: Vec<_> = colors.iter().map(|&c| oklab_seen_through(c, vision)).collect();
        let mut smallest = f64::INFINITY;
        for (i, a) in lab.iter().enumerate() {
            for b in &lab[..i] {
                let squared: f64 = a.iter().zip(b).map(|(p, q)| (p - q).powi(2)).sum();
                smallest = smallest.min(squared.sqrt());
            }
        }
        smallest
    }

    /// A distance of 0.02 in OKLab is about what an eye just notices side by side.
    #[test]
    fn colors_stay_apart_for_every_kind_of_vision() {
        for (first, at_least) in [(4, 0.19), (6, 0.13), (8, 0.09), (12, 0.07)] {
            for vision in &VISIONS {
                let distance = smallest_distance(&PHRASE_COLORS[..first], vision);
                assert!(distance > at_least, "the first {first} are only {distance:.3} apart");
            }
        }
    }

    #[test]
    fn what_has_no_color_gets_one_that_is_far_from_its_neighbour() {
        for place in 0..2 * PHRASE_COLORS.len() {
            let two = [phrase_color(place), phrase_color(place_apart_from(place))];
            for vision in &VISIONS {
                assert!(smallest_distance(&two, vision) > 0.1, "{place}");
            }
        }
    }

    #[test]
    fn colors_repeat_after_the_last() {
        assert_eq!(phrase_color(PHRASE_COLORS.len() + 3), PHRASE_COLORS[3]);
        assert_eq!(PHRASE_COLORS[0].hex(), "#4090ff");
    }
}
