//! The models of this machine, as the window knows them: what there is, what is being fetched,
//! converted or removed, and what one may try where a model does not fit.
//!
//! Plain state: [`desk`] does the work on threads of its own and reports [`ModelNews`], `update`
//! changes the state by them, the model manager (`ui::models`) shows it.

mod access;
mod checking;
pub mod desk;
mod manager;
mod task;
mod transfer;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use glamm_engine::models::{Fit, Machine, MemoryNeed, ModelEntry, ModelState, Role};
use glamm_engine::precision::Precision;
use glamm_engine::protocol::{DeviceChoice, Held, ModelInfo, ModelSource, ModelSpec};

use crate::notice::Tone;

pub use access::Access;
pub use checking::{Checking, Findings};
pub use manager::{Manager, ManagerAction};
pub use task::{ModelNews, ModelTask};
pub use transfer::{FileTransfer, Transfer, TransferStatus};

/// What is known of the models, and what is being done to them.
#[derive(Debug, Default)]
pub struct Library {
    /// What there is; `None` until it was first looked at.
    pub listing: Option<Arc<Listing>>,
    /// Folders and files that the user opened from elsewhere.
    pub opened: Vec<PathBuf>,
    /// Downloads, by the names of their models.
    pub transfers: BTreeMap<String, Transfer>,
    /// The conversion that is going on.
    pub conversion: Option<Conversion>,
    /// The model that is being removed.
    pub removing: Option<String>,
    /// The model whose files are being looked through.
    pub checking: Option<Checking>,
    /// What the last thing done to a model ended with, until it was read.
    pub outcomes: BTreeMap<String, Outcome>,
}

/// What there is, at one moment.
#[derive(Debug, Clone, Default)]
pub struct Listing {
    /// Every model that is published or on this machine.
    pub entries: Vec<ModelEntry>,
    /// The memory here.
    pub machine: Option<Machine>,
    /// Bytes free where downloads go.
    pub free_disk_bytes: Option<u64>,
    /// Where converted models go, and bytes free there.
    pub own: Option<(PathBuf, Option<u64>)>,
}

/// A model on its way into one file.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    /// Which model.
    pub name: String,
    /// In which precision.
    pub precision: Precision,
    /// Into which file.
    pub out: PathBuf,
    /// Bytes of the model done.
    pub done_bytes: u64,
    /// Bytes of the model in all; 0 while it is opened.
    pub total_bytes: u64,
    /// Seconds on the window's clock when it began.
    pub began_at: f64,
    /// Whether the user wants it to end.
    pub stopping: bool,
}

/// How something ended, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What happened, and what to do.
    pub text: String,
    /// What kind of news it is.
    pub tone: Tone,
}

/// A way out where a model could not be loaded: one that is here and fits.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// For people.
    pub title: String,
    /// What to load.
    pub spec: ModelSpec,
}

impl Library {
    /// Notes how something ended.
    pub fn tell(&mut self, name: String, text: String, tone: Tone) {
        self.outcomes.insert(name, Outcome { text, tone });
    }

    /// Notes a folder or file that models are loaded from, unless the list has it anyway.
    pub fn open(&mut self, path: &Path) {
        let listed = self.listing.as_ref().is_some_and(|listing| {
            listing.entries.iter().any(|entry| entry.state.path().is_some_and(|known| known == path))
        });
        if !listed && !self.opened.iter().any(|opened| opened == path) {
            self.opened.push(path.to_owned());
        }
    }
}

/// What people call a model.
pub fn title(entry: &ModelEntry) -> String {
    if let Some(published) = entry.published {
        return published.title.to_owned();
    }
    let path = Path::new(&entry.name);
    let last = if path.is_file() { path.file_stem() } else { path.file_name() };
    match last.filter(|_| path.is_absolute()) {
        Some(last) => last.to_string_lossy().into_owned(),
        None => entry.name.clone(),
    }
}

/// The weights of a model that is all here and answers questions.
pub fn source(entry: &ModelEntry) -> Option<ModelSource> {
    match &entry.state {
        _ if entry.role != Role::Glamm => None,
        ModelState::BuiltIn => Some(ModelSource::Demo),
        ModelState::Installed(found) => Some(ModelSource::Path(found.path.clone())),
        ModelState::Partial(_) | ModelState::Absent => None,
    }
}

/// The files of a model of which any are here.
pub fn files(entry: &ModelEntry) -> Option<ModelSource> {
    match &entry.state {
        // A vision tower is checked with what it belongs to.
        _ if entry.role != Role::Glamm => None,
        ModelState::BuiltIn => Some(ModelSource::Demo),
        ModelState::Installed(found) | ModelState::Partial(found) => {
            Some(ModelSource::Path(found.path.clone()))
        }
        ModelState::Absent => None,
    }
}

impl Listing {
    /// The model of this name.
    pub fn entry(&self, name: &str) -> Option<&ModelEntry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The model with these weights.
    pub fn entry_of(&self, source: &ModelSource) -> Option<&ModelEntry> {
        self.entries.iter().find(|entry| self::source(entry).as_ref() == Some(source))
    }

    /// The memory here, as it will be once `loaded` has been given back.
    pub fn machine_without(&self, loaded: Option<&ModelInfo>) -> Option<Machine> {
        let mut machine = self.machine?;
        match loaded.map(|info| info.held) {
            Some(Held::Ram(bytes)) => {
                let free = machine.free_ram_bytes.saturating_add(bytes);
                machine.free_ram_bytes = free.min(machine.ram_bytes);
            }
            Some(Held::Card(bytes)) => {
                let free = machine.free_vram_bytes.map(|free| free.saturating_add(bytes));
                machine.free_vram_bytes = free.min(machine.vram_bytes);
            }
            None => {}
        }
        Some(machine)
    }

    /// Models that are here, each as precise as it fits, the one that failed left out where it does not
    /// fit either; at most three.
    pub fn offers(&self, failed: &ModelSpec) -> Vec<Offer> {
        let Some(machine) = self.machine else { return Vec::new() };
        let device = failed.device;
        let fitting = self.entries.iter().filter_map(|entry| {
            let source = source(entry)?;
            let retry = source == failed.source;
            // What a graphics card has free was not known as well as it seemed.
            let chosen = || automatic(entry, machine, device).filter(|_| machine.has_card_for(device));
            let tried = failed.precision.or_else(chosen);
            let fits = |need: MemoryNeed| machine.fits_on(device, need) == Fit::Now;
            // What failed as precisely as this fails again.
            let less =
                |precision: Precision| !retry || tried.is_some_and(|tried| rank(precision) > rank(tried));
            let (precision, _) =
                entry.needs.iter().find(|(precision, need)| fits(*need) && less(*precision))?;
            let spec = ModelSpec { source, device, precision: Some(*precision) };
            Some(Offer { title: format!("{} in {precision}", title(entry)), spec })
        });
        let mut offers: Vec<Offer> = fitting.collect();
        // The demo model always fits, and is the last resort.
        offers.sort_by_key(|offer| offer.spec.source == ModelSource::Demo);
        offers.truncate(3);
        offers
    }
}

/// What a model needs in a precision.
pub fn need(entry: &ModelEntry, precision: Precision) -> Option<MemoryNeed> {
    // Both of sixteen bits take the same.
    let precision = if precision == Precision::Bf16 { Precision::F16 } else { precision };
    entry.needs.iter().find(|(other, _)| *other == precision).map(|(_, need)| *need)
}

/// The precision in which a model is loaded on `device` where nobody chooses.
pub fn automatic(entry: &ModelEntry, machine: Machine, device: DeviceChoice) -> Option<Precision> {
    if entry.stored.is_some() {
        return entry.stored;
    }
    need(entry, Precision::F32)?;
    let peak_of = |precision| need(entry, precision).map_or(u64::MAX, MemoryNeed::total_bytes);
    Some(machine.precision_for(device, peak_of))
}

/// The file that a converted model goes into.
pub fn converted_path(directory: &Path, entry: &ModelEntry, precision: Precision) -> PathBuf {
    let stem: String = title(entry)
        .chars()
        .map(|c| if c.is_alphanumeric() || matches!(c, '.' | '_') { c.to_ascii_lowercase() } else { '-' })
        .collect();
    directory.join(format!("{}-{precision}.gguf", stem.trim_matches(['-', '.'])))
}

fn rank(precision: Precision) -> usize {
    Precision::ALL.iter().position(|other| *other == precision).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests {
    use glamm_engine::models::{self, CATALOGUE, Installed, Places};
    use glamm_engine::precision::KeptAs;

    use super::*;

    /// A machine with 24 GB, 20 of them free, and FullScope and one own file on it.
    pub(crate) fn listing() -> Listing {
        let mut entries = models::list(&Places::default());
        let fullscope = entries.iter_mut().find(|entry| entry.name == "fullscope").unwrap();
        fullscope.state = installed("/hub/fullscope", 16_760_000_000);
        let mut own = fullscope.clone();
        own.name = "mine".to_owned();
        own.published = None;
        own.needs.retain(|(precision, _)| *precision == Precision::Q4K);
        own.stored = Some(Precision::Q4K);
        own.state = installed("/own/mine.gguf", 5_000_000_000);
        entries.push(own);
        let machine = Machine {
            ram_bytes: 24 << 30,
            free_ram_bytes: 20 << 30,
            vram_bytes: None,
            free_vram_bytes: None,
        };
        Listing {
            entries,
            machine: Some(machine),
            free_disk_bytes: Some(70_000_000_000),
            own: Some(("/own".into(), Some(70_000_000_000))),
        }
    }

    pub(crate) fn installed(path: &str, bytes: u64) -> ModelState {
        ModelState::Installed(Installed { path: path.into(), bytes, is_complete: true })
    }

    fn failed(path: &str, precision: Option<Precision>) -> ModelSpec {
        ModelSpec { source: ModelSource::Path(path.into()), device: DeviceChoice::Cpu, precision }
    }

    #[test]
    fn a_failed_load_leads_to_what_fits() {
        let listing = listing();
        let titles = |spec: &ModelSpec| -> Vec<String> {
            listing.offers(spec).into_iter().map(|offer| offer.title).collect()
        };
        assert_eq!(
            titles(&failed("/hub/fullscope", Some(Precision::F32))),
            ["GLaMM-FullScope in f16", "mine in q4k", "Demo model in f32"]
        );
        assert_eq!(
            titles(&failed("/hub/fullscope", None)),
            ["mine in q4k", "Demo model in f32"],
            "what was chosen by itself fails again"
        );
        let small = Machine { ram_bytes: 4 << 30, free_ram_bytes: 3 << 30, ..listing.machine.unwrap() };
        let offers = Listing { machine: Some(small), ..listing.clone() }.offers(&failed("/elsewhere", None));
        assert_eq!(
            offers.iter().map(|offer| offer.title.as_str()).collect::<Vec<_>>(),
            ["Demo model in f32"]
        );
    }

    #[test]
    fn memory_of_the_present_model_counts_as_free() {
        let listing = listing();
        let info = ModelInfo {
            name: "mine".to_owned(),
            device: "CPU".to_owned(),
            precision: KeptAs::Precision(Precision::Q4K),
            held: Held::Ram(0),
            source: ModelSource::Path("/own/mine.gguf".into()),
            parameters: 1,
            has_random_weights: false,
            encoder_sides: glamm_engine::protocol::EncoderSides { global: 1, grounding: 1 },
            context_length: 1,
            load_time: std::time::Duration::ZERO,
        };
        let free = |loaded: Option<Held>| {
            let info = loaded.map(|held| ModelInfo { held, ..info.clone() });
            let machine = listing.machine_without(info.as_ref()).unwrap();
            (machine.free_ram_bytes >> 30, machine.free_vram_bytes)
        };
        assert_eq!(free(None), (20, None));
        assert_eq!(free(Some(Held::Ram(3 << 30))), (23, None));
        assert_eq!(free(Some(Held::Ram(9 << 30))), (24, None), "no more than there is");
        assert_eq!(free(Some(Held::Card(3 << 30))), (20, None), "it is in another memory");
    }

    #[test]
    fn a_choice_left_open_is_told() {
        let listing = listing();
        let machine = listing.machine.unwrap();
        let chosen = |name: &str| automatic(listing.entry(name).unwrap(), machine, DeviceChoice::Cpu);
        assert_eq!(chosen("demo"), Some(Precision::F32));
        assert_eq!(chosen("fullscope"), Some(Precision::F16));
        assert_eq!(chosen("mine"), Some(Precision::Q4K));
        assert_eq!(chosen("clip"), None);
        let in_half =
            ModelEntry { stored: Some(Precision::Bf16), ..listing.entry("fullscope").unwrap().clone() };
        let larger = Machine { free_ram_bytes: 100 << 30, ..machine };
        assert_eq!(
            automatic(&in_half, larger, DeviceChoice::Cpu),
            Some(Precision::Bf16),
            "as its file has it"
        );
        let card = Machine { vram_bytes: Some(24 << 30), free_vram_bytes: Some(8 << 30), ..machine };
        let on = |device| automatic(listing.entry("fullscope").unwrap(), card, device);
        assert_eq!(on(DeviceChoice::Auto), Some(Precision::Q4K));
        assert_eq!(on(DeviceChoice::Cpu), Some(Precision::F16));
    }

    #[test]
    fn models_have_names_and_files() {
        let listing = listing();
        let entry = |name: &str| listing.entry(name).unwrap();
        assert_eq!(CATALOGUE.len() + 1, listing.entries.len());
        assert_eq!(source(entry("clip")), None, "no GLaMM");
        assert_eq!(source(entry("gcg")), None, "not here");
        assert_eq!(source(entry("demo")), Some(ModelSource::Demo));
        let path = converted_path(Path::new("/own"), entry("fullscope"), Precision::Q4K);
        assert_eq!(path, Path::new("/own/glamm-fullscope-q4k.gguf"));
        let mut other = entry("mine").clone();
        other.name = "some one/A model".to_owned();
        assert_eq!(
            converted_path(Path::new(""), &other, Precision::F16),
            Path::new("some-one-a-model-f16.gguf")
        );
    }
}
