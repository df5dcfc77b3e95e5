//! Opening the window.

use std::path::PathBuf;

use eframe::egui_wgpu::WgpuSetup;
use egui::{Pos2, Rect, ViewportCommand, pos2, vec2};
use glamm_engine::protocol::ModelSpec;

use crate::app::App;
use crate::state::shell::WindowPlace;
use crate::system::surroundings::Surroundings;

/// Larger textures than this are asked for of no GPU, in pixels a side.
const LARGEST_TEXTURE: u32 = 16_384;

/// Height of a window's title, and how much of its width must be seen, in points.
const TITLE: f32 = 32.0;
const HOLD: f32 = 60.0;

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
        Box::new(move |cc| {
            if let Some(place) = place {
                bring_into_sight(cc, place);
            }
            Ok(around(App::new(cc, surroundings, options.model, options.image)?))
        }),
    )
}

/// Moves a window that would be where there is no screen any more.
fn bring_into_sight(cc: &eframe::CreationContext<'_>, place: WindowPlace) {
    let (Some(window), Some(position)) = (cc.winit_window(), place.position) else { return };
    let screens: Vec<Rect> = window
        .available_monitors()
        .map(|screen| {
            let (at, size, ratio) = (screen.position(), screen.size(), screen.scale_factor() as f32);
            let size = vec2(size.width as f32, size.height as f32);
            Rect::from_min_size(pos2(at.x as f32, at.y as f32) / ratio, size / ratio)
        })
        .collect();
    let frame = Rect::from_min_size(position.into(), place.size.into());
    if let Some(position) = in_sight(frame, &screens) {
        cc.egui_ctx.send_viewport_cmd(ViewportCommand::OuterPosition(position));
    }
}

/// Where a window is to be whose title none of the screens shows enough of to take hold of it; all in points.
fn in_sight(window: Rect, screens: &[Rect]) -> Option<Pos2> {
    let title = Rect::from_min_size(window.min, vec2(window.width(), TITLE));
    let is_seen = |screen: &Rect| {
        let seen = screen.intersect(title);
        seen.width() >= HOLD && seen.height() >= 0.5 * TITLE
    };
    let lost = !screens.iter().any(is_seen);
    screens.first().filter(|_| lost).map(|screen| screen.min + vec2(HOLD, HOLD))
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
    fn a_window_beside_all_screens_is_brought_into_sight() {
        let screen = |x: f32| Rect::from_min_size(pos2(x, 0.0), vec2(1920.0, 1080.0));
        let window = |x: f32, y: f32| Rect::from_min_size(pos2(x, y), vec2(1440.0, 900.0));
        let (one, two) = ([screen(0.0)], [screen(0.0), screen(1920.0)]);
        for (x, y) in [(0.0, 0.0), (1800.0, 900.0), (-1300.0, 20.0)] {
            assert_eq!(in_sight(window(x, y), &one), None, "{x} {y}");
        }
        for (x, y) in [(2400.0, 100.0), (1900.0, 100.0), (-1420.0, 0.0), (100.0, 1075.0), (100.0, -300.0)] {
            assert_eq!(in_sight(window(x, y), &one), Some(pos2(60.0, 60.0)), "{x} {y}");
        }
        assert_eq!(in_sight(window(2400.0, 100.0), &two), None, "on the second");
        assert_eq!(in_sight(window(2400.0, 100.0), &[]), None, "nobody says where the screens are");
    }

    #[test]
    fn no_gpu_is_asked_for_more_than_it_can_do() {
        for (possible, asked) in [(4096, 4096), (8192, 8192), (16_384, 16_384), (32_768, 16_384)] {
            assert_eq!(asked_of(possible), asked);
        }
    }
}
