//! What the program remembers from one time to the next: appearance, scale, the window's place, panels,
//! how pictures are looked at, models opened from elsewhere. One small JSON file in the platform's directory for configurations.
//!
//! Read once before the window opens, written on a thread of its own soon after something changed. A
//! file that cannot be read is set aside, said, and replaced by one with what is usual.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use glamm_engine::precision::Precision;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::state::shell::{HiddenPanels, Overlays, WindowPlace};
use crate::state::ui_state::{Appearance, Looks, Tab};
use crate::storage::SaveOptions;
use crate::system::files;

/// Interface scales that can be chosen.
pub const SCALES: std::ops::RangeInclusive<f32> = 0.6..=2.5;
/// A window is not opened smaller or larger than this, in points.
const WINDOW_SIDES: std::ops::RangeInclusive<f32> = 400.0..=16_000.0;
const FILE: &str = "preferences.json";
/// The file is written when nothing has changed for this long.
const QUIET: Duration = Duration::from_millis(600);

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Preferences {
    /// Dark or light.
    pub appearance: Appearance,
    /// Whether colours are further apart.
    pub high_contrast: bool,
    /// Size of everything, 1 as designed.
    pub scale: f32,
    /// Where the window was.
    pub window: Option<WindowPlace>,
    /// Width of the panel at the right, in points.
    pub side_panel: Option<f32>,
    /// Which panels were out of sight.
    pub hidden: HiddenPanels,
    /// Height of the inspector, in points.
    pub inspector: Option<f32>,
    /// What was laid over the rest.
    pub overlays: Overlays,
    /// What the panel at the right showed.
    #[serde(deserialize_with = "usual_if_unknown")]
    pub tab: Tab,
    /// How pictures are looked at.
    pub looks: Looks,
    /// How sessions are saved.
    pub saving: SaveOptions,
    /// Model folders and files from outside the usual places.
    #[serde(serialize_with = "with_names")]
    pub opened_models: Vec<PathBuf>,
    /// How precisely models are loaded; the memory decides where there is none.
    #[serde(deserialize_with = "usual_if_unknown")]
    pub precision: Option<Precision>,
    /// Whether the note on what the demo model knows was dismissed.
    pub demo_note_dismissed: bool,
    /// Whether the tour was seen.
    pub tour_seen: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            appearance: Appearance::default(),
            high_contrast: false,
            scale: 1.0,
            window: None,
            side_panel: None,
            hidden: HiddenPanels::default(),
            inspector: None,
            overlays: Overlays::default(),
            tab: Tab::default(),
            looks: Looks::default(),
            saving: SaveOptions::default(),
            opened_models: Vec::new(),
            precision: None,
            demo_note_dismissed: false,
            tour_seen: false,
        }
    }
}

impl Preferences {
    /// Reads those in `directory`, and says what was wrong with them, if anything.
    pub fn load(directory: &Path) -> (Self, Option<String>) {
        let path = directory.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return (Self::default(), None),
            Err(error) => return (Self::default(), Some(set_aside(&path, &error.to_string()))),
        };
        match serde_json::from_str::<Self>(&text) {
            Ok(found) => (found.within_bounds(), None),
            Err(error) => (Self::default(), Some(set_aside(&path, &error.to_string()))),
        }
    }

    /// Writes them into `directory`; the file is always a whole one.
    ///
    /// # Errors
    /// The system says no.
    pub fn save(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir_all(directory)?;
        let text = serde_json::to_string_pretty(self)?;
        files::write(&directory.join(FILE), text.as_bytes())
    }

    /// Nothing as it usually is.
    #[cfg(test)]
    pub(crate) fn changed() -> Self {
        Self {
            appearance: Appearance::Light,
            high_contrast: true,
            scale: 1.2,
            window: Some(WindowPlace {
                position: Some([10.0, 20.0]),
                size: [1200.0, 800.0],
                maximized: true,
            }),
            side_panel: Some(400.0),
            hidden: HiddenPanels { side_panel: true, filmstrip: true },
            inspector: Some(280.0),
            overlays: Overlays { loupe: true, encoder_frames: true, log: true },
            tab: Tab::Tokens,
            looks: Looks { keep_zoom: true, map_hidden: true },
            saving: SaveOptions { with_pictures: false },
            opened_models: vec!["/models/mine.gguf".into()],
            precision: Some(Precision::Q8_0),
            demo_note_dismissed: true,
            tour_seen: true,
        }
    }

    /// What a file says need not make sense.
    fn within_bounds(mut self) -> Self {
        self.scale =
            if self.scale.is_finite() { self.scale.clamp(*SCALES.start(), *SCALES.end()) } else { 1.0 };
        self.window = self.window.filter(|place| place.size.iter().all(|side| WINDOW_SIDES.contains(side)));
        self.side_panel = self.side_panel.filter(|width| (200.0..2000.0).contains(width));
        self.inspector = self.inspector.filter(|height| (100.0..2000.0).contains(height));
        self.opened_models.truncate(64);
        self
    }
}

/// Another version of the program may have had others to choose from.
fn usual_if_unknown<'de, D, T>(found: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned + Default,
{
    let found = serde_json::Value::deserialize(found)?;
    Ok(serde_json::from_value(found).unwrap_or_default())
}

/// JSON holds no other paths: one that it does not hold must not keep all else from being written.
fn with_names<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().filter_map(|path| path.to_str()))
}

/// Puts a file that cannot be read out of the way; what is to be said about it.
fn set_aside(path: &Path, reason: &str) -> String {
    match files::set_aside(path) {
        Ok(aside) => format!(
            "The preferences could not be read ({reason}). They were set aside as {}, and the program starts \
             with the usual ones.",
            aside.display()
        ),
        Err(_) => format!("{} could not be read ({reason}): the usual preferences are used.", path.display()),
    }
}

/// The directory of the platform for this program's configuration.
pub fn directory() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "glamm").map(|dirs| dirs.config_dir().to_owned())
}

/// Writes preferences soon after they changed. Dropping it writes what is left, and waits for that.
#[derive(Debug)]
pub(crate) struct Keeper {
    last: Preferences,
    changes: Option<Sender<Preferences>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Starts the thread; `saved` is what is in the directory. Nothing is kept where there is none.
    /// `report` is told, once, what keeps them from being written.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(
        directory: Option<PathBuf>,
        saved: Preferences,
        report: impl Fn(String) + Send + 'static,
    ) -> io::Result<Self> {
        let Some(directory) = directory else { return Ok(Self { last: saved, changes: None, thread: None }) };
        let (changes, waiting) = bounded(8);
        let work = move || write_when_quiet(&waiting, &directory, &report);
        let thread = std::thread::Builder::new().name("preferences".to_owned()).spawn(work)?;
        Ok(Self { last: saved, changes: Some(changes), thread: Some(thread) })
    }

    /// Has them written, if they have changed.
    pub(crate) fn keep(&mut self, now: Preferences) {
        if now == self.last {
            return;
        }
        // While the thread is busy, the next frame tries again.
        if self.changes.as_ref().is_none_or(|changes| changes.try_send(now.clone()).is_ok()) {
            self.last = now;
        }
    }
}

fn write_when_quiet(changes: &Receiver<Preferences>, directory: &Path, report: &impl Fn(String)) {
    let mut complained = false;
    while let Ok(mut latest) = changes.recv() {
        let is_over = loop {
            match changes.recv_timeout(QUIET) {
                Ok(newer) => latest = newer,
                Err(RecvTimeoutError::Timeout) => break false,
                Err(RecvTimeoutError::Disconnected) => break true,
            }
        };
        if let Err(error) = latest.save(directory) {
            tracing::warn!(%error, directory = %directory.display(), "the preferences could not be written");
            if !std::mem::replace(&mut complained, true) {
                let place = directory.display();
                report(format!(
                    "What is chosen here will not be remembered the next time: {place} cannot be written: {error}"
                ));
            }
        }
        if is_over {
            return;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.changes = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the preferences ended in a panic");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let scratch = tempfile::tempdir().unwrap();
        let directory = scratch.path().join("glamm");
        assert_eq!(Preferences::load(&directory), (Preferences::default(), None));
        Preferences::changed().save(&directory).unwrap();
        assert_eq!(Preferences::load(&directory), (Preferences::changed(), None));
        assert!(fs::read_to_string(directory.join(FILE)).unwrap().contains("\"q8_0\""));
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_broken_file_is_set_aside() {
        let scratch = tempfile::tempdir().unwrap();
        let all = ["", "{\"scale\": \"large\"}", "{\"scale\"", "\u{0}\u{1}", "7"];
        for (number, broken) in all.into_iter().enumerate() {
            fs::write(scratch.path().join(FILE), broken).unwrap();
            let (found, said) = Preferences::load(scratch.path());
            assert_eq!(found, Preferences::default());
            let aside = match number {
                0 => "preferences.json.broken".to_owned(),
                _ => format!("preferences.json.broken-{number}"),
            };
            assert!(said.unwrap().contains(&aside), "{broken}");
            assert_eq!(fs::read_to_string(scratch.path().join(aside)).unwrap(), broken);
            assert!(!scratch.path().join(FILE).exists());
        }
    }

    #[test]
    fn unknown_and_absurd_values_do_no_harm() {
        let scratch = tempfile::tempdir().unwrap();
        let text = r#"{"scale": 1e9, "window": {"position": null, "size": [0, -4], "maximized": false},
                       "side_panel": -1, "inspector": 1e9, "precision": "q3k", "tab": "Elsewhere",
                       "looks": {"keep_zoom": true, "other": 7}, "of_the_future": {"a": 1}}"#;
        fs::write(scratch.path().join(FILE), text).unwrap();
        let (found, said) = Preferences::load(scratch.path());
        assert_eq!((found.scale, found.window, found.side_panel, said), (2.5, None, None, None));
        assert_eq!((found.precision, found.inspector, found.tab), (None, None, Tab::Chat));
        assert_eq!(found.looks, Looks { keep_zoom: true, map_hidden: false });
    }

    #[test]
    fn the_last_change_is_on_the_disk_at_the_end() {
        let scratch = tempfile::tempdir().unwrap();
        let mut keeper =
            Keeper::start(Some(scratch.path().to_owned()), Preferences::default(), |_| {}).unwrap();
        keeper.keep(Preferences::default());
        for step in 0..5 {
            keeper.keep(Preferences { scale: 1.0 + step as f32 / 10.0, ..Preferences::changed() });
        }
        keeper.keep(Preferences::changed());
        drop(keeper);
        assert_eq!(Preferences::load(scratch.path()).0, Preferences::changed());
    }

    #[cfg(unix)]
    #[test]
    fn paths_without_a_name_in_unicode_do_not_keep_the_rest_from_being_written() {
        use std::os::unix::ffi::OsStringExt as _;
        let scratch = tempfile::tempdir().unwrap();
        let nameless = std::ffi::OsString::from_vec(b"/models/\xff.gguf".to_vec());
        let opened_models = vec![nameless.into(), "/models/mine.gguf".into()];
        Preferences { opened_models, ..Preferences::changed() }.save(scratch.path()).unwrap();
        assert_eq!(Preferences::load(scratch.path()).0, Preferences::changed());
    }

    #[test]
    fn a_directory_that_cannot_be_written_is_said_once() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        fs::write(&file, b"").unwrap();
        let (sender, receiver) = bounded(8);
        let report = move |message| sender.try_send(message).unwrap();
        let mut keeper = Keeper::start(Some(file), Preferences::default(), report).unwrap();
        keeper.keep(Preferences::changed());
        let message = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
        assert!(message.contains("file"), "{message}");
        keeper.keep(Preferences::default());
        drop(keeper);
        assert!(receiver.try_recv().is_err());
    }
}
