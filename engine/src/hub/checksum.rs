//! Checksums as the hub states them: SHA-256 of files in large-file storage, git's SHA-1 of others.
//!
//! They are also the names of blobs in a cache. The number of their digits tells them apart.

use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::name::is_lower_hex;

/// What the contents of a file must have.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Checksum {
    digits: String,
}

impl Checksum {
    /// Reads the value of an `ETag` header: `"…"`, `W/"…"` or bare. `None` where it is neither of the
    /// two checksums.
    pub(super) fn from_etag(etag: &str) -> Option<Self> {
        let bare = etag.trim().trim_start_matches("W/").trim_matches('"');
        let known = matches!(bare.len(), 40 | 64) && is_lower_hex(bare);
        known.then(|| Self { digits: bare.to_owned() })
    }

    /// Hexadecimal digits: the name of the blob.
    pub(super) fn as_str(&self) -> &str {
        &self.digits
    }

    /// Begins to compute it over a file of `size` bytes.
    pub(super) fn hasher(&self, size: u64) -> Hasher {
        if self.digits.len() == 64 {
            return Hasher::Sha256(Sha256::new());
        }
        // git hashes a header before the contents.
        Hasher::GitBlob(Sha1::new().chain_update(format!("blob {size}\0")))
    }
}

/// A checksum on the way.
#[derive(Debug, Clone)]
pub(super) enum Hasher {
    /// Of contents alone.
    Sha256(Sha256),
    /// Of git's header and contents.
    GitBlob(Sha1),
}

impl Hasher {
    /// Adds the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hasher) => hasher.update(bytes),
            Self::GitBlob(hasher) => hasher.update(bytes),
        }
    }

    /// Its hexadecimal digits.
    pub(super) fn finish(self) -> String {
        match self {
            Self::Sha256(hasher) => hex(&hasher.finalize()),
            Self::GitBlob(hasher) => hex(&hasher.finalize()),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_computed() {
        // `printf 'hello\n' | sha256sum`, `printf 'hello\n' | git hash-object --stdin`
        for known in [
            "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03",
            "ce013625030ba8dba906f756967f9e9ca394464a",
        ] {
            let mut hasher = Checksum::from_etag(known).unwrap().hasher(6);
            hasher.update(b"hel");
            hasher.update(b"lo\n");
            assert_eq!(hasher.finish(), known);
        }
    }

    #[test]
    fn headers_are_read_in_each_of_their_forms() {
        let digits = "c".repeat(40);
        for etag in [digits.clone(), format!("\"{digits}\""), format!("W/\"{digits}\"")] {
            assert_eq!(Checksum::from_etag(&etag).unwrap().as_str(), digits);
        }
        for other in
            [String::new(), "\"../../x\"".to_owned(), "C".repeat(40), "c".repeat(41), "\"abc-12\"".to_owned()]
        {
            assert_eq!(Checksum::from_etag(&other), None, "{other}");
        }
    }
}
