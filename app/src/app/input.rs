//! What comes from outside a widget: dropped files, pasted pictures, the shortcuts of commands, and Escape,
//! which closes one thing at a time.

use std::path::PathBuf;

use egui::{Context, Event, Key, Modifiers};
use percent_encoding::percent_decode_str;

use super::App;
use crate::action::{Action, KeepingAction};
use crate::command::Command;
use crate::state::keeping::PathPurpose;
use crate::ui;

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

/// Where paths come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paths {
    /// They were dropped on the window: they are files or folders.
    Dropped,
    /// They were found in text, which may mean something else.
    Pasted,
}

impl App {
    /// What Escape is for now. egui has taken the keyboard from a text field by the time this is asked,
    /// so what had it in the last frame counts. In the question Escape stops the reply: one is there
    /// after every question.
    fn escape(&self, ctx: &Context) -> Escape {
        let question = self.state.ui.current.map(ui::question_id);
        let writes = self.wrote_in.is_some() && self.wrote_in != question;
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

    /// Opens files, and the pictures of folders. What paths are is looked up on a thread of its own: a disk far
    /// away may take its time.
    fn open_what_is_there(&mut self, ctx: &Context, paths: Vec<PathBuf>, from: Paths) {
        let report = self.reporter(ctx, |action| action);
        let work = move || {
            let (folders, rest): (Vec<_>, Vec<_>) = paths.into_iter().partition(|path| path.is_dir());
            // Text that names no file is no mistake.
            let files = rest.into_iter().filter(|path| from == Paths::Dropped || path.is_file()).collect();
            let of_folder =
                |folder| Action::Keeping(KeepingAction::PathChosen(PathPurpose::OpenFolder, vec![folder]));
            let found = folders.into_iter().map(of_folder).chain([Action::OpenFiles(files)]);
            found.for_each(report);
        };
        if let Err(error) = std::thread::Builder::new().name("dropped-files".to_owned()).spawn(work) {
            self.act(ctx, Action::Failed(format!("The files could not be opened: {error}")));
        }
    }

    /// The newest message goes first.
    fn dismiss_newest(&mut self, ctx: &Context) {
        if let Some(newest) = self.state.session.notices.last().map(|notice| notice.id) {
            self.act(ctx, Action::DismissNotice(newest));
        }
    }

    /// Dropped files, pasted pictures, shortcuts, and whether the user comes back.
    pub(super) fn input(&mut self, ctx: &Context) {
        let (dropped, events) = ctx.input(|i| (i.raw.dropped_files.clone(), i.events.clone()));
        if !dropped.is_empty() {
            let paths = dropped.iter().map(|file| file.path().to_path_buf()).collect();
            self.open_what_is_there(ctx, paths, Paths::Dropped);
        }
        // A button that has the keyboard takes Enter and the space bar alone.
        let typing = ctx.text_edit_focused();
        for event in events {
            match event {
                Event::WindowFocused(true) => self.look_again(),
                Event::PasteImage(image) => self.act(ctx, Action::OpenPasted(image)),
                Event::Paste(text) if !typing => {
                    let paths = pasted_paths(&text);
                    if !paths.is_empty() {
                        self.open_what_is_there(ctx, paths, Paths::Pasted);
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
        if escape == Escape::Reply
            && !Command::Stop.is_enabled(&self.state)
            && ctx.input(|i| i.key_pressed(Key::Escape))
        {
            self.dismiss_newest(ctx);
        }
        for command in Command::ALL {
            let for_others = command == Command::Stop && escape != Escape::Reply;
            let covered = self.state.ui.is_modal() && !command.works_over_modals();
            if for_others || covered || !command.is_enabled(&self.state) {
                continue;
            }
            if command
                .shortcuts()
                .any(|keys| (!typing || command.works_while_typing(keys)) && consume(ctx, keys))
            {
                self.act(ctx, Action::Command(command));
            }
        }
    }
}

/// Files and folders that pasted text may name, one a line: paths, or the URIs that file managers copy.
fn pasted_paths(text: &str) -> Vec<PathBuf> {
    let path = |line: &str| match line.strip_prefix("file://") {
        Some(uri) => {
            let path = uri.strip_prefix("localhost").unwrap_or(uri);
            PathBuf::from(percent_decode_str(path).decode_utf8_lossy().as_ref())
        }
        None => PathBuf::from(line),
    };
    text.lines().map(|line| path(line.trim())).filter(|path| path.is_absolute()).collect()
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

/// Whether a key that was pressed with these modifiers is a shortcut, and no other one. What is held by now may
/// be something else: where a frame takes long, the hand is faster.
fn is_meant(shortcut: egui::KeyboardShortcut, key: Key, modifiers: Modifiers) -> bool {
    // Some keyboards type these with Shift, some without.
    let may_need_shift = matches!(key, Key::Plus | Key::Minus | Key::Equals | Key::Questionmark);
    let shift = if may_need_shift { shortcut.modifiers.shift } else { modifiers.shift };
    key == shortcut.logical_key && Modifiers { shift, ..modifiers }.matches_exact(shortcut.modifiers)
}

#[cfg(test)]
mod tests {
    use egui::{KeyboardShortcut, RawInput};

    use super::*;

    #[test]
    fn pasted_text_names_files() {
        let paths =
            |text: &str| pasted_paths(text).iter().map(|p| p.display().to_string()).collect::<Vec<_>>();
        let uris = "file:///a/gr%C3%B6%C3%9Fe%20100%25.png\r\nfile://localhost/b%23.png\n";
        assert_eq!(paths(uris), ["/a/größe 100%.png", "/b#.png"]);
        assert_eq!(paths("/a/100%25.png"), ["/a/100%25.png"], "a path is no URI");
        assert!(paths("# a comment\nwhat is there?\nhttp://a/b").is_empty());
    }

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

    /// What a keyboard sends where a shortcut is pressed, also where the key itself needs Shift.
    fn pressed(shortcut: KeyboardShortcut) -> Vec<Modifiers> {
        let KeyboardShortcut { modifiers, logical_key } = shortcut;
        let ctrl = modifiers.ctrl || modifiers.command;
        let held = Modifiers { ctrl, ..modifiers };
        let typed_with_shift = matches!(logical_key, Key::Plus | Key::Equals | Key::Questionmark);
        [Some(held), typed_with_shift.then_some(held | Modifiers::SHIFT)].into_iter().flatten().collect()
    }

    #[test]
    fn a_key_is_taken_by_its_own_command_only() {
        for command in Command::ALL {
            for shortcut in command.shortcuts() {
                for modifiers in pressed(shortcut) {
                    let takes = |other: &Command| {
                        other.shortcuts().any(|keys| is_meant(keys, shortcut.logical_key, modifiers))
                    };
                    let taking: Vec<Command> = Command::ALL.into_iter().filter(takes).collect();
                    assert_eq!(taking, [command], "{shortcut:?} with {modifiers:?}");
                }
            }
        }
    }
}
