//! What the named colours look like: a range of hue, saturation and value for each, so far apart
//! that a person would not argue about the name.

use tiny_skia::Color as SkiaColor;

use super::{Color, rng::SceneRng};

/// A colour to paint with; red, green and blue from 0 to 1, not premultiplied.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tint {
    r: f32,
    g: f32,
    b: f32,
}

impl Tint {
    pub(crate) const WHITE: Self = Self { r: 1.0, g: 1.0, b: 1.0 };
    pub(crate) const INK: Self = Self { r: 0.13, g: 0.12, b: 0.15 };

    /// From 8-bit values as designers write them.
    pub(crate) const fn rgb(r: u8, g: u8, b: u8) -> Self {
        Self { r: r as f32 / 255.0, g: g as f32 / 255.0, b: b as f32 / 255.0 }
    }

    /// From hue in degrees, saturation and value from 0 to 1.
    pub(crate) fn hsv(hue: f32, saturation: f32, value: f32) -> Self {
        let channel = |n: f32| {
            let k = (n + hue.rem_euclid(360.0) / 60.0) % 6.0;
            value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
        };
        Self { r: channel(5.0), g: channel(3.0), b: channel(1.0) }
    }

    /// The share `amount` of `other`, the rest of `self`.
    pub(crate) fn mix(self, other: Self, amount: f32) -> Self {
        let lerp = |a: f32, b: f32| a + (b - a) * amount;
        Self { r: lerp(self.r, other.r), g: lerp(self.g, other.g), b: lerp(self.b, other.b) }
    }

    /// Towards white.
    pub(crate) fn lighter(self, amount: f32) -> Self {
        self.mix(Self::WHITE, amount)
    }

    /// Towards black, hue kept.
    pub(crate) fn darker(self, amount: f32) -> Self {
        let keep = 1.0 - amount;
        Self { r: self.r * keep, g: self.g * keep, b: self.b * keep }
    }

    /// Euclidean distance in RGB to a pixel with channels from 0 to 1.
    #[cfg(test)]
    pub(crate) fn distance(self, [r, g, b]: [f32; 3]) -> f32 {
        ((self.r - r).powi(2) + (self.g - g).powi(2) + (self.b - b).powi(2)).sqrt()
    }

    /// For tiny-skia, with an opacity.
    pub(crate) fn with_alpha(self, alpha: f32) -> SkiaColor {
        let c = |v: f32| v.clamp(0.0, 1.0);
        SkiaColor::from_rgba(c(self.r), c(self.g), c(self.b), c(alpha)).unwrap_or(SkiaColor::BLACK)
    }
}

/// The shades that one thing of one colour is drawn in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shades {
    /// Most of the surface.
    pub(crate) base: Tint,
    /// Where light falls.
    pub(crate) light: Tint,
    /// Where it does not; still clearly of the same name.
    pub(crate) dark: Tint,
    /// Outlines and inner lines.
    pub(crate) line: Tint,
}

impl Shades {
    /// A random shade of a named colour.
    pub(crate) fn new(color: Color, rng: &mut SceneRng) -> Self {
        // Hue in degrees, then saturation, then value: from, to.
        let [hue, saturation, value] = match color {
            Color::Red => [(-5.0, 4.0), (0.76, 0.88), (0.80, 0.92)],
            Color::Orange => [(25.0, 31.0), (0.84, 0.95), (0.95, 1.0)],
            Color::Yellow => [(48.0, 55.0), (0.70, 0.88), (0.96, 1.0)],
            Color::Green => [(112.0, 148.0), (0.55, 0.75), (0.52, 0.70)],
            Color::Blue => [(210.0, 226.0), (0.66, 0.84), (0.74, 0.93)],
            Color::Purple => [(268.0, 284.0), (0.54, 0.70), (0.56, 0.72)],
            Color::Pink => [(328.0, 342.0), (0.34, 0.48), (0.97, 1.0)],
            Color::Brown => [(19.0, 27.0), (0.55, 0.68), (0.38, 0.50)],
            Color::White => [(190.0, 230.0), (0.0, 0.03), (0.96, 1.0)],
            Color::Black => [(210.0, 260.0), (0.05, 0.20), (0.15, 0.22)],
        };
        let base = Tint::hsv(
            rng.range(hue.0, hue.1),
            rng.range(saturation.0, saturation.1),
            rng.range(value.0, value.1),
        );
        Self::of(base, color)
    }

    /// Shades around a given tint of a named colour.
    fn of(base: Tint, color: Color) -> Self {
        match color {
            // A darker white would be grey, and a darker black cannot be seen.
            Color::White => Self {
                base,
                light: Tint::WHITE,
                dark: base.mix(Tint::rgb(196, 206, 222), 0.55),
                line: Tint::rgb(120, 130, 150),
            },
            Color::Black => Self {
                base,
                light: base.lighter(0.22),
                dark: base.darker(0.35),
                line: base.lighter(0.30).darker(0.1),
            },
            // Darker yellow and orange turn to brown: only a little.
            Color::Yellow | Color::Orange => Self {
                base,
                light: base.lighter(0.4),
                dark: base.mix(Tint::rgb(240, 130, 0), 0.22),
                line: base.darker(0.42),
            },
            _ => Self { base, light: base.lighter(0.28), dark: base.darker(0.18), line: base.darker(0.45) },
        }
    }

    /// Shades of a tint that has no name of its own (skin, metal, glass).
    pub(crate) fn unnamed(base: Tint) -> Self {
        Self { base, light: base.lighter(0.3), dark: base.darker(0.15), line: base.darker(0.42) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn named_colours_are_far_apart() {
        let mut rng = SceneRng::new(11);
        let samples: Vec<(Color, Tint)> = Color::ALL
            .iter()
            .flat_map(|&c| (0..40).map(move |_| c))
            .map(|c| (c, Shades::new(c, &mut rng).base))
            .collect();
        for (a, p) in &samples {
            for (b, q) in &samples {
                if a != b {
                    let distance = p.distance([q.r, q.g, q.b]);
                    assert!(distance > 0.15, "{a:?} {p:?} and {b:?} {q:?} are {distance} apart");
                }
            }
        }
    }

    #[test]
    fn hsv_gives_the_primaries() {
        assert_eq!(Tint::hsv(0.0, 1.0, 1.0), Tint { r: 1.0, g: 0.0, b: 0.0 });
        assert_eq!(Tint::hsv(120.0, 1.0, 1.0), Tint { r: 0.0, g: 1.0, b: 0.0 });
        assert_eq!(Tint::hsv(240.0, 1.0, 0.5), Tint { r: 0.0, g: 0.0, b: 0.5 });
    }
}
