//! `--model` and `--device`: what they name, and loading it with a bar on stderr. Used by every
//! command that runs a model, and by the window's start.

use std::path::Path;
use std::time::Duration;

use glamm_engine::Engine;
use glamm_engine::models::{self, Location, Places};
use glamm_engine::protocol::{DeviceChoice, ModelSource, ModelSpec};
use indicatif::{ProgressBar, ProgressStyle};

use super::args::ModelArgs;
use super::error::CliError;

/// Reads `--model` and `--device`.
///
/// # Errors
/// [`CliError::UnknownDevice`], [`CliError::Locate`].
pub fn model_spec(args: &ModelArgs) -> Result<ModelSpec, CliError> {
    let device = device_choice(&args.device)?;
    Ok(ModelSpec { source: model_source(&args.model)?, device, precision: args.precision })
}

/// Reads `--device`.
///
/// # Errors
/// [`CliError::UnknownDevice`].
pub(super) fn device_choice(name: &str) -> Result<DeviceChoice, CliError> {
    Ok(match name.to_ascii_lowercase().as_str() {
        "auto" => DeviceChoice::Auto,
        "cpu" => DeviceChoice::Cpu,
        "cuda" => DeviceChoice::Cuda,
        "metal" => DeviceChoice::Metal,
        _ => return Err(CliError::UnknownDevice(name.to_owned())),
    })
}

/// The weights that `model` means: a path, or a name that `glamm models list` shows. A name that is
/// also a file's is the model's; write `./name` for the file.
///
/// # Errors
/// [`CliError::Locate`].
pub(super) fn model_source(model: &str) -> Result<ModelSource, CliError> {
    let is_path = models::catalogue::find(model).is_none() && Path::new(model).exists();
    if is_path {
        return Ok(ModelSource::Path(model.into()));
    }
    Ok(match models::locate(model, &Places::from_env())? {
        Location::BuiltIn => ModelSource::Demo,
        Location::Disk(path) => ModelSource::Path(path),
    })
}

/// Loads a model; the bar is drawn only where stderr is a terminal.
///
/// # Errors
/// What the engine says.
pub(super) fn load(spec: &ModelSpec) -> Result<Engine, CliError> {
    let bar = ProgressBar::new(0).with_style(Progress::Loading.style());
    let shown = bar.clone();
    let result = Engine::load(spec, move |progress| {
        if shown.length() != Some(progress.total_bytes()) {
            shown.set_length(progress.total_bytes());
        }
        shown.set_position(progress.done_bytes());
        true
    });
    bar.finish_and_clear();
    Ok(result?)
}

/// Shows that `work` is going on while it is, on stderr where that is a terminal.
pub(super) fn with_spinner<T>(message: &'static str, work: impl FnOnce() -> T) -> T {
    let spinner = ProgressBar::new_spinner().with_style(Progress::Waiting.style());
    spinner.set_message(message);
    spinner.enable_steady_tick(Duration::from_millis(100));
    let result = work();
    spinner.finish_and_clear();
    result
}

/// What a bar or spinner on stderr tells.
#[derive(Debug, Clone, Copy)]
pub(super) enum Progress {
    /// Bytes of a model.
    Loading,
    /// Something of unknown length.
    Waiting,
    /// Scenes done.
    Scenes,
    /// Runs of a row of a benchmark.
    Runs,
    /// Bytes of a model that are looked at.
    Checking,
    /// Bytes of weights that are written.
    Writing,
    /// Bytes of a model on their way into another file.
    Converting,
    /// Bytes of one file that is fetched.
    File,
    /// Bytes of all files that are fetched.
    Download,
}

impl Progress {
    fn template(self) -> &'static str {
        match self {
            Self::Loading => "loading the model {wide_bar} {bytes}/{total_bytes}",
            Self::Waiting => "{spinner} {msg} {elapsed}",
            Self::Scenes => "{wide_bar} {pos}/{len} scenes, {eta} left",
            Self::Converting => "converting {wide_bar} {bytes}/{total_bytes}, {eta} left",
            Self::Runs => "{spinner} {msg} {wide_bar} {pos}/{len} {elapsed}",
            Self::Checking => "checking {wide_bar} {bytes}/{total_bytes}, {eta} left",
            Self::Writing => "writing {wide_bar} {bytes}/{total_bytes}, {eta} left",
            Self::File => "{msg} {wide_bar} {decimal_bytes}/{decimal_total_bytes}",
            Self::Download => "{wide_bar} {decimal_bytes}/{decimal_total_bytes} {msg}",
        }
    }

    /// Its look; indicatif's own if the template had a mistake (a test sees to it that none has).
    pub(super) fn style(self) -> ProgressStyle {
        ProgressStyle::with_template(self.template()).unwrap_or_else(|_| ProgressStyle::default_bar())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(model: &str, device: &str) -> Result<ModelSpec, CliError> {
        model_spec(&ModelArgs { model: model.to_owned(), device: device.to_owned(), precision: None })
    }

    #[test]
    fn templates_have_no_mistake() {
        for progress in [
            Progress::Loading,
            Progress::Waiting,
            Progress::Scenes,
            Progress::Runs,
            Progress::Checking,
            Progress::Writing,
            Progress::Converting,
            Progress::File,
            Progress::Download,
        ] {
            assert!(ProgressStyle::with_template(progress.template()).is_ok(), "{progress:?}");
        }
    }

    #[test]
    fn names_and_directories_are_told_apart() {
        assert_eq!(
            spec("demo", "CPU").unwrap(),
            ModelSpec { device: DeviceChoice::Cpu, ..ModelSpec::default() }
        );
        let here = spec(".", "auto").unwrap();
        assert_eq!(here.source, ModelSource::Path(".".into()));
        assert_eq!(spec("no-such-model", "auto").unwrap_err().exit_code(), 4);
        assert_eq!(spec("demo", "tpu").unwrap_err().exit_code(), 6);
    }
}
