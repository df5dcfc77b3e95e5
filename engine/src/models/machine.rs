//! What memory this machine has, and whether a model fits into it.

use sysinfo::{MemoryRefreshKind, System};

use super::memory::MemoryNeed;
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
        let (mut ram_bytes, mut free_ram_bytes) = (system.total_memory(), system.available_memory());
        if let Some(limits) = system.cgroup_limits() {
            ram_bytes = ram_bytes.min(limits.total_memory);
            free_ram_bytes = free_ram_bytes.min(limits.free_memory);
        }
        (ram_bytes > 0).then(|| Self { ram_bytes, free_ram_bytes, vram_bytes: vram_bytes() })
    }

    /// Whether a model fits into the memory of the processor that is chosen: the graphics card's where
    /// it is one with memory of its own.
    pub fn fits_on(self, device: DeviceChoice, need: MemoryNeed) -> Fit {
        match self.vram_bytes.filter(|_| self.has_card_for(device)) {
            Some(vram) if need.total_bytes() <= vram => Fit::Now,
            Some(_) => Fit::TooLarge,
            None => self.fits(need),
        }
    }

    /// Whether the processor that is chosen is a graphics card with memory of its own.
    pub fn has_card_for(self, device: DeviceChoice) -> bool {
        self.vram_bytes.is_some() && matches!(device, DeviceChoice::Auto | DeviceChoice::Cuda)
    }

    /// Whether a model fits that the processor computes.
    pub fn fits(self, need: MemoryNeed) -> Fit {
        let total = need.total_bytes();
        if total <= self.free_ram_bytes {
            Fit::Now
        } else if total + KEPT_BY_OTHERS <= self.ram_bytes {
            Fit::WhenOthersClose
        } else {
            Fit::TooLarge
        }
    }
}

/// The graphics card's memory, all of it.
fn vram_bytes() -> Option<u64> {
    video_memory().map(|(_, total)| total as u64)
}

/// What is free of the graphics card's memory, where this build computes on one with its own.
pub(crate) fn free_vram_bytes() -> Option<u64> {
    video_memory().map(|(free, _)| free as u64)
}

/// Free bytes and all bytes of the graphics card.
#[cfg(feature = "cuda")]
fn video_memory() -> Option<(usize, usize)> {
    use candle_core::cuda_backend::cudarc::driver::result;
    // The driver answers for the context that opening the device makes current.
    let _device = candle_core::Device::new_cuda(0).ok()?;
    result::mem_get_info().ok()
}

/// An Apple GPU uses the memory of the machine, and has none of its own.
#[cfg(not(feature = "cuda"))]
fn video_memory() -> Option<(usize, usize)> {
    None
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn this_machine_has_memory() {
        let machine = Machine::look().unwrap();
        assert!(machine.ram_bytes > 1 << 28 && machine.free_ram_bytes <= machine.ram_bytes, "{machine:?}");
    }

    #[test]
    fn a_graphics_card_has_memory_of_its_own() {
        let need = MemoryNeed { weight_bytes: 12 << 30, working_bytes: 1 << 30 };
        let machine = Machine { ram_bytes: 16 << 30, free_ram_bytes: 15 << 30, vram_bytes: Some(8 << 30) };
        assert_eq!(machine.fits_on(DeviceChoice::Auto, need), Fit::TooLarge);
        assert_eq!(machine.fits_on(DeviceChoice::Cpu, need), Fit::Now);
        let larger = Machine { vram_bytes: Some(24 << 30), ..machine };
        assert_eq!(larger.fits_on(DeviceChoice::Cuda, need), Fit::Now);
    }

    #[test]
    fn other_programs_count() {
        let machine = Machine { ram_bytes: 16 << 30, free_ram_bytes: 6 << 30, vram_bytes: None };
        let fits =
            |gigabytes: u64| machine.fits(MemoryNeed { weight_bytes: gigabytes << 30, working_bytes: 0 });
        assert_eq!(
            [fits(6), fits(7), fits(15), fits(16)],
            [Fit::Now, Fit::WhenOthersClose, Fit::WhenOthersClose, Fit::TooLarge]
        );
    }
}
