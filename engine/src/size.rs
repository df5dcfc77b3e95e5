//! Sizes of files and memory, for people.

use std::fmt;

/// A number of bytes, shown in decimal units as hubs and disks state them: "16.8 GB", "340 kB".
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
        if self.0 < 1000 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64 / 1000.0;
        let mut unit = 0;
        // What would be rounded to 1000 is one of the next unit.
        while size >= 999.5 && unit + 1 < UNITS.len() {
            size /= 1000.0;
            unit += 1;
        }
        let digits = usize::from(size < 99.95);
        write!(f, "{size:.digits$} {}", UNITS[unit])
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;

    #[test]
    fn sizes_have_three_digits_at_most() {
        for (bytes, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (340_400, "340 kB"),
            (999_900, "1.0 MB"),
            (99_960_000, "100 MB"),
            (16_760_000_000, "16.8 GB"),
            (u64::MAX, "18447 PB"),
        ] {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
    }
}
