// Draws what is behind one mask over all of its picture: cut out, or the values themselves. Comes after
// common/logits.wgsl, common/mask.wgsl and common/colormap.wgsl.

// Mirrored by `render::mask::views`.
const CUT_OUT: u32 = 1u;
const HEAT: u32 = 2u;
const CONTOURS: u32 = 3u;
const BAND: u32 = 4u;

@group(0) @binding(0) var<uniform> mask: Mask;
@group(1) @binding(0) var grid: texture_2d<f32>;

@vertex
fn vertex(@builtin(vertex_index) index: u32) -> Vertex {
    return corner_of(mask, index);
}

// A colour over nothing.
fn paint(color: vec3<f32>, opacity: f32) -> vec4<f32> {
    return vec4<f32>(for_target(mask, color), 1.0) * opacity;
}

fn over(upper: vec4<f32>, lower: vec4<f32>) -> vec4<f32> {
    return upper + lower * (1.0 - upper.a);
}

// Opacity of a line of some width, `distance` pixels from its middle.
fn line(distance: f32, width: f32) -> f32 {
    return clamp(0.5 * width + 0.5 - abs(distance), 0.0, 1.0);
}

fn mapped(value: f32) -> vec3<f32> {
    return viridis((value - mask.low) / max(mask.high - mask.low, 1e-6));
}

// The ground on which what was cut out lies: squares of two like colours.
fn board(position: vec2<f32>) -> vec3<f32> {
    let square = vec2<i32>(floor(position / (4.0 * mask.width)));
    let odd = f32((square.x + square.y) & 1);
    return mix(mask.color.rgb, vec3<f32>(0.5), 0.05 + 0.09 * odd);
}

@fragment
fn fragment(in: Vertex) -> @location(0) vec4<f32> {
    let frame = Frame(mask.cells_per_frame_pixel, mask.frame_last, mask.is_painted != 0u);
    let found = sample_at(grid, frame, in.cells, mask.content_cells / mask.image_on_screen.zw);
    let slope = slope_on_screen(mask, found.gradient);
    let above = found.logit - mask.threshold;
    let distance = above / slope;
    let inside = clamp(distance + 0.5, 0.0, 1.0);
    let edge = paint(vec3<f32>(1.0), line(distance, mask.width));
    switch mask.view {
        case CUT_OUT: {
            return paint(board(in.position.xy), 1.0 - inside);
        }
        case HEAT: {
            return over(edge, paint(mapped(found.logit), mask.fill));
        }
        case CONTOURS: {
            let nearest = round(found.logit / mask.step) * mask.step;
            // Where the values hardly change, there is no line but an area.
            let visible = clamp(slope * 40.0 / mask.step, 0.0, 1.0);
            let contour = visible * line((found.logit - nearest) / slope, mask.width);
            let lines = over(paint(mapped(nearest), contour), paint(vec3<f32>(0.0), 0.45));
            return over(edge, lines);
        }
        case BAND: {
            // What would change sides were the threshold moved by a step; the nearer the surer.
            let unsure = clamp(1.0 - abs(above) / mask.step, 0.0, 1.0);
            let seam = clamp((mask.step - abs(above)) / slope + 0.5, 0.0, 1.0);
            let ground = over(paint(mask.color.rgb, 0.3 * inside), paint(vec3<f32>(0.0), 0.45));
            return over(paint(viridis(0.35 + 0.65 * unsure), seam * (0.35 + 0.6 * unsure)), ground);
        }
        default: {
            return vec4<f32>(0.0);
        }
    }
}
