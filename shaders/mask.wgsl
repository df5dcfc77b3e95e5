// Draws one mask over its picture: a tint inside, an outline of constant width on the screen, both
// anti-aliased at every zoom. Comes after common/logits.wgsl and common/mask.wgsl.

@group(0) @binding(0) var<uniform> mask: Mask;
@group(1) @binding(0) var grid: texture_2d<f32>;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Vertex {
    return corner_of(mask, index);
}

@fragment
fn fragment(in: Vertex) -> @location(0) vec4<f32> {
    let frame = Frame(mask.cells_per_frame_pixel, mask.frame_last, mask.is_painted != 0u);
    let found = sample_at(grid, frame, in.cells, mask.content_cells / mask.image_on_screen.zw);
    // Over its slope per pixel a value becomes the distance from the edge in pixels, positive inside.
    let distance = (found.logit - mask.threshold) / slope_on_screen(mask, found.gradient);

    // The outline runs along the inside of the edge: the estimate of the distance also comes near 0
    // where the logits dip towards 0 and turn back, and outside the mask that must not show.
    let inside = clamp(distance + 0.5, 0.0, 1.0);
    let outline = inside * clamp(mask.width + 0.5 - distance, 0.0, 1.0);
    // A faint dark line beside it keeps it visible on ground of its own colour.
    let casing = inside * clamp(mask.width + 1.75 - distance, 0.0, 1.0) * 0.35 * mask.line;
    let color = for_target(mask, mask.color.rgb);
    let tint = inside * mask.fill;
    let under = vec4<f32>(color * tint * (1.0 - casing), tint + casing * (1.0 - tint));
    return mix(under, vec4<f32>(color, 1.0) * mask.line, outline);
}
