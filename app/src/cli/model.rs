//! `--model` and `--device`: what they name.

use std::path::Path;

use glamm_engine::protocol::{DeviceChoice, ModelSource, ModelSpec};
use indicatif::ProgressStyle;

use super::args::ModelArgs;
use super::error::CliError;

/// Reads `--model` and `--device`.
///
/// # Errors
/// [`CliError::UnknownDevice`], [`CliError::UnknownModel`].
pub fn model_spec(args: &ModelArgs) -> Result<ModelSpec, CliError> {
    let device = match args.device.to_ascii_lowercase().as_str() {
        "auto" => DeviceChoice::Auto,
        "cpu" => DeviceChoice::Cpu,
        "cuda" => DeviceChoice::Cuda,
        "metal" => DeviceChoice::Metal,
        _ => return Err(CliError::UnknownDevice(args.device.clone())),
    };
    let source = if args.model == "demo" {
        ModelSource::Demo
    } else if Path::new(&args.model).is_dir() {
        ModelSource::Directory(args.model.clone().into())
    } else {
        return Err(CliError::UnknownModel(args.model.clone()));
    };
    Ok(ModelSpec { source, device })
}

/// A bar's look; indicatif's own where the template has a mistake (a test sees to it that none has).
pub(super) fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn spec(model: &str, device: &str) -> Result<ModelSpec, CliError> {
        model_spec(&ModelArgs { model: model.to_owned(), device: device.to_owned() })
    }

    #[test]
    fn names_and_directories_are_told_apart() {
        assert_eq!(
            spec("demo", "CPU").unwrap(),
            ModelSpec { device: DeviceChoice::Cpu, ..ModelSpec::default() }
        );
        let here = spec(".", "auto").unwrap();
        assert_eq!(here.source, ModelSource::Directory(".".into()));
        assert_eq!(spec("no-such-model", "auto").unwrap_err().exit_code(), 4);
        assert_eq!(spec("demo", "tpu").unwrap_err().exit_code(), 6);
    }
}
