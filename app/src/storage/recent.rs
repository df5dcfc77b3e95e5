//! The sessions last opened, in a file of their own in the user's data.

use std::fs;
use std::path::{Path, PathBuf};

use crate::system::files;
use crate::system::shared_list::{Elsewhere, SharedList};

/// Longer is no list of ours.
const MAX_BYTES: u64 = 1 << 20;
const MAX_SESSIONS: usize = 50;

fn file(data: &Path) -> PathBuf {
    data.join("recent-sessions.json")
}

/// The latest first; none where there is no list, or a broken one. What is gone is left out.
pub(super) fn read(data: &Path) -> Vec<PathBuf> {
    let path = file(data);
    if fs::metadata(&path).map_or(true, |metadata| metadata.len() > MAX_BYTES) {
        return Vec::new();
    }
    let parsed = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Vec<PathBuf>>(&bytes).ok());
    parsed.unwrap_or_default().into_iter().filter(|path| path.is_file()).take(MAX_SESSIONS).collect()
}

/// What other windows have opened since, and what they found to be gone.
pub(super) fn look_again(data: &Path, list: &mut SharedList<PathBuf>) -> Option<Elsewhere<PathBuf>> {
    let read = || Ok::<_, std::convert::Infallible>(read(data));
    list.look_again(&file(data), read, PathBuf::eq).unwrap_or_default()
}

/// Writes the list, and after its first one those that another window has opened meanwhile; failing costs
/// nothing but the list.
pub(super) fn write(data: &Path, sessions: &[PathBuf], list: &mut SharedList<PathBuf>) {
    let in_file = read(data);
    let others = list.added_elsewhere(&in_file, sessions, PathBuf::eq);
    let (first, rest) = sessions.split_at(sessions.len().min(1));
    let all: Vec<&PathBuf> = first.iter().chain(&others).chain(rest).take(MAX_SESSIONS).collect();
    if in_file.iter().eq(all.iter().copied()) {
        return;
    }
    let written = fs::create_dir_all(data).and_then(|()| {
        let names: Vec<_> = all.iter().map(|path| path.to_string_lossy()).collect();
        files::write(&file(data), &serde_json::to_vec_pretty(&names)?)
    });
    if let Err(error) = written {
        tracing::warn!(%error, "the list of recent sessions could not be written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_remembered_and_broken_lists_are_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_empty());
        let sessions = ["b.glamm", "a.glamm"].map(|name| folder.path().join(name));
        for session in &sessions {
            fs::write(session, b"").unwrap();
        }
        let mut list = SharedList::default();
        write(folder.path(), &sessions, &mut list);
        assert_eq!(read(folder.path()), sessions);
        fs::remove_file(&sessions[0]).unwrap();
        assert_eq!(read(folder.path()), sessions[1..]);
        fs::write(file(folder.path()), b"[1, {").unwrap();
        assert!(read(folder.path()).is_empty());
    }

    #[test]
    fn windows_leave_each_other_their_sessions() {
        let folder = tempfile::tempdir().unwrap();
        let [old, mine, yours] = ["old", "mine", "yours"].map(|name| folder.path().join(name));
        for session in [&old, &mine, &yours] {
            fs::write(session, b"").unwrap();
        }
        let (mut one, mut other) = (SharedList::default(), SharedList::default());
        write(folder.path(), std::slice::from_ref(&old), &mut one);
        other.was_read(&read(folder.path()));
        write(folder.path(), &[mine.clone(), old.clone()], &mut one);
        write(folder.path(), &[yours.clone(), old.clone()], &mut other);
        assert_eq!(read(folder.path()), [yours.clone(), mine.clone(), old.clone()]);
        let found = look_again(folder.path(), &mut one).unwrap();
        assert_eq!(found, Elsewhere { added: vec![yours.clone()], gone: Vec::new() });
        assert_eq!(
            look_again(folder.path(), &mut other).unwrap().added,
            [mine],
            "it is written, but not known"
        );
        write(folder.path(), std::slice::from_ref(&yours), &mut one);
        assert_eq!(look_again(folder.path(), &mut one), None, "it is as it is known");
        assert_eq!(look_again(folder.path(), &mut other).unwrap().gone, [old]);
    }
}
