//! Keys with their modifiers, in few words for the table; keys that do the same.

use egui::{Key, KeyboardShortcut, Modifiers};

use super::Command;

pub(super) const fn ctrl(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND, key)
}

pub(super) const fn ctrl_shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::SHIFT), key)
}

pub(super) const fn alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::ALT, key)
}

pub(super) const fn ctrl_alt(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::COMMAND.plus(Modifiers::ALT), key)
}

pub(super) const fn shift(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::SHIFT, key)
}

pub(super) const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

impl Command {
    /// Other keys for it: which other programs have taught people, or where a keyboard lacks the first ones.
    pub fn other_shortcut(self) -> Option<KeyboardShortcut> {
        match self {
            Self::ShowPalette => Some(ctrl_shift(Key::P)),
            Self::ShowShortcuts => Some(plain(Key::F1)),
            Self::Redo => Some(ctrl(Key::Y)),
            // Without Ctrl these keys belong to the question while it is being written.
            Self::NextPicture => Some(ctrl(Key::PageDown)),
            Self::PreviousPicture => Some(ctrl(Key::PageUp)),
            // Where plus is typed with Shift, people leave it out.
            Self::ZoomIn => Some(ctrl(Key::Equals)),
            Self::LargerInterface => Some(ctrl_alt(Key::Equals)),
            // Small keyboards have no Delete.
            Self::DeleteRegion => Some(plain(Key::Backspace)),
            // Windows takes these for Cut.
            Self::DeleteMask => Some(shift(Key::Delete)),
            Self::DeleteConversation => Some(ctrl_shift(Key::Delete)),
            _ => None,
        }
    }
}
