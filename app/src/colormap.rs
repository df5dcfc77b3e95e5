//! Viridis, as `shaders/common/colormap.wgsl` has it: for legends and for maps drawn by the CPU.

/// Coefficients of the three channels, the constant first.
const POLYNOMIALS: [[f32; 7]; 3] = [
    [0.277_727_3, 0.105_093, -0.330_861_8, -4.634_230_5, 6.228_27, 4.776_385, -5.435_456],
    [0.005_407_3, 1.404_613_5, 0.214_847_6, -5.799_101, 14.179_933, -13.745_145, 4.645_852_6],
    [0.334_099_8, 1.384_590_2, 0.095_095_2, -19.332_441, 56.690_55, -65.353_03, 26.312_435],
];

/// From dark violet at 0 to yellow at 1, sRGB.
pub fn viridis(share: f32) -> [u8; 3] {
    let t = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
    POLYNOMIALS.map(|coefficients| {
        let value = coefficients.iter().rev().fold(0.0, |sum, c| sum * t + c);
        (value.clamp(0.0, 1.0) * 255.0).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_those_of_matplotlib() {
        let known = [
            (0.0, [68, 1, 84]),
            (0.25, [59, 82, 139]),
            (0.5, [33, 145, 140]),
            (0.75, [94, 201, 98]),
            (1.0, [253, 231, 37]),
        ];
        for (share, want) in known {
            let found = viridis(share);
            for (a, b) in found.iter().zip(want) {
                assert!(a.abs_diff(b) <= 6, "{share}: {found:?}, not {want:?}");
            }
        }
        assert_eq!(viridis(f32::NAN), viridis(0.0));
        assert_eq!(viridis(9.0), viridis(1.0));
    }

    /// The shader has the same numbers.
    #[test]
    fn the_shader_agrees() {
        let shader = include_str!("../../shaders/common/colormap.wgsl");
        for degree in 0..7 {
            let name = format!("let c{degree} = vec3<f32>(");
            let start = shader.find(&name).map(|at| at + name.len());
            let list = start.and_then(|at| shader[at..].split(')').next()).unwrap_or_default();
            let values: Vec<f32> = list.split(',').filter_map(|v| v.trim().parse().ok()).collect();
            assert_eq!(values.len(), 3, "c{degree}");
            for (value, channel) in values.iter().zip(POLYNOMIALS) {
                assert!((value - channel[degree]).abs() < 1e-5, "c{degree}: {value} {}", channel[degree]);
            }
        }
    }
}
