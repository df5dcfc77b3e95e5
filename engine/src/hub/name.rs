//! Names that come from outside: of repositories, of files in them, of versions.
//!
//! They become parts of paths on this machine and of addresses on the hub. What can be made into one
//! of these types cannot lead out of the folder it is joined to, on any system.

use std::fmt;

/// Longest name that the hub allows for a repository.
const MAX_REPO_ID: usize = 96;

/// `owner/name`: a model repository of the hub.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoId(String);

impl RepoId {
    /// Reads `owner/name` by the rules of the hub: letters, digits, `-`, `_` and `.`, neither `--`
    /// nor `..`, and no `-` or `.` at either end of a part. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let part = |part: &str| {
            !part.is_empty()
                && part.chars().all(legal)
                && !part.contains("--")
                && !part.contains("..")
                && !part.starts_with(['-', '.'])
                && !part.ends_with(['-', '.'])
        };
        let (owner, name) = text.split_once('/')?;
        (text.len() <= MAX_REPO_ID && part(owner) && part(name)).then(|| Self(text.to_owned()))
    }

    /// The part of it that is not the owner's name.
    pub fn name(&self) -> &str {
        self.as_str().rsplit('/').next().unwrap_or_default()
    }

    /// `owner/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name of its folder in a cache: `models--owner--name`.
    pub(super) fn folder(&self) -> String {
        format!("models--{}", self.0.replace('/', "--"))
    }

    /// The repository whose folder has this name.
    pub(super) fn from_folder(folder: &str) -> Option<Self> {
        let (owner, name) = folder.strip_prefix("models--")?.split_once("--")?;
        Self::parse(&format!("{owner}/{name}"))
    }
}

impl fmt::Display for RepoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Path of a file in a repository, with `/` between its parts.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

impl FileName {
    /// Reads a relative path whose parts are ordinary names on Linux, macOS and Windows alike.
    /// `None` for anything that could lead elsewhere or mean something else: empty parts, `.` and
    /// `..`, backslashes, colons, control characters, names of devices, trailing dots and blanks.
    pub fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            let odd = |c: char| c.is_control() || r#"\:*?"<>|"#.contains(c);
            !part.is_empty()
                && part.len() <= 255
                && !part.contains(odd)
                && !part.ends_with(['.', ' '])
                && !is_device(part)
        };
        (text.len() <= 1024 && text.split('/').all(part)).then(|| Self(text.to_owned()))
    }

    /// The path, with `/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Folders above the file, within the repository.
    pub fn depth(&self) -> usize {
        self.0.matches('/').count()
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names that Windows opens as a device, whatever follows the first dot.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1 && rest.as_bytes()[0].is_ascii_digit())
    };
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL") || numbered("COM") || numbered("LPT")
}

/// Whether `text` is a commit of git in full, as folders of versions are called: 40 hexadecimal digits.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && is_lower_hex(text)
}

/// Lower-case hexadecimal digits only.
pub(super) fn is_lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories_and_their_folders() {
        let id = RepoId::parse("openai/clip-vit-large_patch14.336").unwrap();
        assert_eq!(id.folder(), "models--openai--clip-vit-large_patch14.336");
        assert_eq!(RepoId::from_folder(&id.folder()), Some(id));
        for wrong in [
            "", "gpt2", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a/b--c", "a--b/c", "a/.b", "a/b.", "-a/b",
            "a/b c", "a\\b/c", "a/b\0", "ä/b",
        ] {
            assert_eq!(RepoId::parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(RepoId::parse(&format!("a/{}", "b".repeat(95))), None);
        for other in ["datasets--a--b", "models--a", "models--a--b--c", ".locks", "version.txt"] {
            assert_eq!(RepoId::from_folder(other), None, "{other:?}");
        }
    }

    #[test]
    fn file_names_stay_where_they_are_put() {
        for good in
            ["config.json", "clip/model.safetensors", "a/b/c", ".gitattributes", "pytorch_model-1.bin", "ö"]
        {
            assert_eq!(FileName::parse(good).unwrap().as_str(), good);
        }
        for hostile in [
            "",
            "/",
            "/etc/passwd",
            "../x",
            "a/../b",
            "a/..",
            "./x",
            "a//b",
            "a/",
            "a\\b",
            "..\\x",
            "C:/x",
            "C:x",
            "a\0b",
            "a\nb",
            "nul",
            "NUL.txt",
            "a/com1.json",
            "lpt9",
            "con .x",
            "x.",
            "x ",
            "a*b",
            "a|b",
            "...",
        ] {
            assert_eq!(FileName::parse(hostile), None, "{hostile:?}");
        }
        assert_eq!(FileName::parse(&"x".repeat(256)), None);
        assert_eq!(FileName::parse("a/b/c").unwrap().depth(), 2);
    }
}
