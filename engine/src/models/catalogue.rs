//! The models that are published, and the one that is built in.

/// A model of the catalogue.
#[derive(Debug, PartialEq, Eq)]
pub struct Published {
    /// What `--model` and `glamm models` call it.
    pub name: &'static str,
    /// For people.
    pub title: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// The licence that its model card states.
    pub licence: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// What it can be used as.
    pub role: Role,
}

/// Where a model comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It is part of the program.
    BuiltIn,
    /// A repository of the hub: `owner/name`.
    Hub(&'static str),
}

/// What a model can be used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It answers questions.
    Glamm,
    /// Checkpoints of GLaMM need it to see.
    VisionTower,
}

/// The repository of the vision tower that all published checkpoints name.
pub const CLIP: &str = "openai/clip-vit-large-patch14-336";

/// Every model that has a name, the ones to begin with first.
pub const CATALOGUE: &[Published] = &[
    Published {
        name: "demo",
        title: "Demo model",
        purpose: "trying things out: small, knows only drawn scenes",
        licence: "Apache-2.0",
        origin: Origin::BuiltIn,
        role: Role::Glamm,
    },
    glamm(
        "fullscope",
        "GLaMM-FullScope",
        "everything: grounded captions, segmentation, regions, conversation",
        "MBZUAI/GLaMM-FullScope",
    ),
    glamm("gcg", "GLaMM-GCG", "captions in which every phrase has a mask", "MBZUAI/GLaMM-GCG"),
    glamm("refseg", "GLaMM-RefSeg", "the mask of what a phrase describes", "MBZUAI/GLaMM-RefSeg"),
    glamm(
        "regcap-refcocog",
        "GLaMM-RegCap-RefCOCOg",
        "descriptions of boxes, in the words of RefCOCOg",
        "MBZUAI/GLaMM-RegCap-RefCOCOg",
    ),
    glamm(
        "regcap-vg",
        "GLaMM-RegCap-VG",
        "descriptions of boxes, in the words of Visual Genome",
        "MBZUAI/GLaMM-RegCap-VG",
    ),
    glamm(
        "grand-pretrained",
        "GLaMM-GranD-Pretrained",
        "a start for training of one's own: not tuned to any task",
        "MBZUAI/GLaMM-GranD-Pretrained",
    ),
    Published {
        name: "clip",
        title: "CLIP ViT-L/14 at 336 px",
        purpose: "the eyes of every model above but the demo; fetched with them",
        licence: "MIT",
        origin: Origin::Hub(CLIP),
        role: Role::VisionTower,
    },
];

/// A checkpoint that the authors of GLaMM published.
const fn glamm(
    name: &'static str,
    title: &'static str,
    purpose: &'static str,
    id: &'static str,
) -> Published {
    Published { name, title, purpose, licence: "Apache-2.0", origin: Origin::Hub(id), role: Role::Glamm }
}

/// The model of this name, or of this repository on the hub; letter case does not matter.
pub fn find(name: &str) -> Option<&'static Published> {
    CATALOGUE.iter().find(|entry| {
        let by_id = matches!(entry.origin, Origin::Hub(id) if id.eq_ignore_ascii_case(name));
        by_id || entry.name.eq_ignore_ascii_case(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::RepoId;

    #[test]
    fn names_are_distinct_and_repositories_well_formed() {
        for (index, entry) in CATALOGUE.iter().enumerate() {
            assert!(CATALOGUE[..index].iter().all(|other| other.name != entry.name), "{}", entry.name);
            if let Origin::Hub(id) = entry.origin {
                assert!(RepoId::parse(id).is_some(), "{id}");
            }
        }
    }

    #[test]
    fn models_are_found_by_either_name() {
        let names = ["fullscope", "FullScope", "MBZUAI/GLaMM-FullScope", "mbzuai/glamm-fullscope"];
        assert!(names.iter().all(|name| find(name).is_some_and(|found| found.name == "fullscope")));
        assert_eq!(find("GLaMM"), None);
    }
}
