//! Where the files of a checkpoint come from: a directory, or the binary itself. The rest of
//! [`super`] does not know the difference.

use std::fs::File;
use std::io::Read as _;
use std::ops::Deref;
use std::path::PathBuf;

use crate::error::CheckpointError;

/// Configuration, vocabulary and index files are far smaller; a larger one is some other file.
const SMALL_FILE_LIMIT: u64 = 64 << 20;

/// What messages call the directory of a checkpoint that is part of the binary.
const EMBEDDED: &str = "(built in)";

/// The bytes of a file, in memory or mapped into it.
#[derive(Debug)]
pub(super) enum Bytes {
    /// Read from the disk as they are touched.
    Mapped(memmap2::Mmap),
    /// Part of the binary.
    Static(&'static [u8]),
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Static(bytes) => bytes,
        }
    }
}

/// A directory of files.
#[derive(Debug, Clone)]
pub(super) enum FileSource {
    /// On the disk.
    Directory(PathBuf),
    /// In the binary: paths with `/`, and contents.
    Embedded {
        /// Every file.
        files: Vec<(String, &'static [u8])>,
        /// Path of the directory, empty or ending in `/`.
        directory: String,
    },
}

impl FileSource {
    /// What messages call the directory.
    pub(super) fn directory(&self) -> PathBuf {
        match self {
            Self::Directory(path) => path.clone(),
            Self::Embedded { directory, .. } => PathBuf::from(EMBEDDED).join(directory),
        }
    }

    /// What messages call a file of the directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Directory(path) => path.join(name).is_file(),
            Self::Embedded { .. } => self.embedded(name).is_some(),
        }
    }

    /// The directory `name` inside this one. It need not exist.
    pub(super) fn child(&self, name: &str) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(path.join(name)),
            Self::Embedded { files, directory } => {
                Self::Embedded { files: files.clone(), directory: format!("{directory}{name}/") }
            }
        }
    }

    /// The directory `name` beside this one. It need not exist.
    pub(super) fn sibling(&self, name: &str) -> Option<Self> {
        match self {
            // Also where the path ends in "." or "..".
            Self::Directory(path) => {
                let whole = path.canonicalize().ok()?;
                Some(Self::Directory(whole.parent()?.join(name)))
            }
            Self::Embedded { .. } => None,
        }
    }

    /// All of a small file.
    ///
    /// # Errors
    /// It cannot be read, or it is far too large for what it should be.
    pub(super) fn read(&self, name: &str) -> Result<Vec<u8>, CheckpointError> {
        if let Some(bytes) = self.embedded(name) {
            return Ok(bytes.to_vec());
        }
        let path = self.path(name);
        let failed = |source| CheckpointError::Read { path: path.clone(), source };
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(failed)?;
        file.take(SMALL_FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > SMALL_FILE_LIMIT {
            let reason = format!("it has more than {} MB", SMALL_FILE_LIMIT >> 20);
            return Err(CheckpointError::Malformed { path, reason });
        }
        Ok(bytes)
    }

    /// All of a small text file.
    ///
    /// # Errors
    /// As [`Self::read`], or the text is not UTF-8.
    pub(super) fn read_text(&self, name: &str) -> Result<String, CheckpointError> {
        String::from_utf8(self.read(name)?).map_err(|_| CheckpointError::Malformed {
            path: self.path(name),
            reason: "it is not UTF-8 text".to_owned(),
        })
    }

    /// A file of any size, mapped.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(&self, name: &str) -> Result<Bytes, CheckpointError> {
        if let Some(bytes) = self.embedded(name) {
            return Ok(Bytes::Static(bytes));
        }
        let path = self.path(name);
        map(&path).map_err(|source| CheckpointError::Read { path, source })
    }

    fn embedded(&self, name: &str) -> Option<&'static [u8]> {
        let Self::Embedded { files, directory } = self else { return None };
        let found = files.iter().find(|(path, _)| path.strip_prefix(directory.as_str()) == Some(name));
        found.map(|(_, bytes)| *bytes)
    }
}

#[expect(unsafe_code, reason = "weights of many gigabytes are mapped, not copied")]
fn map(path: &std::path::Path) -> std::io::Result<Bytes> {
    let file = File::open(path)?;
    // SAFETY: the map is only read. If another program truncates the file meanwhile, the system
    // ends this one; that is the price of mapping, and every reader of safetensors pays it.
    let map = unsafe { memmap2::Mmap::map(&file)? };
    Ok(Bytes::Mapped(map))
}
