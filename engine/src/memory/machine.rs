//! What memory this machine has, and whether a model fits into it.

use sysinfo::{CGroupLimits, MemoryRefreshKind, System};

use super::MemoryNeed;
use crate::model::backend::Backend;
use crate::precision::Precision;
use crate::protocol::DeviceChoice;

/// Memory that the system and other programs keep even when nothing is going on.
const KEPT_BY_OTHERS: u64 = 1 << 30;

/// Memory in bytes. A container counts as the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// All of it.
    pub ram_bytes: u64,
    /// What programs can get at this moment.
    pub free_ram_bytes: u64,
    /// Of the graphics card, where this build computes on one and knows.
    pub vram_bytes: Option<u64>,
    /// What is free of that.
    pub free_vram_bytes: Option<u64>,
}

/// Whether a model fits into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// As things are.
    Now,
    /// If other programs are closed.
    WhenOthersClose,
    /// Not at all.
    TooLarge,
}

impl Machine {
    /// Looks. `None` where the system does not tell.
    pub fn look() -> Option<Self> {
        let mut system = System::new().ok()?;
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let all = (system.total_memory(), system.available_memory());
        let (ram_bytes, free_ram_bytes) =
            system.cgroup_limits().map_or(all, |limits| within_container(all, &limits));
        let card = video_memory();
        let (vram_bytes, free_vram_bytes) = (card.map(|(_, all)| all), card.map(|(free, _)| free));
        (ram_bytes > 0).then_some(Self { ram_bytes, free_ram_bytes, vram_bytes, free_vram_bytes })
    }

    /// What is free of the memory that such a processor computes in; `None` where nobody knows.
    pub fn free_bytes(self, backend: Backend) -> Option<u64> {
        match backend {
            Backend::Cpu | Backend::Metal => Some(self.free_ram_bytes),
            Backend::Cuda => self.free_vram_bytes,
        }
    }

    /// The kind of processor that is chosen.
    pub fn backend(self, device: DeviceChoice) -> Backend {
        let usual = if cfg!(feature = "metal") { Backend::Metal } else { Backend::Cpu };
        match (device, self.vram_bytes) {
            (DeviceChoice::Cuda, _) | (DeviceChoice::Auto, Some(_)) => Backend::Cuda,
            (DeviceChoice::Metal, _) => Backend::Metal,
            (DeviceChoice::Cpu, _) => Backend::Cpu,
            (DeviceChoice::Auto, None) => usual,
        }
    }

    /// The precision in which a model that takes `peak_of` bytes is kept where nobody chooses.
    pub fn precision_for(self, device: DeviceChoice, peak_of: impl Fn(Precision) -> u64) -> Precision {
        let backend = self.backend(device);
        Precision::fitting(backend, peak_of, self.free_bytes(backend))
    }

    /// Whether a model fits into the memory of the processor that is chosen: the graphics card's where
    /// it is one with memory of its own. Of that all counts as free where nobody knows.
    pub fn fits_on(self, device: DeviceChoice, need: MemoryNeed) -> Fit {
        match self.vram_bytes.filter(|_| self.has_card_for(device)) {
            Some(vram) => Fit::of(need.total_bytes(), self.free_vram_bytes.unwrap_or(vram), vram),
            None => self.fits(need),
        }
    }

    /// Whether the processor that is chosen is a graphics card with memory of its own.
    pub fn has_card_for(self, device: DeviceChoice) -> bool {
        self.vram_bytes.is_some() && matches!(device, DeviceChoice::Auto | DeviceChoice::Cuda)
    }

    /// Whether a model fits that the processor computes.
    pub fn fits(self, need: MemoryNeed) -> Fit {
        Fit::of(need.total_bytes(), self.free_ram_bytes, self.ram_bytes.saturating_sub(KEPT_BY_OTHERS))
    }
}

impl Fit {
    /// Of something that takes `needed` bytes, where so many are `free`, and so many could be at best.
    fn of(needed: u64, free: u64, at_best: u64) -> Self {
        if needed <= free {
            Self::Now
        } else if needed <= at_best {
            Self::WhenOthersClose
        } else {
            Self::TooLarge
        }
    }
}

/// All memory and what is free of it, where a container sets limits. What it keeps of files in memory makes
/// room for programs, and counts as free.
fn within_container((all, free): (u64, u64), limits: &CGroupLimits) -> (u64, u64) {
    (all.min(limits.total_memory), free.min(limits.total_memory.saturating_sub(limits.rss)))
}

/// Free bytes and all bytes of the graphics card.
#[cfg(feature = "cuda")]
fn video_memory() -> Option<(u64, u64)> {
    use candle_core::cuda_backend::cudarc::driver::result;
    let candle_core::Device::Cuda(gpu) = crate::device::cuda().ok()? else { return None };
    // The driver answers for the context that is current on this thread.
    gpu.cuda_stream().context().bind_to_thread().ok()?;
    let (free, all) = result::mem_get_info().ok()?;
    Some((free as u64, all as u64))
}

/// An Apple GPU uses the memory of the machine, and has none of its own.
#[cfg(not(feature = "cuda"))]
fn video_memory() -> Option<(u64, u64)> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_memory() {
        let machine = Machine::look().unwrap();
        assert!(machine.ram_bytes > 1 << 28 && machine.free_ram_bytes <= machine.ram_bytes, "{machine:?}");
    }

    /// 15 of 16 GB free, and a graphics card with all of this.
    fn with_card(vram_bytes: Option<u64>) -> Machine {
        let (ram_bytes, free_ram_bytes) = (16 << 30, 15 << 30);
        Machine { ram_bytes, free_ram_bytes, vram_bytes, free_vram_bytes: vram_bytes }
    }

    #[test]
    fn files_in_the_memory_of_a_container_make_room() {
        // 8 GB of programs and 50 GB of files in 64 GB.
        let (total_memory, rss) = (64 << 30, 8 << 30);
        let limits = CGroupLimits { total_memory, free_memory: 6 << 30, free_swap: 0, rss };
        assert_eq!(within_container((128 << 30, 100 << 30), &limits), (64 << 30, 56 << 30));
        assert_eq!(within_container((32 << 30, 20 << 30), &limits), (32 << 30, 20 << 30));
    }

    #[test]
    fn memory_chooses_the_precision_on_a_graphics_card_too() {
        let gigabytes = |precision| match precision {
            Precision::F32 => 32 << 30,
            Precision::F16 => 18 << 30,
            Precision::Q8_0 => 10 << 30,
            _ => 6_u64 << 30,
        };
        let chosen =
            |card: Option<u64>, device| with_card(card.map(|all| all << 30)).precision_for(device, gigabytes);
        assert_eq!(chosen(Some(80), DeviceChoice::Auto), Precision::F16);
        assert_eq!(chosen(Some(12), DeviceChoice::Cuda), Precision::Q8_0);
        assert_eq!(chosen(Some(8), DeviceChoice::Auto), Precision::Q4K);
        assert_eq!(chosen(Some(8), DeviceChoice::Cpu), Precision::Q8_0, "of 15 GB");
        assert_eq!(chosen(None, DeviceChoice::Cuda), Precision::F16, "nobody knows");
        let full = Machine { free_vram_bytes: Some(7 << 30), ..with_card(Some(80 << 30)) };
        assert_eq!(full.precision_for(DeviceChoice::Cuda, gigabytes), Precision::Q4K, "others use it");
    }

    #[test]
    fn a_graphics_card_has_memory_of_its_own() {
        let need = MemoryNeed { weight_bytes: 12 << 30, working_bytes: 1 << 30 };
        let machine = with_card(Some(8 << 30));
        assert_eq!(machine.fits_on(DeviceChoice::Auto, need), Fit::TooLarge);
        assert_eq!(machine.fits_on(DeviceChoice::Cpu, need), Fit::Now);
        let larger = Machine { vram_bytes: Some(24 << 30), ..machine };
        assert_eq!(larger.fits_on(DeviceChoice::Cuda, need), Fit::WhenOthersClose, "8 GB of 24 are free");
        let unknown = Machine { free_vram_bytes: None, ..larger };
        assert_eq!(unknown.fits_on(DeviceChoice::Cuda, need), Fit::Now);
        let free = Machine { free_vram_bytes: Some(20 << 30), ..larger };
        assert_eq!(free.fits_on(DeviceChoice::Auto, need), Fit::Now);
    }

    #[test]
    fn other_programs_count() {
        let machine = Machine { free_ram_bytes: 6 << 30, ..with_card(None) };
        let fits =
            |gigabytes: u64| machine.fits(MemoryNeed { weight_bytes: gigabytes << 30, working_bytes: 0 });
        assert_eq!(
            [fits(6), fits(7), fits(15), fits(16)],
            [Fit::Now, Fit::WhenOthersClose, Fit::WhenOthersClose, Fit::TooLarge]
        );
    }
}
