// Draws one mask over its picture: a tint inside, an outline of constant width on the screen, both
// anti-aliased at every zoom. Comes after common/logits.wgsl.

// Mirrored by `render::mask::MaskUniform`.
struct Mask {
    // The picture on the screen, in physical pixels: left, top, width, height.
    image_on_screen: vec4<f32>,
    // sRGB, alpha unused.
    color: vec4<f32>,
    // The part of the grid outside of which there is nothing of the mask: left, top, right, bottom,
    // in cells.
    extent: vec4<f32>,
    // The part of the grid that shows the picture, in cells.
    content_cells: vec2<f32>,
    // Width and height of the render target, in physical pixels.
    screen_size: vec2<f32>,
    // Opacity of the tint.
    fill: f32,
    // Opacity of the outline.
    line: f32,
    // Width of the outline, in physical pixels.
    width: f32,
    // 1 where the target stores linear values (an sRGB format), else 0.
    target_is_linear: f32,
};

@group(0) @binding(0) var<uniform> mask: Mask;
@group(1) @binding(0) var grid: texture_2d<f32>;

struct Vertex {
    @builtin(position) position: vec4<f32>,
    // Place on the grid.
    @location(0) cells: vec2<f32>,
};

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Vertex {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    let cells = mix(mask.extent.xy, mask.extent.zw, corner);
    let pixel = mask.image_on_screen.xy + cells / mask.content_cells * mask.image_on_screen.zw;
    let clip = pixel / mask.screen_size * vec2<f32>(2.0, -2.0) + vec2<f32>(-1.0, 1.0);
    return Vertex(vec4<f32>(clip, 0.0, 1.0), cells);
}

fn linear_from_srgb(color: vec3<f32>) -> vec3<f32> {
    let low = color / 12.92;
    let high = pow((color + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, color <= vec3<f32>(0.04045));
}

@fragment
fn fragment(in: Vertex) -> @location(0) vec4<f32> {
    let found = sample_at(grid, in.cells);
    // Cells per physical pixel turn the slope per cell into a slope per pixel, and the logit into
    // the distance from the edge in pixels, positive inside.
    let cells_per_pixel = mask.content_cells / mask.image_on_screen.zw;
    let slope = length(found.gradient * cells_per_pixel);
    let distance = found.logit / max(slope, 1e-6);

    // The outline runs along the inside of the edge: the estimate of the distance also comes near 0
    // where the logits dip towards 0 and turn back, and outside the mask that must not show.
    let inside = clamp(distance + 0.5, 0.0, 1.0);
    let outline = inside * clamp(mask.width + 0.5 - distance, 0.0, 1.0);
    // A faint dark line beside it keeps it visible on ground of its own colour.
    let casing = inside * clamp(mask.width + 1.75 - distance, 0.0, 1.0) * 0.35 * mask.line;
    var color = mask.color.rgb;
    if (mask.target_is_linear > 0.5) {
        color = linear_from_srgb(color);
    }
    let tint = inside * mask.fill;
    let under = vec4<f32>(color * tint * (1.0 - casing), tint + casing * (1.0 - tint));
    return mix(under, vec4<f32>(color, 1.0) * mask.line, outline);
}
