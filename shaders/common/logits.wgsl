// Reading mask logits. The texture holds the pixel decoder's coarse grid as it came (R32Float, not
// filterable), so values are interpolated here, as the official code does and with it everything that
// is counted and exported: bilinear from the grid to the pixels of the frame, the padding left out, and
// bilinear from there to the picture. In the middle of a pixel of the picture the value is that of
// `MaskLogits::logit_at`. Painted masks (Rgba8Unorm) have a bit for each pixel of the picture, which is their
// frame: a texel holds 8 pixels across and 4 down, a channel for each row.

// Value and slope of the logits at one place.
struct Sample {
    logit: f32,
    // Per cell.
    gradient: vec2<f32>,
};

// The frame that the grid covers.
struct Frame {
    // Cells for each of its pixels.
    cells_per_pixel: f32,
    // Number of its last column and row that show the picture.
    last: vec2<f32>,
    // Whether the cells are its pixels, painted by hand: 1 inside, 0 outside.
    is_painted: bool,
};

// The value of a pixel that was painted by hand. Texels follow each other row by row of the picture,
// however wide the texture is.
fn painted(grid: texture_2d<f32>, frame: Frame, pixel: vec2<f32>) -> f32 {
    let at = vec2<u32>(pixel);
    let across = u32(frame.last.x) / 8u + 1u;
    let block = (at.y / 4u) * across + at.x / 8u;
    let width = textureDimensions(grid).x;
    let rows = textureLoad(grid, vec2<u32>(block % width, block / width), 0);
    let bits = u32(rows[at.y % 4u] * 255.0 + 0.5);
    return f32((bits >> (at.x % 8u)) & 1u);
}

fn cell(grid: texture_2d<f32>, at: vec2<f32>) -> f32 {
    return textureLoad(grid, vec2<i32>(at), 0).r;
}

// The value of a pixel of the frame, between the middles of the cells around it; the grid is continued
// by its border.
fn frame_pixel(grid: texture_2d<f32>, frame: Frame, pixel: vec2<f32>) -> f32 {
    if (frame.is_painted) {
        return painted(grid, frame, pixel);
    }
    let last = vec2<f32>(textureDimensions(grid)) - vec2<f32>(1.0);
    let at = clamp(frame.cells_per_pixel * (pixel + 0.5) - 0.5, vec2<f32>(0.0), last);
    let low = floor(at);
    let high = min(low + 1.0, last);
    let part = at - low;
    let above = mix(cell(grid, low), cell(grid, vec2<f32>(high.x, low.y)), part.x);
    let below = mix(cell(grid, vec2<f32>(low.x, high.y)), cell(grid, high), part.x);
    return mix(above, below, part.y);
}

// Value and slope of the surface between four pixels of the frame; `place` is in cells of the grid, and
// the value of a cell belongs to its middle.
fn patch_at(grid: texture_2d<f32>, frame: Frame, place: vec2<f32>) -> Sample {
    let at = clamp(place / frame.cells_per_pixel - 0.5, vec2<f32>(0.0), frame.last);
    let low = floor(at);
    let high = min(low + 1.0, frame.last);
    let part = at - low;
    let upper_left = frame_pixel(grid, frame, low);
    let upper_right = frame_pixel(grid, frame, vec2<f32>(high.x, low.y));
    let lower_left = frame_pixel(grid, frame, vec2<f32>(low.x, high.y));
    let lower_right = frame_pixel(grid, frame, high);
    let slope = vec2<f32>(
        mix(upper_right - upper_left, lower_right - lower_left, part.y),
        mix(lower_left - upper_left, lower_right - upper_right, part.x),
    );
    let logit = mix(mix(upper_left, upper_right, part.x), mix(lower_left, lower_right, part.x), part.y);
    return Sample(logit, slope / frame.cells_per_pixel);
}

// The logits at a place of the grid, in cells. A pixel of the screen is so many cells wide and high.
fn sample_at(grid: texture_2d<f32>, frame: Frame, place: vec2<f32>, screen_pixel: vec2<f32>) -> Sample {
    let here = patch_at(grid, frame, place);
    if (!frame.is_painted) {
        return here;
    }
    // Painted values jump from one cell to the next and are level elsewhere: how far away the edge is
    // shows only from some way off.
    let reach = max(2.0 * screen_pixel, vec2<f32>(0.5));
    let across = vec2<f32>(reach.x, 0.0);
    let down = vec2<f32>(0.0, reach.y);
    let steps = vec2<f32>(
        patch_at(grid, frame, place + across).logit - patch_at(grid, frame, place - across).logit,
        patch_at(grid, frame, place + down).logit - patch_at(grid, frame, place - down).logit,
    );
    return Sample(here.logit, steps / (2.0 * reach));
}
