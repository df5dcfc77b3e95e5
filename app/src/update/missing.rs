//! Pictures of the document that are not where they were, and are found again.

use std::path::{Path, PathBuf};

use glamm_engine::protocol::ImageId;

use crate::action::Effect;
use crate::document::Origin;
use crate::state::State;
use crate::storage::StorageJob;

impl State {
    /// The user has said where a picture is that was missing. Others that were below the same folder are
    /// looked for at the same place below the other one.
    pub(super) fn found(&mut self, image: ImageId, path: PathBuf, out: &mut Vec<Effect>) {
        let Some(picture) = self.document().picture(image).cloned() else { return };
        let path = std::path::absolute(&path).unwrap_or(path);
        if let Some(before) = picture.origin.file()
            && let Some((from, to)) = moved_folder(before, &path)
        {
            let mut others = self.missing_below(from, to);
            others.retain(|(other, _)| *other != image);
            if !others.is_empty() {
                out.push(Effect::Storage(StorageJob::LookFor(others)));
            }
        }
        self.history.relocate(image, &Origin::File(path));
        self.select_picture(image, out);
    }

    /// The pictures that are missing below one folder, and where they would be below another.
    fn missing_below(&self, from: &Path, to: &Path) -> Vec<(ImageId, PathBuf)> {
        let pictures = self.document().pictures().iter();
        let missing = pictures.filter(|picture| self.session.unavailable.contains_key(&picture.id));
        let moved = missing.filter_map(|picture| {
            Some((picture.id, to.join(picture.origin.file()?.strip_prefix(from).ok()?)))
        });
        moved.collect()
    }

    /// Some of them are there.
    pub(super) fn found_along(&mut self, found: Vec<(ImageId, PathBuf)>, out: &mut Vec<Effect>) {
        for (image, path) in found {
            // What has come meanwhile lies where it did.
            if self.session.unavailable.remove(&image).is_some() {
                self.history.relocate(image, &Origin::File(path));
                self.want_pixels(image, false);
            }
        }
        self.load_wanted(out);
    }
}

/// The folders in which the way to a file was another before than it is now, from where on it is the same.
fn moved_folder<'a>(before: &'a Path, now: &'a Path) -> Option<(&'a Path, &'a Path)> {
    let (mut before, mut now) = (before, now);
    let mut folders = None;
    while before.file_name().is_some() && before.file_name() == now.file_name() {
        (before, now) = (before.parent()?, now.parent()?);
        folders = Some((before, now));
    }
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_way_has_in_common_is_no_folder_that_was_moved() {
        for (before, now, expected) in [
            ("/a/b/c.png", "/x/c.png", Some(("/a/b", "/x"))),
            ("/a/b/c.png", "/x/b/c.png", Some(("/a", "/x"))),
            ("/a/b/c.png", "/a/b/d.png", None),
            ("/a/c.png", "/a/b/c.png", Some(("/a", "/a/b"))),
        ] {
            let found = moved_folder(Path::new(before), Path::new(now));
            assert_eq!(found, expected.map(|(from, to)| (Path::new(from), Path::new(to))), "{before}");
        }
    }
}
