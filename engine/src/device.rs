//! Processors: which one to compute on, in which number format, and on which threads.

use candle_core::{DType, Device};

use crate::error::{DeviceError, without_backtrace};
use crate::precision::Precision;
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

/// Gives memory that was freed back to the system, where the allocator would keep it for itself: glibc's
/// does with everything that was smaller than 32 MB, which matrices in blocks are.
pub(crate) fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[expect(unsafe_code, reason = "the interface of the allocator")]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
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

#[cfg(feature = "cuda")]
fn open_cuda() -> Result<Device, DeviceError> {
    cuda().map_err(|error| DeviceError::Unavailable { device: "CUDA", reason: one_line(&error) })
}

#[cfg(not(feature = "cuda"))]
fn open_cuda() -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt { device: "CUDA", feature: "cuda" })
}

/// The NVIDIA GPU, opened once for the whole process: the tensor library keeps room to work in for every device
/// that it was given, for ever, and takes the same GPU opened anew for another one.
///
/// # Errors
/// The driver's, which are not remembered: it may be there later.
#[cfg(feature = "cuda")]
pub(crate) fn cuda() -> candle_core::Result<Device> {
    static OPENED: std::sync::OnceLock<Device> = std::sync::OnceLock::new();
    if let Some(device) = OPENED.get() {
        return Ok(device.clone());
    }
    let device = Device::new_cuda(0)?;
    Ok(OPENED.get_or_init(|| device).clone())
}

fn open_metal() -> Result<Device, DeviceError> {
    if !cfg!(feature = "metal") {
        return Err(DeviceError::NotBuilt { device: "Metal", feature: "metal" });
    }
    Device::new_metal(0)
        .map_err(|error| DeviceError::Unavailable { device: "Metal", reason: one_line(&error) })
}

fn one_line(error: &candle_core::Error) -> String {
    without_backtrace(error).lines().next().unwrap_or_default().trim().to_owned()
}

/// For people: "CPU", "CUDA 0".
pub fn name(device: &Device) -> String {
    match device.location() {
        candle_core::DeviceLocation::Cpu => "CPU".to_owned(),
        candle_core::DeviceLocation::Cuda { gpu_id } => format!("CUDA {gpu_id}"),
        candle_core::DeviceLocation::Metal { gpu_id } => format!("Metal {gpu_id}"),
    }
}

/// The number format to compute in: that of the reference data on the CPU. On a GPU, whose time goes
/// into reading weights, what matrices in `precision` have, and else what was published: 16 bits.
/// (The parts that were published in 32 bits are computed in these everywhere, see
/// [`crate::model::glamm::Glamm::new`].)
pub fn compute_dtype(device: &Device, precision: Option<Precision>) -> DType {
    if device.is_cpu() {
        return DType::F32;
    }
    match precision {
        Some(Precision::F32) => DType::F32,
        Some(Precision::F16) => DType::F16,
        Some(Precision::Bf16) => DType::BF16,
        Some(Precision::Q8_0 | Precision::Q6K | Precision::Q5K | Precision::Q4K) | None => half(device),
    }
}

/// The format of 16 bits that a GPU computes in: bf16, in which the model was trained, from NVIDIA's
/// Ampere generation on; f16 on what is older, and on Apple's, of which not all have kernels for bf16.
#[cfg_attr(not(feature = "cuda"), expect(unused_variables, reason = "only an NVIDIA GPU is asked"))]
fn half(device: &Device) -> DType {
    #[cfg(feature = "cuda")]
    if let Device::Cuda(gpu) = device {
        /// Ampere's.
        const FIRST_WITH_BF16: i32 = 8;
        let capability = gpu.cuda_stream().context().compute_capability();
        if capability.is_ok_and(|(major, _)| major >= FIRST_WITH_BF16) {
            return DType::BF16;
        }
    }
    DType::F16
}

/// Whether the tensor library failed because no memory was left. Its errors say so in words only: those
/// of CUDA's driver and of cuBLAS, and of Metal, which fails to make a buffer for no other reason.
pub fn is_out_of_memory(error: &candle_core::Error) -> bool {
    const WORDS: [&str; 4] = [
        "CUDA_ERROR_OUT_OF_MEMORY",
        "out of memory",
        "CUBLAS_STATUS_ALLOC_FAILED",
        "Failed to create metal resource: Buffer",
    ];
    let text = without_backtrace(error);
    WORDS.iter().any(|words| text.contains(words))
}

/// Runs one forward pass. On the CPU on the threads that candle keeps for it: without this every
/// operation would use the process-wide pool, which the user interface's image work shares; going
/// there once a pass instead of once an operation also saves the way there and back. What the pass reports of
/// itself is part of the caller's span, whichever thread it runs on.
pub fn compute<T: Send>(device: &Device, pass: impl FnOnce() -> T + Send) -> T {
    match device {
        Device::Cpu => {
            let span = tracing::Span::current();
            candle_core::utils::with_threadpool(|| span.in_scope(pass))
        }
        _ => drained(device, pass),
    }
}

/// Runs something after which, with Metal, what it made Apple's libraries keep for later is freed, not with
/// the thread.
pub(crate) fn drained<T>(device: &Device, work: impl FnOnce() -> T) -> T {
    match device {
        #[cfg(all(feature = "metal", target_vendor = "apple"))]
        Device::Metal(_) => objc2::rc::autoreleasepool(|_| work()),
        _ => work(),
    }
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
    #[cfg(not(feature = "metal"))]
    fn metal_that_is_not_built_in_names_the_feature() {
        let error = open(DeviceChoice::Metal).map(|_| ()).map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("no Metal support: rebuild with `--features metal`")));
    }

    #[test]
    #[cfg(feature = "cuda")]
    fn a_gpu_is_opened_once() {
        if let (Ok(one), Ok(other)) = (open(DeviceChoice::Cuda), open(DeviceChoice::Cuda)) {
            assert!(one.same_device(&other));
        }
    }

    /// On a machine with a driver and a card there is nothing to say.
    #[test]
    #[cfg(feature = "cuda")]
    fn a_gpu_that_is_not_there_says_what_to_do() {
        if let Err(error) = open(DeviceChoice::Cuda) {
            let text = error.to_string();
            assert!(
                text.starts_with("no CUDA device could be opened (") && text.ends_with("use --device cpu")
            );
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }

    #[test]
    fn the_cpu_computes_in_single_precision_whatever_weights_are_in() {
        for precision in Precision::ALL.map(Some).into_iter().chain([None]) {
            assert_eq!(compute_dtype(&Device::Cpu, precision), DType::F32);
        }
    }

    #[test]
    fn running_out_of_memory_is_told_from_other_failures() {
        let driver = "DriverError(CUDA_ERROR_OUT_OF_MEMORY, \"out of memory\")";
        assert!(is_out_of_memory(&candle_core::Error::Cuda(driver.into()).bt()));
        assert!(is_out_of_memory(&candle_core::Error::Cuda(
            "CublasError(CUBLAS_STATUS_ALLOC_FAILED)".into()
        )));
        let metal = candle_core::Error::Msg("Metal error Failed to create metal resource: Buffer".to_owned());
        assert!(is_out_of_memory(&metal.context("loading")));
        assert!(!is_out_of_memory(&candle_core::Error::Cuda("DriverError(CUDA_ERROR_INVALID_VALUE)".into())));
        assert!(!is_out_of_memory(&candle_core::Error::Msg("shapes differ".to_owned())));
    }

    #[test]
    fn a_pass_runs_on_candles_own_threads_and_hands_panics_on() {
        let caller = std::thread::current().id();
        assert_ne!(compute(&Device::Cpu, || std::thread::current().id()), caller);
        let panic = std::panic::catch_unwind(|| compute(&Device::Cpu, || std::panic::panic_any("inside")));
        assert_eq!(panic.err().and_then(|p| p.downcast_ref::<&str>().copied()), Some("inside"));
    }
}
