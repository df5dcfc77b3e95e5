//! What the window needs of the system it runs on: files, dialogs, the clipboard, typefaces, the GPU's
//! limits, preferences, the log, the window itself.

pub(crate) mod clipboard;
pub(crate) mod dialogs;
pub(crate) mod files;
pub(crate) mod fonts;
pub(crate) mod gpu;
pub mod log;
pub mod preferences;
pub mod shared_list;
pub mod surroundings;
pub mod window;
