//! Where the work is kept, and what is being asked about it: part of the session's state.
//!
//! Changed by `update::keeping` alone; `storage` does the work on its threads.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use glamm_engine::protocol::ImageId;

use crate::document::Document;
use crate::storage::{GoingOn, Recoverable, Stamp, StoredImage};
use crate::system::shared_list::Elsewhere;
use crate::words::name_of;

/// What ends the present session, and waits until nothing unsaved is lost by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaving {
    /// The window is to be closed.
    Quit,
    /// An empty session is to be begun.
    Begin,
    /// Another session is to be opened.
    Open(PathBuf),
    /// What another program left is to be opened.
    Recover(PathBuf),
}

/// Whether the session is about to end.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Departure {
    /// It is not.
    #[default]
    Staying,
    /// It is asked whether to save first, once nothing is being read or written any more.
    Asking(Leaving),
    /// What is not saved is being saved first.
    Saving(Leaving),
    /// The window may be closed.
    MayClose,
}

impl Departure {
    /// What the session is to end for.
    pub fn leaving(&self) -> Option<&Leaving> {
        match self {
            Self::Asking(leaving) | Self::Saving(leaving) => Some(leaving),
            Self::Staying | Self::MayClose => None,
        }
    }
}

/// What is being read or written at this moment; there is one thing at most.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Busy {
    /// A session is being read. Nothing is done in the present one meanwhile.
    Opening(PathBuf),
    /// So is what another program left.
    Recovering,
    /// The session is being written.
    Saving(PathBuf),
    /// Boxes and masks of another program are being read.
    Importing(PathBuf),
}

impl Busy {
    /// For people.
    pub fn words(&self) -> String {
        match self {
            Self::Opening(path) => format!("Opening {} …", name_of(path)),
            Self::Recovering => "Recovering your work …".to_owned(),
            Self::Saving(path) => format!("Saving {} …", name_of(path)),
            Self::Importing(path) => format!("Reading {} …", name_of(path)),
        }
    }

    /// Whether another session takes the place of the present one after it.
    pub fn is_opening(&self) -> bool {
        matches!(self, Self::Opening(_) | Self::Recovering)
    }
}

/// What is being written, beside the document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Writing {
    /// Questions.
    pub drafts: HashMap<ImageId, String>,
    /// The rest.
    pub going_on: GoingOn<ImageId>,
}

impl Writing {
    /// Whether something of it is not in what was kept.
    pub fn is_beyond(&self, kept: &Self) -> bool {
        let is_new = |(image, draft): (&ImageId, &String)| {
            !draft.trim().is_empty() && kept.drafts.get(image) != Some(draft)
        };
        let goes_on = !self.going_on.is_nothing() && self.going_on != kept.going_on;
        goes_on || self.drafts.iter().any(is_new)
    }
}

/// The answer to the question about unsaved changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaveAnswer {
    /// Save first.
    Save,
    /// Leave without.
    Discard,
    /// Stay.
    Stay,
}

/// What a path is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PathPurpose {
    /// Pictures to open.
    OpenPictures,
    /// A folder of pictures to open.
    OpenFolder,
    /// A folder with a model to load.
    OpenModel,
    /// A model in one file to load.
    OpenModelFile,
    /// A session to open.
    OpenSession,
    /// Where to save the session.
    SaveSession,
    /// A folder for exported files.
    ExportFolder,
    /// Boxes and masks of another program.
    Import,
    /// A mask of this picture, to compare with.
    OpenMask(ImageId),
    /// Where this picture is now, which is missing.
    FindPicture(ImageId),
}

impl PathPurpose {
    /// Over the dialog.
    pub fn title(self) -> &'static str {
        match self {
            Self::OpenPictures => "Open pictures",
            Self::OpenFolder => "Open a folder of pictures",
            Self::OpenModel => "Open a model folder",
            Self::OpenModelFile => "Open a model file",
            Self::OpenSession => "Open a session",
            Self::SaveSession => "Save the session",
            Self::ExportFolder => "Export to a folder",
            Self::Import => "Import boxes and masks",
            Self::OpenMask(_) => "Open a mask",
            Self::FindPicture(_) => "Find the missing picture",
        }
    }

    /// Whether the path need not be there yet.
    pub fn is_for_writing(self) -> bool {
        matches!(self, Self::SaveSession | Self::ExportFolder)
    }
}

/// A path to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathQuestion {
    /// What for.
    pub purpose: PathPurpose,
    /// To begin with.
    pub suggested: Option<PathBuf>,
}

/// A path that is being typed, where the desktop has no dialog for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPrompt {
    /// What for.
    pub purpose: PathPurpose,
    /// So far.
    pub text: String,
}

/// See the module.
#[derive(Debug)]
pub struct Keeping {
    /// The session file, once there is one.
    pub file: Option<PathBuf>,
    /// How that file was when it was last read or written.
    pub stamp: Option<Stamp>,
    /// Where to save what was left of a damaged file, or work that is older than its file, which is to stay as
    /// it is.
    pub beside_damaged: Option<PathBuf>,
    /// A file that lies where the session is to be saved, and may be replaced or not.
    pub in_the_way: Option<PathBuf>,
    /// The document as that file has it.
    pub saved: Document,
    /// What was being written, as that file has it.
    pub saved_writing: Writing,
    /// Pictures that lie in a session file.
    pub stored: HashMap<ImageId, StoredImage>,
    /// Closed pictures whose pixels are nowhere but in memory.
    pub only_in_memory: HashSet<ImageId>,
    /// Session files last opened or saved, the latest first.
    pub recent: Vec<PathBuf>,
    /// Whether saving puts the pictures into the file.
    pub with_pictures: bool,
    /// What is being read or written at this moment.
    pub busy: Option<Busy>,
    /// Whether the session is about to end.
    pub departure: Departure,
    /// What other programs left.
    pub recoverable: Vec<Recoverable>,
    /// A path that is being typed.
    pub path_prompt: Option<PathPrompt>,
    /// Folders whose content was recovered into this session.
    pub recovered_from: Vec<PathBuf>,
}

/// Sessions that are remembered.
const MAX_RECENT: usize = 10;

impl Default for Keeping {
    fn default() -> Self {
        Self {
            file: None,
            stamp: None,
            beside_damaged: None,
            in_the_way: None,
            saved: Document::default(),
            saved_writing: Writing::default(),
            stored: HashMap::new(),
            only_in_memory: HashSet::new(),
            recent: Vec::new(),
            with_pictures: true,
            busy: None,
            departure: Departure::default(),
            recoverable: Vec::new(),
            path_prompt: None,
            recovered_from: Vec::new(),
        }
    }
}

impl Keeping {
    /// Whether something would be lost with this document: something that was made and is not in the
    /// file. A picture that was only looked at is no loss.
    pub fn is_unsaved(&self, document: &Document) -> bool {
        if self.file.is_some() {
            return !self.saved.is_same(document);
        }
        document.pictures().iter().any(|picture| picture.is_touched())
    }

    /// Whether the window may be closed without asking.
    pub fn may_close(&self) -> bool {
        self.departure == Departure::MayClose
    }

    /// What the session is called.
    pub fn name(&self) -> Option<String> {
        let stem = self.file.as_deref()?.file_stem()?;
        Some(stem.to_string_lossy().into_owned())
    }

    /// Puts a session at the front of the recent ones.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(MAX_RECENT);
    }

    /// Takes over what other windows did: what they opened goes to the front.
    pub fn remember_others(&mut self, Elsewhere { added, gone }: Elsewhere<PathBuf>) {
        self.recent.retain(|known| !added.contains(known) && !gone.contains(known));
        self.recent.splice(0..0, added);
        self.recent.truncate(MAX_RECENT);
    }
}

/// The path that was typed; `~` is the user's own folder, as in a shell.
pub fn typed_path(text: &str) -> PathBuf {
    let text = text.trim();
    let below_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match (below_home, std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest.trim_start_matches('/')),
        _ => PathBuf::from(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_is_the_users_own_folder() {
        let home = std::env::home_dir().unwrap_or_default();
        assert_eq!(typed_path(" ~/a/b.glamm "), home.join("a/b.glamm"));
        assert_eq!(typed_path("~"), home);
        for plain in ["/a/~/b", "~other/b", "a.glamm"] {
            assert_eq!(typed_path(plain), PathBuf::from(plain));
        }
    }
}
