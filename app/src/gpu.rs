//! What the GPU cannot do must not end the program: its errors are logged, and the window is kept
//! within the largest texture. Called when the window opens and once a frame.

use std::sync::{Arc, Mutex, PoisonError};

use eframe::egui_wgpu::RenderState;
use egui::{Context, ViewportCommand};

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
    let ratio = ctx.pixels_per_point();
    let size = ctx.input(|i| i.content_rect().size());
    let most = largest as f32 / ratio;
    if size.max_elem() > most {
        ctx.send_viewport_cmd(ViewportCommand::InnerSize(size.min(egui::Vec2::splat(most.floor()))));
    }
}
