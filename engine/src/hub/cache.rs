//! The cache of Hugging Face on this machine: where it is, and how it is laid out.
//!
//! ```text
//! hub/models--openai--clip-vit-large-patch14-336/
//!     refs/main                          the commit that `main` was at when it was fetched
//!     blobs/<SHA-256 or git's SHA-1>     contents, each once; <…>.incomplete while it is fetched
//!     snapshots/<commit>/config.json     → ../../blobs/<…>
//! hub/.locks/models--…/<…>.lock          held by whoever fetches that blob
//! ```
//!
//! This is the layout of the `huggingface_hub` package, which other programs share. Where the system
//! has no symbolic links, the file itself stands in the snapshot. This module only reads; who writes
//! says so in its own name.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use super::name::{FileName, RepoId, is_commit};
use crate::files;

/// The file of a branch holds a commit; a larger one is some other file.
const REFERENCE_LIMIT: u64 = 1 << 10;

/// A cache directory, which need not exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubCache {
    root: PathBuf,
}

impl HubCache {
    /// The cache that the environment names: `HF_HUB_CACHE`, `HF_HOME/hub`, or below `XDG_CACHE_HOME`
    /// or the user's home. `None` where there is no home.
    pub fn from_env() -> Option<Self> {
        Home::from_env().map(|home| Self::at(home.cache))
    }

    /// The cache in this directory.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The cache that this folder is in, where it is a version of a repository; and which repository.
    pub fn around(snapshot: &Path) -> Option<(Self, RepoId)> {
        let snapshots = snapshot.parent().filter(|folder| folder.ends_with("snapshots"))?;
        let repository = snapshots.parent()?;
        let id = RepoId::from_folder(repository.file_name()?.to_str()?)?;
        Some((Self::at(repository.parent()?), id))
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The place of a repository, which need not be there.
    pub fn repository(&self, id: &RepoId) -> Repository {
        let folder = id.folder();
        Repository {
            id: id.clone(),
            locks: self.root.join(".locks").join(&folder),
            root: self.root.join(folder),
        }
    }

    /// Every model repository of which something is here, by name.
    pub fn repositories(&self) -> Vec<Repository> {
        let mut found: Vec<RepoId> = entries(&self.root)
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| RepoId::from_folder(entry.file_name().to_str()?))
            .collect();
        found.sort();
        found.iter().map(|id| self.repository(id)).collect()
    }
}

/// The places that the environment names.
#[derive(Debug, PartialEq, Eq)]
pub struct Home {
    /// Of the cache.
    pub cache: PathBuf,
    /// Of the file with the user's token.
    pub token: PathBuf,
}

impl Home {
    /// Reads the variables as the `huggingface_hub` package does. `None` where one that is needed is
    /// not set and there is no home either.
    pub fn from_env() -> Option<Self> {
        Self::find(&|name| std::env::var_os(name), std::env::home_dir().as_deref())
    }

    fn find(variable: &dyn Fn(&str) -> Option<OsString>, user: Option<&Path>) -> Option<Self> {
        let path = |name| {
            let path = PathBuf::from(variable(name).filter(|text| !text.is_empty())?);
            match (path.strip_prefix("~"), user) {
                (Ok(rest), Some(user)) => Some(user.join(rest)),
                _ => Some(path),
            }
        };
        let below_cache = || {
            let cache = path("XDG_CACHE_HOME").or_else(|| Some(user?.join(".cache")));
            Some(cache?.join("huggingface"))
        };
        let home = path("HF_HOME").or_else(below_cache);
        let cache = path("HF_HUB_CACHE").or_else(|| path("HUGGINGFACE_HUB_CACHE"));
        Some(Self {
            cache: cache.or_else(|| Some(home.as_ref()?.join("hub")))?,
            token: path("HF_TOKEN_PATH").or_else(|| Some(home.as_ref()?.join("token")))?,
        })
    }
}

/// What is here of one repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    id: RepoId,
    root: PathBuf,
    locks: PathBuf,
}

impl Repository {
    /// Its name on the hub.
    pub fn id(&self) -> &RepoId {
        &self.id
    }

    /// Its folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Folder of the locks that are held while its blobs are fetched.
    pub fn locks(&self) -> &Path {
        &self.locks
    }

    /// Contents of the file that has this checksum.
    pub fn blob(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(etag)
    }

    /// What has been fetched of it so far.
    pub fn incomplete(&self, etag: &str) -> PathBuf {
        self.root.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// Bytes that have come of all files that are not whole yet.
    pub fn incomplete_bytes(&self) -> u64 {
        let blobs = self.root.join("blobs");
        let partial =
            entries(&blobs).filter(|blob| blob.path().extension().is_some_and(|end| end == "incomplete"));
        partial.filter_map(|blob| blob.metadata().ok()).map(|metadata| metadata.len()).sum()
    }

    /// Held by whoever fetches it.
    pub fn lock(&self, etag: &str) -> PathBuf {
        self.locks.join(format!("{etag}.lock"))
    }

    /// The version `commit`.
    pub fn snapshot(&self, commit: &str) -> Snapshot {
        Snapshot { commit: commit.to_owned(), path: self.root.join("snapshots").join(commit) }
    }

    /// The file that says which commit a branch or tag was at.
    pub fn reference(&self, revision: &FileName) -> PathBuf {
        self.root.join("refs").join(revision.as_str())
    }

    /// The commit that a branch or tag was at when it was fetched.
    pub(super) fn commit_of(&self, revision: &FileName) -> Option<String> {
        commit_in(&self.reference(revision))
    }

    /// The version that `revision` (a branch, a tag or a commit) was at when it was fetched.
    pub fn resolve(&self, revision: &FileName) -> Option<Snapshot> {
        let commit = match revision.as_str() {
            commit if is_commit(commit) => commit.to_owned(),
            _ => self.commit_of(revision)?,
        };
        let snapshot = is_commit(&commit).then(|| self.snapshot(&commit))?;
        snapshot.path.is_dir().then_some(snapshot)
    }

    /// Versions that are here, wholly or in part; that of `main` first.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        let current = FileName::parse("main").and_then(|main| self.commit_of(&main)).unwrap_or_default();
        let mut found: Vec<Snapshot> = entries(&self.root.join("snapshots"))
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| {
                Some(Snapshot { commit: entry.file_name().into_string().ok()?, path: entry.path() })
            })
            .collect();
        found.sort_by_key(|snapshot| (snapshot.commit != current, snapshot.commit.clone()));
        found
    }
}

/// What the file of a branch or tag says.
pub(super) fn commit_in(reference: &Path) -> Option<String> {
    let text = files::read_text(reference, REFERENCE_LIMIT).ok()?;
    Some(text.trim().to_owned())
}

/// One version of a repository: a folder with its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The commit.
    pub commit: String,
    /// Where its files are, under their own names.
    pub path: PathBuf,
}

impl Snapshot {
    /// Where a file of it is, or would be.
    pub fn file(&self, name: &FileName) -> PathBuf {
        self.path.join(name.as_str())
    }
}

/// What is in a directory; nothing where it is not there.
pub(super) fn entries(directory: &Path) -> impl Iterator<Item = fs::DirEntry> {
    fs::read_dir(directory).into_iter().flatten().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    const NEW: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

    fn places(pairs: &[(&str, &str)], user: Option<&str>) -> Option<(PathBuf, PathBuf)> {
        let variable =
            |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| OsString::from(value));
        Home::find(&variable, user.map(Path::new)).map(|home| (home.cache, home.token))
    }

    #[test]
    fn the_place_follows_the_environment() {
        let all = &[
            ("HF_HUB_CACHE", "/c"),
            ("HUGGINGFACE_HUB_CACHE", "/old"),
            ("HF_TOKEN_PATH", "/t"),
            ("HF_HOME", "/h"),
            ("XDG_CACHE_HOME", "/x"),
        ];
        assert_eq!(places(all, Some("/u")), Some(("/c".into(), "/t".into())));
        assert_eq!(places(&all[1..], Some("/u")), Some(("/old".into(), "/t".into())));
        assert_eq!(places(&all[3..], Some("/u")), Some(("/h/hub".into(), "/h/token".into())));
        assert_eq!(
            places(&all[4..], Some("/u")),
            Some(("/x/huggingface/hub".into(), "/x/huggingface/token".into()))
        );
        let default = Some(("/u/.cache/huggingface/hub".into(), "/u/.cache/huggingface/token".into()));
        assert_eq!(places(&[("HF_HOME", "")], Some("/u")), default);
        assert_eq!(
            places(&[("HF_HOME", "~/models")], Some("/u")),
            Some(("/u/models/hub".into(), "/u/models/token".into()))
        );
        assert_eq!(places(&[], None), None);
    }

    #[test]
    fn a_version_knows_its_cache() {
        let around = |path: &str| HubCache::around(Path::new(path));
        assert_eq!(
            around("/c/models--openai--clip/snapshots/abc"),
            RepoId::parse("openai/clip").map(|id| (HubCache::at("/c"), id))
        );
        for elsewhere in ["/c/models--openai--clip/abc", "/c/clip/snapshots/abc", "/snapshots/abc", "/", ""] {
            assert_eq!(around(elsewhere), None, "{elsewhere}");
        }
    }

    #[test]
    fn versions_are_found_the_current_one_first() {
        let scratch = tempfile::tempdir().unwrap();
        let cache = HubCache::at(scratch.path());
        let repository = cache.repository(&RepoId::parse("openai/clip").unwrap());
        assert!(cache.repositories().is_empty() && repository.snapshots().is_empty());

        for commit in [OLD, NEW] {
            fs::create_dir_all(repository.snapshot(commit).path).unwrap();
        }
        fs::create_dir_all(scratch.path().join("datasets--a--b")).unwrap();
        let main = FileName::parse("main").unwrap();
        assert_eq!(repository.resolve(&main), None);
        fs::create_dir_all(repository.root().join("refs")).unwrap();
        fs::write(repository.reference(&main), NEW).unwrap();

        assert_eq!(cache.repositories(), std::slice::from_ref(&repository));
        let commits: Vec<String> = repository.snapshots().into_iter().map(|found| found.commit).collect();
        assert_eq!(commits, [NEW, OLD]);
        assert_eq!(repository.resolve(&main), Some(repository.snapshot(NEW)));
        assert_eq!(repository.resolve(&FileName::parse(OLD).unwrap()), Some(repository.snapshot(OLD)));
        fs::write(repository.reference(&main), "../../..").unwrap();
        assert_eq!(repository.resolve(&main), None, "a reference leads nowhere else");
    }
}
