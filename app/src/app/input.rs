//! What comes from outside a widget: dropped files, pasted pictures, the shortcuts of commands, and Escape,
//! which closes one thing at a time.

use std::path::PathBuf;

use egui::{Context, Event, Key, Modifiers};

use super::App;
use crate::command::Command;
use crate::keeping::PathPurpose;
use crate::ui;
use crate::update::{Action, KeepingAction};

/// What Escape is for: the innermost of what there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escape {
    /// What lies over the rest, or is being written.
    Above,
    /// A drag, the brush or clicks on the canvas.
    Canvas,
    /// The reply on its way.
    Reply,
}

impl App {
    /// What Escape is for now. egui has taken the keyboard from a text field by the time this is asked,
    /// so what had it in the last frame counts. In the question Escape stops the reply: one is there
    /// after every question.
    fn escape(&self, ctx: &Context) -> Escape {
        let writes = self.wrote_in.is_some_and(|field| field != ui::question_id());
        if self.state.is_dragging() {
            Escape::Canvas
        } else if writes || egui::Popup::is_any_open(ctx) || self.state.is_covered() {
            Escape::Above
        } else if self.state.has_work_in_hand() {
            Escape::Canvas
        } else {
            Escape::Reply
        }
    }

    /// Dropped files, pasted pictures, shortcuts.
    pub(super) fn input(&mut self, ctx: &Context) {
        let (dropped, events) = ctx.input(|i| (i.raw.dropped_files.clone(), i.events.clone()));
        if !dropped.is_empty() {
            let paths = dropped.iter().map(|file| file.path().to_path_buf());
            let (folders, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
            for folder in folders {
                self.act(
                    ctx,
                    Action::Keeping(KeepingAction::PathChosen(PathPurpose::OpenFolder, vec![folder])),
                );
            }
            if !files.is_empty() {
                self.act(ctx, Action::OpenFiles(files));
            }
        }
        // A button that has the keyboard takes Enter and the space bar alone.
        let typing = ctx.text_edit_focused();
        for event in events {
            match event {
                Event::PasteImage(image) => self.act(ctx, Action::OpenPasted(image)),
                Event::Paste(text) if !typing => {
                    if let Some(path) = pasted_path(&text) {
                        self.act(ctx, Action::OpenFiles(vec![path]));
                    }
                }
                _ => {}
            }
        }
        let escape = self.escape(ctx);
        self.escape_on_canvas = escape == Escape::Canvas && ctx.input(|i| i.key_pressed(Key::Escape));
        let is_press = |event: &Event| matches!(event, Event::Key { pressed: true, .. });
        if self.state.is_asking() || !ctx.input(|i| i.events.iter().any(is_press)) {
            return;
        }
        for command in Command::ALL {
            let for_others = command == Command::Stop && escape != Escape::Reply;
            let covered = self.state.ui.is_modal() && !command.works_over_modals();
            if for_others || covered || !command.is_enabled(&self.state) {
                continue;
            }
            let mut shortcuts = command.info().shortcut.into_iter().chain(command.other_shortcut());
            if shortcuts.any(|keys| (!typing || command.works_while_typing(keys)) && consume(ctx, keys)) {
                self.act(ctx, Action::Command(command));
            }
        }
    }
}

/// A file named by pasted text: a path, or the URI that file managers copy.
fn pasted_path(text: &str) -> Option<PathBuf> {
    let line = text.lines().next()?.trim();
    let path = PathBuf::from(line.strip_prefix("file://").unwrap_or(line).replace("%20", " "));
    (path.is_absolute() && path.is_file()).then_some(path)
}

/// Whether a shortcut was pressed, which is answered once.
fn consume(ctx: &Context, shortcut: egui::KeyboardShortcut) -> bool {
    ctx.input_mut(|i| {
        let before = i.events.len();
        i.events.retain(|event| match event {
            Event::Key { key, pressed: true, modifiers, .. } => !is_meant(shortcut, *key, *modifiers),
            _ => true,
        });
        i.events.len() < before
    })
}

/// Whether a key that was pressed with these modifiers is a shortcut. What is held by now may be something
/// else: where a frame takes long, the hand is faster. A key without modifiers must be pressed without any.
fn is_meant(shortcut: egui::KeyboardShortcut, key: Key, modifiers: Modifiers) -> bool {
    // On most keyboards the question mark itself is typed with Shift.
    let shift = modifiers.shift && key != Key::Questionmark;
    if shortcut.modifiers == Modifiers::NONE && !(Modifiers { shift, ..modifiers }).is_none() {
        return false;
    }
    // With shift a letter is another shortcut; "+" and its like may need shift to be typed.
    let is_letter = (Key::A..=Key::Z).contains(&key);
    if is_letter && shortcut.modifiers.shift != modifiers.shift {
        return false;
    }
    key == shortcut.logical_key && modifiers.matches_logically(shortcut.modifiers)
}

#[cfg(test)]
mod tests {
    use egui::{KeyboardShortcut, RawInput};

    use super::*;

    #[test]
    fn what_was_held_with_the_key_counts_and_not_what_is_held_by_now() {
        let plain = KeyboardShortcut::new(Modifiers::NONE, Key::T);
        let shifted = KeyboardShortcut::new(Modifiers::SHIFT, Key::T);
        for (held, meant, other) in [(Modifiers::SHIFT, shifted, plain), (Modifiers::NONE, plain, shifted)] {
            let ctx = Context::default();
            let key = |pressed| Event::Key {
                key: Key::T,
                physical_key: None,
                pressed,
                repeat: false,
                modifiers: held,
            };
            // Both within one frame, at whose end nothing is held.
            let input = RawInput { events: vec![key(true), key(false)], ..RawInput::default() };
            let mut found = None;
            let output = ctx.run_ui(input, |ui| {
                let ctx = ui.ctx();
                found.get_or_insert([other, meant, meant].map(|shortcut| consume(ctx, shortcut)));
            });
            output.drop_without_applying_deltas();
            assert_eq!(found, Some([false, true, false]), "{held:?}");
        }
    }
}
