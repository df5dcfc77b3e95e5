//! Which open picture is meant by a path in a file of another program.

use std::collections::HashMap;
use std::path::Path;

use super::{Named, plain_name};
use crate::document::{Document, Picture};

/// Why no open picture is meant by a file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPicture {
    /// None is called so.
    NotOpen,
    /// Several are, and their folders do not say which.
    Ambiguous,
}

/// How like the path of an open picture a path in a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Likeness {
    /// So many folders, the innermost first, are called the same.
    folders: usize,
    /// Whether the picture is, its ending included.
    name: bool,
}

impl Likeness {
    fn of(picture: &Picture, path: &str) -> Self {
        let mut parts = path.rsplit('/');
        let name = parts.next() == Some(picture.name.as_str());
        let folders = picture.origin.file().map_or(0, |file| {
            let ours = file.iter().rev().skip(1).filter_map(|part| part.to_str());
            ours.zip(parts).take_while(|(ours, theirs)| ours == theirs).count()
        });
        Self { folders, name }
    }
}

/// Finds open pictures by their files' names.
pub(super) struct Pictures<'a> {
    by_name: HashMap<&'a str, Vec<&'a Picture>>,
    by_stem: HashMap<String, Vec<&'a Picture>>,
    exported: HashMap<String, &'a Picture>,
}

impl<'a> Pictures<'a> {
    pub(super) fn of(document: &'a Document, named: &'a [Named]) -> Self {
        let (mut by_name, mut by_stem) = (HashMap::<_, Vec<_>>::new(), HashMap::<_, Vec<_>>::new());
        for picture in document.pictures() {
            by_name.entry(picture.name.as_str()).or_default().push(&**picture);
            if let Some(stem) = plain_stem(&picture.name) {
                by_stem.entry(stem).or_default().push(&**picture);
            }
        }
        let exported = named.iter().map(|named| (named.stem.clone(), &*named.picture)).collect();
        Self { by_name, by_stem, exported }
    }

    /// The picture called like this file, of whatever ending, and how like it is. Where several are, that whose
    /// folders are called like those of the file, or else that which this program exports under the name.
    pub(super) fn find(&self, file_name: &str) -> Result<(&'a Picture, Likeness), NoPicture> {
        let path = file_name.replace('\\', "/");
        let picture = self.called(&path)?;
        Ok((picture, Likeness::of(picture, &path)))
    }

    /// As [`Self::find`].
    fn called(&self, path: &str) -> Result<&'a Picture, NoPicture> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let stem = plain_stem(name);
        let exported = stem.as_ref().and_then(|stem| self.exported.get(stem).copied());
        if let Some(exact) = self.by_name.get(name) {
            let (found, folders) = likest(exact, path);
            let is_export = path.trim_start_matches("../") == format!("images/{name}") && folders == 0;
            return found.or(exported.filter(|_| is_export)).ok_or(NoPicture::Ambiguous);
        }
        if let Some(exported) = exported {
            return Ok(exported);
        }
        match stem.and_then(|stem| self.by_stem.get(&stem)) {
            Some(alike) => likest(alike, path).0.ok_or(NoPicture::Ambiguous),
            None => Err(NoPicture::NotOpen),
        }
    }
}

fn plain_stem(name: &str) -> Option<String> {
    Some(plain_name(Path::new(name).file_stem()?.to_str()?))
}

/// The one picture whose path has most of its end in common with this one, where it is one; and how many
/// folders of it.
fn likest<'a>(pictures: &[&'a Picture], path: &str) -> (Option<&'a Picture>, usize) {
    let folders = |picture: &Picture| Likeness::of(picture, path).folders;
    let most = pictures.iter().map(|picture| folders(picture)).max().unwrap_or(0);
    let mut best = pictures.iter().filter(|picture| folders(picture) == most);
    (best.next().filter(|_| best.next().is_none()).copied(), most)
}
