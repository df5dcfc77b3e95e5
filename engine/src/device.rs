//! Processors: which one to compute on, in which number format, and on which threads.

use candle_core::{DType, Device};

use crate::error::DeviceError;
use crate::protocol::DeviceChoice;

/// Opens the wanted processor; [`DeviceChoice::Auto`] takes the fastest that this build and this
/// machine have, and falls back to the CPU.
///
/// # Errors
/// [`DeviceError::NotBuilt`] where the binary has no support for it, [`DeviceError::Unavailable`]
/// where the machine or its driver says no.
pub fn open(choice: DeviceChoice) -> Result<Device, DeviceError> {
    match choice {
        DeviceChoice::Cpu => Ok(Device::Cpu),
        DeviceChoice::Cuda => open_cuda(),
        DeviceChoice::Metal => open_metal(),
        DeviceChoice::Auto => {
            let gpu = open_cuda().or_else(|_| open_metal());
            Ok(gpu.unwrap_or(Device::Cpu))
        }
    }
}

/// The processors that this build can compute on, besides choosing by itself.
pub fn built_in() -> impl Iterator<Item = DeviceChoice> {
    let built = |choice: &DeviceChoice| match choice {
        DeviceChoice::Auto => false,
        DeviceChoice::Cpu => true,
        DeviceChoice::Cuda => cfg!(feature = "cuda"),
        DeviceChoice::Metal => cfg!(feature = "metal"),
    };
    [DeviceChoice::Cpu, DeviceChoice::Cuda, DeviceChoice::Metal].into_iter().filter(built)
}

fn open_cuda() -> Result<Device, DeviceError> {
    if !cfg!(feature = "cuda") {
        return Err(DeviceError::NotBuilt { device: "CUDA", feature: "cuda" });
    }
    Device::new_cuda(0).map_err(|error| DeviceError::Unavailable { device: "CUDA", reason: one_line(&error) })
}

fn open_metal() -> Result<Device, DeviceError> {
    if !cfg!(feature = "metal") {
        return Err(DeviceError::NotBuilt { device: "Metal", feature: "metal" });
    }
    Device::new_metal(0)
        .map_err(|error| DeviceError::Unavailable { device: "Metal", reason: one_line(&error) })
}

/// candle's errors carry a backtrace after the first line.
fn one_line(error: &candle_core::Error) -> String {
    error.to_string().lines().next().unwrap_or_default().trim().to_owned()
}

/// For people: "CPU", "CUDA 0".
pub fn name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "CPU".to_owned(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("CUDA {gpu_id}"),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("Metal {gpu_id}"),
    }
}

/// The number format to compute in: that of the reference data, everywhere.
pub fn compute_dtype(_device: &Device) -> DType {
    DType::F32
}

/// Runs one forward pass on the threads that candle keeps for the CPU. Without this every
/// operation would use the process-wide pool, which the user interface's image work shares; going
/// there once a pass instead of once an operation also saves the way there and back. What the pass
/// reports of itself is part of the caller's span, whichever thread it runs on.
pub fn compute<T: Send>(device: &Device, pass: impl FnOnce() -> T + Send) -> T {
    if !device.is_cpu() {
        return pass();
    }
    let span = tracing::Span::current();
    candle_core::utils::with_threadpool(|| span.in_scope(pass))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_always_finds_a_device() {
        assert!(open(DeviceChoice::Auto).is_ok());
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn a_device_that_is_not_built_in_names_the_feature() {
        let error = open(DeviceChoice::Cuda).map(|_| ()).map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("this build of GLaMM Desktop has no CUDA support: rebuild with `--features cuda`, \
                 or use --device cpu"
                .to_owned())
        );
    }

    #[test]
    fn a_pass_runs_on_candles_own_threads_and_hands_panics_on() {
        let caller = std::thread::current().id();
        assert_ne!(compute(&Device::Cpu, || std::thread::current().id()), caller);
        let panic = std::panic::catch_unwind(|| compute(&Device::Cpu, || std::panic::panic_any("inside")));
        assert_eq!(panic.err().and_then(|p| p.downcast_ref::<&str>().copied()), Some("inside"));
    }
}
