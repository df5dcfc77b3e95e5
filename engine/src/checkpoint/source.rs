//! Where the files of a checkpoint come from: a directory, or the binary itself. The rest of
//! [`super`] does not know the difference.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::{Deref, Range};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::one_file::OneFile;
use crate::demo_model;
use crate::error::CheckpointError;
use crate::files;
use crate::model::matrix::SharedBytes;
use crate::protocol::ModelSource;

/// What messages call the directory of a checkpoint that is part of the binary.
const EMBEDDED: &str = "(built in)";

/// A file of any size whose bytes are fetched in stretches, so that no more of it is ever in memory
/// than is looked at.
#[derive(Debug)]
pub(super) struct Contents {
    kind: Kind,
    length: usize,
}

#[derive(Debug)]
enum Kind {
    /// Held in memory, or part of the binary.
    Memory(Cow<'static, [u8]>),
    /// The lock is held while a stretch is read: seeking and reading are two steps.
    File(Mutex<File>),
}

/// A stretch of [`Contents`]. What was read or mapped for it is given back when it is dropped.
#[derive(Debug)]
pub(super) enum Window<'a> {
    /// Of bytes that are in memory anyway.
    Borrowed(&'a [u8]),
    /// Read from the disk.
    Read(Vec<u8>),
    /// Read from the disk as it is touched.
    Mapped(memmap2::Mmap),
}

impl Deref for Window<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Read(bytes) => bytes,
            Self::Mapped(map) => map,
        }
    }
}

impl Contents {
    /// Bytes in memory.
    pub(super) fn from_bytes(bytes: impl Into<Cow<'static, [u8]>>) -> Self {
        let bytes = bytes.into();
        Self { length: bytes.len(), kind: Kind::Memory(bytes) }
    }

    /// Of a file on the disk.
    ///
    /// # Errors
    /// The system says no.
    pub(super) fn from_file(file: File) -> io::Result<Self> {
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        Ok(Self { kind: Kind::File(Mutex::new(file)), length })
    }

    /// Bytes in all.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// A stretch, read.
    ///
    /// # Errors
    /// It lies outside the file, or the system says no.
    pub(super) fn read(&self, range: Range<usize>) -> io::Result<Window<'_>> {
        match &self.kind {
            Kind::Memory(bytes) => bytes.get(range).map(Window::Borrowed).ok_or_else(outside),
            Kind::File(file) => {
                self.check(&range)?;
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(range.start as u64))?;
                let mut bytes = vec![0; range.len()];
                file.read_exact(&mut bytes)?;
                Ok(Window::Read(bytes))
            }
        }
    }

    /// A stretch, mapped where it is in a file. Good for large stretches only.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn map(&self, range: Range<usize>) -> io::Result<Window<'_>> {
        match &self.kind {
            Kind::Memory(_) => self.read(range),
            // The system maps no empty stretch.
            Kind::File(_) if range.is_empty() => Ok(Window::Borrowed(&[])),
            Kind::File(file) => {
                self.check(&range)?;
                map(&file.lock().unwrap_or_else(PoisonError::into_inner), &range).map(Window::Mapped)
            }
        }
    }

    /// A stretch that stays mapped for as long as somebody holds it. `None` where the bytes are in
    /// memory that goes with this.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn share(&self, range: Range<usize>) -> io::Result<Option<SharedBytes>> {
        match &self.kind {
            Kind::Memory(Cow::Borrowed(bytes)) => {
                let bytes: &'static [u8] = bytes.get(range).ok_or_else(outside)?;
                Ok(Some(Arc::new(bytes)))
            }
            Kind::Memory(Cow::Owned(_)) => Ok(None),
            Kind::File(file) => {
                self.check(&range)?;
                let map = map(&file.lock().unwrap_or_else(PoisonError::into_inner), &range)?;
                Ok(Some(Arc::new(map)))
            }
        }
    }

    fn check(&self, range: &Range<usize>) -> io::Result<()> {
        if range.start <= range.end && range.end <= self.length { Ok(()) } else { Err(outside()) }
    }
}

fn outside() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "it ends too early")
}

/// A directory of files.
#[derive(Debug, Clone)]
pub(crate) enum FileSource {
    /// On the disk.
    Directory(PathBuf),
    /// In the binary: paths with `/`, and contents.
    Embedded {
        /// Every file.
        files: Vec<(String, &'static [u8])>,
        /// Path of the directory, empty or ending in `/`.
        directory: String,
    },
    /// In the entries of a GGUF file.
    OneFile {
        /// The file.
        file: Arc<OneFile>,
        /// As above.
        directory: String,
    },
}

impl FileSource {
    /// Where the files of a model are.
    ///
    /// # Errors
    /// As [`Self::at`].
    pub(crate) fn of(model: &ModelSource) -> Result<Self, CheckpointError> {
        match model {
            ModelSource::Demo => Ok(Self::embedded_files(demo_model::FILES)),
            ModelSource::Path(path) => Self::at(path),
        }
    }

    /// A checkpoint directory, or a file that holds all of one.
    ///
    /// # Errors
    /// There is a file, and it is none such.
    pub(super) fn at(path: &Path) -> Result<Self, CheckpointError> {
        Ok(if path.is_file() {
            Self::OneFile { file: Arc::new(OneFile::open(path)?), directory: String::new() }
        } else {
            Self::Directory(path.to_owned())
        })
    }

    /// Files of the binary, by their paths with `/`.
    pub(crate) fn embedded_files(files: &[(&str, &'static [u8])]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), *bytes)).collect();
        Self::Embedded { files, directory: String::new() }
    }

    /// What messages call the directory.
    pub(super) fn directory(&self) -> PathBuf {
        match self {
            Self::Directory(path) => path.clone(),
            Self::Embedded { directory, .. } => PathBuf::from(EMBEDDED).join(directory),
            Self::OneFile { file, .. } => file.path().to_owned(),
        }
    }

    /// What messages call a file of the directory.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            Self::OneFile { file, .. } => file.path().to_owned(),
            _ => self.directory().join(name),
        }
    }

    /// Whether there is such a file.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Directory(path) => path.join(name).is_file(),
            Self::Embedded { .. } => self.embedded(name).is_some(),
            Self::OneFile { file, directory } => file.file(&format!("{directory}{name}")).is_some(),
        }
    }

    /// The directory `name` inside this one. It need not exist.
    pub(super) fn child(&self, name: &str) -> Self {
        match self {
            Self::Directory(path) => Self::Directory(path.join(name)),
            Self::Embedded { files, directory } => {
                Self::Embedded { files: files.clone(), directory: format!("{directory}{name}/") }
            }
            Self::OneFile { file, directory } => {
                Self::OneFile { file: file.clone(), directory: format!("{directory}{name}/") }
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
            Self::Embedded { .. } | Self::OneFile { .. } => None,
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
        if let Self::OneFile { file, directory } = self {
            let found = file.file(&format!("{directory}{name}")).map(<[u8]>::to_vec);
            return found.ok_or_else(|| CheckpointError::MissingFile {
                directory: file.path().to_owned(),
                file: name.to_owned(),
                hint: "convert the checkpoint again".to_owned(),
            });
        }
        let path = self.path(name);
        files::read(&path, files::LIMIT).map_err(|source| match source.kind() {
            io::ErrorKind::FileTooLarge => {
                let reason = format!("it has more than {} MB", files::LIMIT >> 20);
                CheckpointError::Malformed { path, reason }
            }
            _ => CheckpointError::Read { path, source },
        })
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

    /// A file of any size; nothing of it is read yet.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(super) fn open(&self, name: &str) -> Result<Contents, CheckpointError> {
        if let Some(bytes) = self.embedded(name) {
            return Ok(Contents::from_bytes(bytes));
        }
        let path = self.path(name);
        let contents = files::open(&path).and_then(Contents::from_file);
        contents.map_err(|source| CheckpointError::Read { path, source })
    }

    fn embedded(&self, name: &str) -> Option<&'static [u8]> {
        let Self::Embedded { files, directory } = self else { return None };
        let found = files.iter().find(|(path, _)| path.strip_prefix(directory.as_str()) == Some(name));
        found.map(|(_, bytes)| *bytes)
    }
}

#[expect(unsafe_code, reason = "weights of many gigabytes are mapped, not copied")]
fn map(file: &File, range: &Range<usize>) -> io::Result<memmap2::Mmap> {
    // SAFETY: the map is only read. If another program truncates the file meanwhile, the system
    // ends this one; that is the price of mapping, and every reader of safetensors pays it.
    unsafe { memmap2::MmapOptions::new().offset(range.start as u64).len(range.len()).map(file) }
}
