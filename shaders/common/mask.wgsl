// What the passes over one mask share: its place on the screen, its colour, its threshold.

// Mirrored by `render::mask::MaskUniform`.
struct Mask {
    // The picture on the screen, in physical pixels: left, top, width, height.
    image_on_screen: vec4<f32>,
    // sRGB, alpha unused.
    color: vec4<f32>,
    // The part of the grid that is drawn: left, top, right, bottom, in cells.
    extent: vec4<f32>,
    // The part of the grid that shows the picture, in cells.
    content_cells: vec2<f32>,
    // Width and height of the render target, in physical pixels.
    screen_size: vec2<f32>,
    // Number of the frame's last column and row that show the picture.
    frame_last: vec2<f32>,
    // Cells of the grid for each pixel of the frame.
    cells_per_frame_pixel: f32,
    // Opacity of the tint.
    fill: f32,
    // Opacity of the outline.
    line: f32,
    // Width of lines, in physical pixels.
    width: f32,
    // Values above this are inside.
    threshold: f32,
    // The values that the colour map begins and ends with.
    low: f32,
    high: f32,
    // Between one contour and the next; half the width of the uncertain band.
    step: f32,
    // What inspect.wgsl draws.
    view: u32,
    // 1 where the target stores linear values (an sRGB format), else 0.
    target_is_linear: f32,
    // 1 where the values were painted by hand, else 0.
    is_painted: u32,
};

struct Vertex {
    @builtin(position) position: vec4<f32>,
    // Place on the grid.
    @location(0) cells: vec2<f32>,
};

// A corner of the part that is drawn, of a strip of two triangles.
fn corner_of(mask: Mask, index: u32) -> Vertex {
    let corner = vec2<f32>(f32(index & 1u), f32(index >> 1u));
    let cells = mix(mask.extent.xy, mask.extent.zw, corner);
    let pixel = mask.image_on_screen.xy + cells / mask.content_cells * mask.image_on_screen.zw;
    let clip = pixel / mask.screen_size * vec2<f32>(2.0, -2.0) + vec2<f32>(-1.0, 1.0);
    return Vertex(vec4<f32>(clip, 0.0, 1.0), cells);
}

// Change of the value from one physical pixel to the next.
fn slope_on_screen(mask: Mask, gradient: vec2<f32>) -> f32 {
    return max(length(gradient * mask.content_cells / mask.image_on_screen.zw), 1e-6);
}

fn linear_from_srgb(color: vec3<f32>) -> vec3<f32> {
    let low = color / 12.92;
    let high = pow((color + 0.055) / 1.055, vec3<f32>(2.4));
    return select(high, low, color <= vec3<f32>(0.04045));
}

// An sRGB colour as the target wants it.
fn for_target(mask: Mask, color: vec3<f32>) -> vec3<f32> {
    if (mask.target_is_linear > 0.5) {
        return linear_from_srgb(color);
    }
    return color;
}
