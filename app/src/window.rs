//! Opening the window.

use std::path::PathBuf;

use eframe::egui_wgpu::WgpuSetup;
use glamm_engine::protocol::ModelSpec;

use crate::app::App;
use crate::surroundings::Surroundings;

/// Larger textures than this are asked for of no GPU, in pixels a side.
const LARGEST_TEXTURE: u32 = 16_384;

/// What the command line says about the window.
#[derive(Debug, Clone, Default)]
pub struct WindowOptions {
    /// A picture to open at once.
    pub image: Option<PathBuf>,
    /// The model to load.
    pub model: ModelSpec,
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// Where there is no display, or no GPU driver that can draw.
pub fn run_window(options: WindowOptions) -> eframe::Result {
    open(options, |app| Box::new(app))
}

/// [`run_window`] with something around the application that looks at it.
///
/// # Errors
/// As [`run_window`].
pub(crate) fn open(
    options: WindowOptions,
    around: impl FnOnce(App) -> Box<dyn eframe::App> + 'static,
) -> eframe::Result {
    let surroundings = Surroundings::from_env();
    let place = surroundings.remembered.preferences.window;
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("GLaMM Desktop")
        .with_app_id("glamm-desktop")
        .with_inner_size(place.map_or([1440.0, 900.0], |place| place.size))
        .with_maximized(place.is_some_and(|place| place.maximized))
        .with_min_inner_size([900.0, 600.0])
        .with_drag_and_drop(true);
    if let Some(position) = place.and_then(|place| place.position) {
        viewport = viewport.with_position(position);
    }
    let mut native = eframe::NativeOptions { viewport, ..eframe::NativeOptions::default() };
    if let WgpuSetup::CreateNew(setup) = &mut native.wgpu_options.wgpu_setup {
        allow_large_textures(setup);
    }
    eframe::run_native(
        "GLaMM Desktop",
        native,
        Box::new(move |cc| Ok(around(App::new(cc, surroundings, options.model, options.image)?))),
    )
}

/// egui asks for textures of 8192 pixels, and windows and pictures beyond that would end the
/// program; most GPUs can do 16384.
fn allow_large_textures(setup: &mut eframe::egui_wgpu::WgpuSetupCreateNew) {
    let usual = std::sync::Arc::clone(&setup.device_descriptor);
    setup.device_descriptor = std::sync::Arc::new(move |adapter| {
        let mut descriptor = usual(adapter);
        let possible = adapter.limits().max_texture_dimension_2d;
        descriptor.required_limits.max_texture_dimension_2d = asked_of(possible);
        descriptor
    });
}

/// The largest side of a texture to ask for, where this one is possible.
fn asked_of(possible: u32) -> u32 {
    possible.min(LARGEST_TEXTURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_gpu_is_asked_for_more_than_it_can_do() {
        for (possible, asked) in [(4096, 4096), (8192, 8192), (16_384, 16_384), (32_768, 16_384)] {
            assert_eq!(asked_of(possible), asked);
        }
    }
}
