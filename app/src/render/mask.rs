//! Masks over the picture: `shaders/mask.wgsl`.
//!
//! A mask's logits go to the GPU once, as they are, when it is first drawn; threshold, edges,
//! outline and emphasis are work of the fragment shader. [`install`] is called once, when the window
//! opens; the canvas then adds one [`MaskPaint`] a frame to its shapes.

use std::collections::HashMap;
use std::sync::Arc;

use eframe::egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};
use glamm_engine::vision::MaskLogits;
use wgpu::util::DeviceExt as _;

use crate::document::MaskId;

/// Textures of masks that were not drawn for this many frames are freed.
const KEEP_FRAMES: u64 = 600;

/// `shaders/mask.wgsl` with what it needs of `shaders/common/`.
pub const MASK_SHADER: &str =
    concat!(include_str!("../../../shaders/common/logits.wgsl"), include_str!("../../../shaders/mask.wgsl"));

/// Mirror of `Mask` in `shaders/mask.wgsl`, where the fields are explained.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct MaskUniform {
    image_on_screen: [f32; 4],
    color: [f32; 4],
    extent: [f32; 4],
    content_cells: [f32; 2],
    screen_size: [f32; 2],
    fill: f32,
    line: f32,
    width: f32,
    target_is_linear: f32,
}

/// One mask to draw.
#[derive(Debug, Clone)]
pub struct MaskDraw {
    /// Names its texture.
    pub id: MaskId,
    /// Uploaded where there is no texture yet.
    pub logits: Arc<MaskLogits>,
    /// sRGB.
    pub color: egui::Color32,
    /// Opacity of the tint, 0 to 1.
    pub fill: f32,
    /// Opacity of the outline, 0 to 1.
    pub line: f32,
    /// Width of the outline, in points.
    pub line_width: f32,
}

/// Draws masks over a picture, later ones over earlier ones.
#[derive(Debug)]
pub struct MaskPaint {
    /// Where the picture is on the screen, in points.
    pub image_rect: egui::Rect,
    /// The masks.
    pub draws: Vec<MaskDraw>,
}

/// Makes the pipeline, so that [`MaskPaint`] can be drawn.
pub fn install(render_state: &RenderState) {
    let renderer = MaskRenderer::new(&render_state.device, render_state.target_format);
    render_state.renderer.write().callback_resources.insert(renderer);
}

/// A mask on the GPU.
struct Grid {
    bind_group: wgpu::BindGroup,
    /// See [`extent`].
    extent: [f32; 4],
    drawn_in: u64,
}

/// What stays on the GPU between frames.
struct MaskRenderer {
    pipeline: wgpu::RenderPipeline,
    uniform_layout: wgpu::BindGroupLayout,
    grid_layout: wgpu::BindGroupLayout,
    /// One bind group for each mask of the frame, in drawing order.
    uniforms: Vec<(wgpu::Buffer, wgpu::BindGroup)>,
    grids: HashMap<MaskId, Grid>,
    frame: u64,
    screen_size: [u32; 2],
    target_is_linear: bool,
    max_side: usize,
}

impl MaskRenderer {
    fn new(device: &wgpu::Device, target: wgpu::TextureFormat) -> Self {
        let uniform_layout = layout(
            device,
            wgpu::ShaderStages::VERTEX_FRAGMENT,
            wgpu::BindingType::Buffer {
                ty: wgpu::BufferBindingType::Uniform,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
        );
        let grid_layout = layout(
            device,
            wgpu::ShaderStages::FRAGMENT,
            wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: false },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
        );
        let pipeline = pipeline(device, target, &[&uniform_layout, &grid_layout]);
        Self {
            pipeline,
            uniform_layout,
            grid_layout,
            uniforms: Vec::new(),
            grids: HashMap::new(),
            frame: 0,
            screen_size: [1, 1],
            target_is_linear: target.is_srgb(),
            max_side: device.limits().max_texture_dimension_2d as usize,
        }
    }

    fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, draw: &MaskDraw) {
        let frame = self.frame;
        if let Some(grid) = self.grids.get_mut(&draw.id) {
            grid.drawn_in = frame;
            return;
        }
        let mask = &draw.logits;
        if mask.side == 0 || mask.side > self.max_side || mask.logits.len() != mask.side * mask.side {
            tracing::warn!(side = mask.side, "a mask has a size that cannot be drawn");
            return;
        }
        let Some(extent) = extent(mask) else { return };
        let side = mask.side as u32;
        let descriptor = wgpu::TextureDescriptor {
            label: Some("mask logits"),
            size: wgpu::Extent3d { width: side, height: side, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: wgpu::TextureFormat::R32Float,
            usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
            view_formats: &[],
        };
        let texture = device.create_texture_with_data(
            queue,
            &descriptor,
            wgpu::util::TextureDataOrder::LayerMajor,
            bytemuck::cast_slice(&mask.logits),
        );
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("mask logits"),
            layout: &self.grid_layout,
            entries: &[wgpu::BindGroupEntry {
                binding: 0,
                resource: wgpu::BindingResource::TextureView(&view),
            }],
        });
        self.grids.insert(draw.id, Grid { bind_group, extent, drawn_in: frame });
    }

    fn make_room(&mut self, device: &wgpu::Device, count: usize) {
        while self.uniforms.len() < count {
            let buffer = device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("mask"),
                size: std::mem::size_of::<MaskUniform>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("mask"),
                layout: &self.uniform_layout,
                entries: &[wgpu::BindGroupEntry { binding: 0, resource: buffer.as_entire_binding() }],
            });
            self.uniforms.push((buffer, bind_group));
        }
    }

    fn uniform(&self, draw: &MaskDraw, image_rect: egui::Rect, screen: &ScreenDescriptor) -> MaskUniform {
        let scale = screen.pixels_per_point;
        let cells_per_frame_pixel = draw.logits.side as f32 / draw.logits.frame.max(1) as f32;
        let (content_width, content_height) = draw.logits.content;
        let [r, g, b, _] = draw.color.to_array().map(|c| f32::from(c) / 255.0);
        MaskUniform {
            image_on_screen: [image_rect.left(), image_rect.top(), image_rect.width(), image_rect.height()]
                .map(|points| points * scale),
            color: [r, g, b, 1.0],
            extent: self.grids.get(&draw.id).map_or([0.0; 4], |grid| grid.extent),
            content_cells: [content_width, content_height].map(|side| side as f32 * cells_per_frame_pixel),
            screen_size: screen.size_in_pixels.map(|pixels| pixels as f32),
            fill: draw.fill,
            line: draw.line,
            width: draw.line_width * scale,
            target_is_linear: f32::from(u8::from(self.target_is_linear)),
        }
    }
}

impl CallbackTrait for MaskPaint {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let Some(renderer) = resources.get_mut::<MaskRenderer>() else { return Vec::new() };
        renderer.frame += 1;
        renderer.screen_size = screen.size_in_pixels;
        renderer.make_room(device, self.draws.len());
        for (draw, place) in self.draws.iter().zip(0..) {
            renderer.upload(device, queue, draw);
            let uniform = renderer.uniform(draw, self.image_rect, screen);
            if let Some((buffer, _)) = renderer.uniforms.get(place) {
                queue.write_buffer(buffer, 0, bytemuck::bytes_of(&uniform));
            }
        }
        let oldest = renderer.frame.saturating_sub(KEEP_FRAMES);
        renderer.grids.retain(|_, grid| grid.drawn_in >= oldest);
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        let Some(renderer) = resources.get::<MaskRenderer>() else { return };
        let [width, height] = renderer.screen_size.map(|pixels| pixels as f32);
        pass.set_viewport(0.0, 0.0, width, height, 0.0, 1.0);
        pass.set_pipeline(&renderer.pipeline);
        for (draw, (_, uniform)) in self.draws.iter().zip(&renderer.uniforms) {
            let Some(grid) = renderer.grids.get(&draw.id) else { continue };
            pass.set_bind_group(0, uniform, &[]);
            pass.set_bind_group(1, &grid.bind_group, &[]);
            pass.draw(0..4, 0..1);
        }
    }
}

/// The part of the grid, in cells, that holds all of the mask and its outline: left, top, right,
/// bottom, inside the part that shows the image. `None` where nothing is in the mask.
fn extent(mask: &MaskLogits) -> Option<[f32; 4]> {
    /// Cubics and outlines reach beyond the cells inside.
    const MARGIN: usize = 3;
    let inside = mask.logits.iter().enumerate().filter(|(_, logit)| **logit > 0.0);
    let (mut left, mut top, mut right, mut bottom) = (usize::MAX, usize::MAX, 0, 0);
    for (at, _) in inside {
        let (column, row) = (at % mask.side, at / mask.side);
        (left, right) = (left.min(column), right.max(column + 1));
        (top, bottom) = (top.min(row), bottom.max(row + 1));
    }
    if right == 0 {
        return None;
    }
    let cells = |content: usize| content as f32 * mask.side as f32 / mask.frame.max(1) as f32;
    let (width, height) = (cells(mask.content.0), cells(mask.content.1));
    Some([
        left.saturating_sub(MARGIN) as f32,
        top.saturating_sub(MARGIN) as f32,
        ((right + MARGIN) as f32).min(width),
        ((bottom + MARGIN) as f32).min(height),
    ])
}

fn layout(
    device: &wgpu::Device,
    visibility: wgpu::ShaderStages,
    ty: wgpu::BindingType,
) -> wgpu::BindGroupLayout {
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("mask"),
        entries: &[wgpu::BindGroupLayoutEntry { binding: 0, visibility, ty, count: None }],
    })
}

fn pipeline(
    device: &wgpu::Device,
    target: wgpu::TextureFormat,
    layouts: &[&wgpu::BindGroupLayout],
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some("mask.wgsl"),
        source: wgpu::ShaderSource::Wgsl(MASK_SHADER.into()),
    });
    let layouts: Vec<_> = layouts.iter().map(|layout| Some(*layout)).collect();
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("mask"),
        bind_group_layouts: &layouts,
        ..Default::default()
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("mask"),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..Default::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fragment"),
            compilation_options: wgpu::PipelineCompilationOptions::default(),
            targets: &[Some(wgpu::ColorTargetState {
                format: target,
                blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_extent_holds_the_mask_and_stays_on_the_image() {
        let mask = |inside: &[usize]| {
            let mut logits = vec![-1.0; 20 * 20];
            for &at in inside {
                logits[at] = 1.0;
            }
            // The image takes the upper half of the frame.
            MaskLogits {
                side: 20,
                logits,
                frame: 40,
                content: (40, 20),
                image_size: (80, 40),
                predicted_iou: 1.0,
            }
        };
        assert_eq!(extent(&mask(&[])), None);
        assert_eq!(extent(&mask(&[5 * 20 + 10])), Some([7.0, 2.0, 14.0, 9.0]));
        assert_eq!(extent(&mask(&[0, 9 * 20 + 19])), Some([0.0, 0.0, 20.0, 10.0]));
    }
}
