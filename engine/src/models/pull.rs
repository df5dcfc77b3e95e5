//! Fetching a model with all that it needs to run.

use serde::Deserialize;

use super::catalogue::{self, CLIP, Origin, Role};
use super::installed;
use crate::checkpoint::WEIGHT_FILES;
use crate::files;
use crate::hub::{
    self, DownloadControl, DownloadEvent, FileName, HubError, HubSettings, RepoId, Snapshot, Wanted,
};

/// Small files of a checkpoint; those that are there are fetched.
const SMALL: [&str; 7] = [
    "config.json",
    "generation_config.json",
    "preprocessor_config.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
];

/// A model of the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Its repository.
    pub repository: RepoId,
    /// A branch, a tag or a commit.
    pub revision: FileName,
}

impl Target {
    /// The model that `name` means: a name of the catalogue, or `owner/name` of the hub. `None` for
    /// anything else, and for the model that is built in.
    pub fn parse(name: &str, revision: &str) -> Option<Self> {
        let id = match catalogue::find(name) {
            Some(entry) => match entry.origin {
                Origin::Hub(id) => id,
                Origin::BuiltIn => return None,
            },
            None => name,
        };
        Some(Self { repository: RepoId::parse(id)?, revision: FileName::parse(revision)? })
    }

    fn role(&self) -> Role {
        catalogue::find(self.repository.as_str()).map_or(Role::Glamm, |entry| entry.role)
    }

    fn wanted(&self) -> Wanted {
        Wanted {
            repository: self.repository.clone(),
            revision: self.revision.clone(),
            select: checkpoint_files,
        }
    }
}

/// Fetches a model and the vision tower that it needs, as far as they are not here. The model's own
/// folder comes first. Without the network that is said only where something is missing.
///
/// # Errors
/// See [`HubError`].
pub fn pull(
    target: &Target,
    settings: &HubSettings,
    control: &DownloadControl,
    report: &mut dyn FnMut(DownloadEvent),
) -> Result<Vec<Snapshot>, HubError> {
    if settings.offline {
        return pulled_before(target, settings);
    }
    let mut wanted = vec![target.wanted()];
    let is_published = catalogue::find(target.repository.as_str()).is_some();
    if is_published && target.role() == Role::Glamm {
        wanted.extend(tower(CLIP).filter(|tower| !is_here(tower, settings)).map(|tower| tower.wanted()));
    }
    let mut snapshots = hub::pull(settings, &wanted, control, report)?;
    // Of any other model only its own configuration says what it needs.
    let named = (!is_published).then(|| named_tower(snapshots.first()?)).flatten();
    if let Some(tower) = named.filter(|tower| !is_here(tower, settings)) {
        snapshots.extend(hub::pull(settings, &[tower.wanted()], control, report)?);
    }
    Ok(snapshots)
}

/// What is here already, if it is all.
fn pulled_before(target: &Target, settings: &HubSettings) -> Result<Vec<Snapshot>, HubError> {
    let missing = |target: &Target| HubError::Offline { what: target.repository.to_string() };
    let version = |target: &Target, role| {
        let snapshot = settings.cache.repository(&target.repository).resolve(&target.revision)?;
        installed::checkpoint(&snapshot.path, role).filter(|found| found.is_complete)?;
        Some(snapshot)
    };
    let mut snapshots = vec![version(target, target.role()).ok_or_else(|| missing(target))?];
    if let Some(tower) = named_tower(&snapshots[0]) {
        snapshots.push(version(&tower, Role::VisionTower).ok_or_else(|| missing(&tower))?);
    }
    Ok(snapshots)
}

fn tower(id: &str) -> Option<Target> {
    Some(Target { repository: RepoId::parse(id)?, revision: FileName::parse("main")? })
}

fn is_here(tower: &Target, settings: &HubSettings) -> bool {
    let found = installed::in_cache(&settings.cache, tower.repository.as_str(), Role::VisionTower);
    found.is_some_and(|found| found.is_complete)
}

/// The repository of the vision tower that a checkpoint's configuration names, if it names one.
fn named_tower(snapshot: &Snapshot) -> Option<Target> {
    #[derive(Deserialize)]
    struct Named {
        mm_vision_tower: Option<String>,
    }
    let text = files::read_text(&snapshot.path.join("config.json"), files::LIMIT).ok()?;
    tower(&serde_json::from_str::<Named>(&text).ok()?.mm_vision_tower?)
}

/// The files that a checkpoint consists of: the small ones, and its weights in one format.
fn checkpoint_files(all: &[FileName]) -> Vec<FileName> {
    let is_shard = |name: &str, weights: &str| {
        let (stem, ending) = if weights.starts_with("model.") {
            ("model-", ".safetensors")
        } else {
            ("pytorch_model-", ".bin")
        };
        weights.ends_with(".index.json") && name.starts_with(stem) && name.ends_with(ending)
    };
    let weights = WEIGHT_FILES.into_iter().find(|weights| all.iter().any(|file| file.as_str() == *weights));
    let Some(weights) = weights else { return Vec::new() };
    let is_part = |name: &str| SMALL.contains(&name) || name == weights || is_shard(name, weights);
    let mut files: Vec<FileName> = all.iter().filter(|file| is_part(file.as_str())).cloned().collect();
    // Small ones first: they say what the large ones are.
    files.sort_by_key(|file| (!SMALL.contains(&file.as_str()), file.clone()));
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked(files: &[&str]) -> Vec<String> {
        let all: Vec<FileName> = files.iter().map(|file| FileName::parse(file).unwrap()).collect();
        checkpoint_files(&all).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_format_of_weights_is_fetched() {
        let fullscope = [
            ".gitattributes",
            "README.md",
            "added_tokens.json",
            "config.json",
            "pytorch_model-00001-of-00002.bin",
            "pytorch_model-00002-of-00002.bin",
            "pytorch_model.bin.index.json",
            "tokenizer.model",
        ];
        assert_eq!(
            picked(&fullscope),
            [
                "added_tokens.json",
                "config.json",
                "tokenizer.model",
                "pytorch_model-00001-of-00002.bin",
                "pytorch_model-00002-of-00002.bin",
                "pytorch_model.bin.index.json"
            ]
        );
        let clip =
            ["config.json", "pytorch_model.bin", "tf_model.h5", "preprocessor_config.json", "vocab.json"];
        assert_eq!(picked(&clip), ["config.json", "preprocessor_config.json", "pytorch_model.bin"]);
        let both = ["config.json", "model.safetensors", "pytorch_model.bin", "onnx/config.json"];
        assert_eq!(picked(&both), ["config.json", "model.safetensors"]);
        assert!(picked(&["config.json", "README.md"]).is_empty(), "no model");
    }

    #[test]
    fn targets_are_named_in_two_ways() {
        let named = |name| Target::parse(name, "main").map(|target| target.repository.to_string());
        assert_eq!(named("FullScope").as_deref(), Some("MBZUAI/GLaMM-FullScope"));
        assert_eq!(named("someone/else").as_deref(), Some("someone/else"));
        assert_eq!(named("mbzuai/glamm-gcg").as_deref(), Some("MBZUAI/GLaMM-GCG"));
        assert!(["demo", "nonsense", "../../x", ""].iter().all(|name| named(name).is_none()));
        assert!(Target::parse("gcg", "../main").is_none());
    }
}
