//! Words about numbers, for people.

/// "1 mask", "2 masks".
pub(crate) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
