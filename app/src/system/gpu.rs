//! What the GPU cannot do must not end the program: its errors are logged, and the window is kept
//! within the largest texture. Called when the window opens and once a frame.

use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui_wgpu::RenderState;
use egui::{Context, Vec2, ViewportCommand};

/// Logs errors of the GPU that nobody else handles, where wgpu would end the program; each once,
/// since most come back with every frame. Returns the largest side of a window, in pixels.
pub(crate) fn tame(render_state: &RenderState) -> u32 {
    let last = Mutex::new(String::new());
    render_state.device.on_uncaptured_error(Arc::new(move |error| {
        let text = error.to_string();
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if *last != text {
            tracing::error!("the GPU refused something: {text}");
            *last = text;
        }
    }));
    render_state.device.limits().max_texture_dimension_2d
}

/// Makes a window smaller that is larger than the GPU can fill.
pub(crate) fn limit_window(ctx: &Context, largest: u32) {
    let size = ctx.input(|i| i.content_rect().size());
    if let Some(smaller) = within(size, ctx.pixels_per_point(), largest) {
        ctx.send_viewport_cmd(ViewportCommand::InnerSize(smaller));
    }
}

/// The size, in points, that a window too large for a texture with `largest` pixels a side is to have; `None`
/// where it fits.
fn within(size: Vec2, pixels_per_point: f32, largest: u32) -> Option<Vec2> {
    let most = largest as f32 / pixels_per_point;
    (size.max_elem() > most).then(|| size.min(Vec2::splat(most.floor())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::vec2;

    #[test]
    fn windows_are_kept_within_the_largest_texture() {
        assert_eq!(within(vec2(1440.0, 900.0), 2.0, 8192), None);
        assert_eq!(within(vec2(4096.0, 4096.0), 2.0, 8192), None, "just as large");
        assert_eq!(within(vec2(5000.0, 900.0), 2.0, 8192), Some(vec2(4096.0, 900.0)));
        assert_eq!(within(vec2(900.0, 9000.0), 1.0, 8192), Some(vec2(900.0, 8192.0)));
        for (ratio, largest) in [(1.25, 8192), (1.5, 16_384), (3.0, 2048)] {
            let smaller = within(vec2(1e5, 1e5), ratio, largest);
            let pixels = smaller.map(|size| size.max_elem() * ratio);
            assert!(pixels.is_some_and(|side| side <= largest as f32), "{ratio}: {pixels:?}");
            assert_eq!(
                smaller.and_then(|size| within(size, ratio, largest)),
                None,
                "and that is the end of it"
            );
        }
    }
}
