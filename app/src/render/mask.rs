//! Masks over the picture: `shaders/mask.wgsl` and `shaders/inspect.wgsl`.
//!
//! A mask's values go to the GPU once, as they are, when it is first drawn; threshold, edges,
//! outline, colour map and emphasis are work of the fragment shader. [`install`] is called once, when
//! the window opens; the canvas then adds one [`MaskPaint`] a frame to its shapes.

use std::collections::HashMap;

use eframe::egui_wgpu::{CallbackResources, CallbackTrait, RenderState, ScreenDescriptor};

use super::texels::{Grid, Texels};

/// Textures of masks that were not drawn for this many frames of the window are freed.
const KEEP_FRAMES: u64 = 600;
/// Bytes that are handed to the GPU in one frame, and the mask that goes beyond; the others follow in the next.
const UPLOADED_AT_ONCE: usize = 4 << 20;

/// `shaders/mask.wgsl` with what it needs of `shaders/common/`.
pub const MASK_SHADER: &str = concat!(
    include_str!("../../../shaders/common/logits.wgsl"),
    include_str!("../../../shaders/common/mask.wgsl"),
    include_str!("../../../shaders/mask.wgsl")
);

/// `shaders/inspect.wgsl` with what it needs of `shaders/common/`.
pub const INSPECT_SHADER: &str = concat!(
    include_str!("../../../shaders/common/logits.wgsl"),
    include_str!("../../../shaders/common/mask.wgsl"),
    include_str!("../../../shaders/common/colormap.wgsl"),
    include_str!("../../../shaders/inspect.wgsl")
);

/// Mirror of `Mask` in `shaders/common/mask.wgsl`, where the fields are explained.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default, bytemuck::Pod, bytemuck::Zeroable)]
struct MaskUniform {
    image_on_screen: [f32; 4],
    color: [f32; 4],
    extent: [f32; 4],
    content_cells: [f32; 2],
    screen_size: [f32; 2],
    frame_last: [f32; 2],
    cells_per_frame_pixel: f32,
    fill: f32,
    line: f32,
    width: f32,
    threshold: f32,
    low: f32,
    high: f32,
    step: f32,
    view: u32,
    target_is_linear: f32,
    is_painted: u32,
    /// The size of a uniform is a multiple of 16 bytes.
    _rest: [u32; 3],
}

/// What `shaders/inspect.wgsl` draws, as numbers; mirrored there.
pub mod views {
    /// See [`super::View::CutOut`].
    pub const CUT_OUT: u32 = 1;
    /// See [`super::View::Heat`].
    pub const HEAT: u32 = 2;
    /// See [`super::View::Contours`].
    pub const CONTOURS: u32 = 3;
    /// See [`super::View::Band`].
    pub const BAND: u32 = 4;
}

/// The fields of the uniform and where they begin, in bytes; and its size. The shaders must agree.
pub const UNIFORM: ([(&str, usize); 17], usize) = {
    macro_rules! fields {
        ($($name:ident),*) => { [$((stringify!($name), std::mem::offset_of!(MaskUniform, $name))),*] };
    }
    let fields = fields!(
        image_on_screen,
        color,
        extent,
        content_cells,
        screen_size,
        frame_last,
        cells_per_frame_pixel,
        fill,
        line,
        width,
        threshold,
        low,
        high,
        step,
        view,
        target_is_linear,
        is_painted
    );
    (fields, std::mem::size_of::<MaskUniform>())
};

/// How a mask is drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum View {
    /// A tint inside and an outline.
    Tint {
        /// Opacity of the tint, 0 to 1.
        fill: f32,
        /// Opacity of the outline, 0 to 1.
        line: f32,
        /// Width of the outline, in points.
        line_width: f32,
    },
    /// The picture inside, a checkered ground outside.
    CutOut,
    /// All values in the colours of the map, which begins and ends with these.
    Heat {
        /// Darkest.
        low: f32,
        /// Brightest.
        high: f32,
    },
    /// Lines of equal value, in the colours of the map.
    Contours {
        /// Darkest.
        low: f32,
        /// Brightest.
        high: f32,
        /// From one line to the next.
        step: f32,
    },
    /// What would change sides were the threshold moved by so much.
    Band(f32),
}

/// One mask to draw.
#[derive(Debug, Clone)]
pub struct MaskDraw {
    /// Its values.
    pub texels: Texels,
    /// Values above this are inside.
    pub threshold: f32,
    /// sRGB.
    pub color: egui::Color32,
    /// How.
    pub view: View,
}

/// Draws masks over a picture, later ones over earlier ones.
#[derive(Debug)]
pub struct MaskPaint {
    /// The window, which is drawn again where masks are left to be handed over.
    pub ctx: egui::Context,
    /// Where the picture is on the screen, in points.
    pub image_rect: egui::Rect,
    /// The masks.
    pub draws: Vec<MaskDraw>,
}

/// Makes the pipelines, so that [`MaskPaint`] can be drawn.
pub fn install(render_state: &RenderState) {
    let renderer = MaskRenderer::new(&render_state.device, render_state.target_format);
    render_state.renderer.write().callback_resources.insert(renderer);
}

/// A mask on the GPU; `None` where it cannot be drawn.
struct Uploaded {
    grid: Option<(Grid, wgpu::BindGroup)>,
    /// Keeps its address from being given to another.
    _texels: Texels,
    drawn_in: u64,
}

/// What stays on the GPU between frames.
struct MaskRenderer {
    tint: wgpu::RenderPipeline,
    inspect: wgpu::RenderPipeline,
    uniform_layout: wgpu::BindGroupLayout,
    grid_layout: wgpu::BindGroupLayout,
    /// One bind group for each mask of the frame, in drawing order, and whether it is drawn.
    uniforms: Vec<(wgpu::Buffer, wgpu::BindGroup, bool)>,
    /// By [`Texels::address`].
    masks: HashMap<usize, Uploaded>,
    frame: u64,
    /// Bytes handed to the GPU in this frame.
    uploaded: usize,
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
        let layouts = [&uniform_layout, &grid_layout];
        Self {
            tint: pipeline(device, target, &layouts, ("mask.wgsl", MASK_SHADER)),
            inspect: pipeline(device, target, &layouts, ("inspect.wgsl", INSPECT_SHADER)),
            uniform_layout,
            grid_layout,
            uniforms: Vec::new(),
            masks: HashMap::new(),
            frame: 0,
            uploaded: 0,
            screen_size: [1, 1],
            target_is_linear: target.is_srgb(),
            max_side: device.limits().max_texture_dimension_2d as usize,
        }
    }

    /// Hands a mask to the GPU, unless it is there; returns whether it is there now.
    fn upload(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, texels: &Texels) -> bool {
        let frame = self.frame;
        if let Some(mask) = self.masks.get_mut(&texels.address()) {
            mask.drawn_in = frame;
            return true;
        }
        if self.uploaded >= UPLOADED_AT_ONCE {
            return false;
        }
        let grid = Grid::new(texels, self.max_side).map(|grid| {
            self.uploaded += grid.bytes();
            let view = grid.upload(device, queue);
            let bind_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("mask values"),
                layout: &self.grid_layout,
                entries: &[wgpu::BindGroupEntry {
                    binding: 0,
                    resource: wgpu::BindingResource::TextureView(&view),
                }],
            });
            (grid, bind_group)
        });
        if grid.is_none() {
            tracing::warn!("a mask has a size that cannot be drawn");
        }
        let uploaded = Uploaded { grid, _texels: texels.clone(), drawn_in: frame };
        self.masks.insert(texels.address(), uploaded);
        true
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
            self.uniforms.push((buffer, bind_group, false));
        }
    }

    /// `None` where there is nothing to be seen.
    fn uniform(
        &mut self,
        draw: &MaskDraw,
        image_rect: egui::Rect,
        screen: &ScreenDescriptor,
    ) -> Option<MaskUniform> {
        let (grid, _) = self.masks.get_mut(&draw.texels.address())?.grid.as_mut()?;
        let extent = match draw.view {
            View::Tint { .. } => grid.extent(draw.threshold)?,
            _ => grid.whole(),
        };
        let scale = screen.pixels_per_point;
        let [r, g, b, _] = draw.color.to_array().map(|c| f32::from(c) / 255.0);
        let uniform = MaskUniform {
            image_on_screen: [image_rect.left(), image_rect.top(), image_rect.width(), image_rect.height()]
                .map(|points| points * scale),
            color: [r, g, b, 1.0],
            extent,
            content_cells: grid.content,
            screen_size: screen.size_in_pixels.map(|pixels| pixels as f32),
            frame_last: grid.frame_last,
            cells_per_frame_pixel: grid.cells_per_frame_pixel,
            threshold: draw.threshold,
            width: 2.0 * scale,
            fill: 0.88,
            high: 1.0,
            step: 1.0,
            target_is_linear: f32::from(u8::from(self.target_is_linear)),
            is_painted: u32::from(grid.is_painted()),
            ..MaskUniform::default()
        };
        Some(match draw.view {
            View::Tint { fill, line, line_width } => {
                MaskUniform { fill, line, width: line_width * scale, ..uniform }
            }
            View::CutOut => MaskUniform { view: views::CUT_OUT, ..uniform },
            View::Heat { low, high } => MaskUniform { view: views::HEAT, low, high, ..uniform },
            View::Contours { low, high, step } => {
                MaskUniform { view: views::CONTOURS, low, high, step, width: 1.5 * scale, ..uniform }
            }
            View::Band(step) => MaskUniform { view: views::BAND, step, ..uniform },
        })
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
        let frame = self.ctx.cumulative_frame_nr();
        if frame != renderer.frame {
            (renderer.frame, renderer.uploaded) = (frame, 0);
        }
        renderer.screen_size = screen.size_in_pixels;
        renderer.make_room(device, self.draws.len());
        for (place, draw) in self.draws.iter().enumerate() {
            if !renderer.upload(device, queue, &draw.texels) {
                self.ctx.request_repaint();
            }
            let uniform = renderer.uniform(draw, self.image_rect, screen);
            if let Some((buffer, _, drawn)) = renderer.uniforms.get_mut(place) {
                *drawn = uniform.is_some();
                if let Some(uniform) = uniform {
                    queue.write_buffer(buffer, 0, bytemuck::bytes_of(&uniform));
                }
            }
        }
        let oldest = renderer.frame.saturating_sub(KEEP_FRAMES);
        renderer.masks.retain(|_, mask| mask.drawn_in >= oldest);
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
        for (draw, (_, uniform, drawn)) in self.draws.iter().zip(&renderer.uniforms) {
            let mask = renderer.masks.get(&draw.texels.address()).and_then(|mask| mask.grid.as_ref());
            let Some((_, grid)) = mask.filter(|_| *drawn) else { continue };
            pass.set_pipeline(match draw.view {
                View::Tint { .. } => &renderer.tint,
                _ => &renderer.inspect,
            });
            pass.set_bind_group(0, uniform, &[]);
            pass.set_bind_group(1, grid, &[]);
            pass.draw(0..4, 0..1);
        }
    }
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
    (name, shader): (&str, &str),
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl(shader.into()),
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
