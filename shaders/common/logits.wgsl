// Reading mask logits. The texture holds the pixel decoder's coarse grid as it came (R32Float, not
// filterable), so values are interpolated here. Same arithmetic as `canvas::picking::logit_at`.

// The value of a cell; the grid is continued by its border.
fn cell(grid: texture_2d<f32>, at: vec2<i32>) -> f32 {
    let last = vec2<i32>(textureDimensions(grid)) - vec2<i32>(1, 1);
    return textureLoad(grid, clamp(at, vec2<i32>(0, 0), last), 0).r;
}

// The logit at a place of the grid, in cells; the value of a cell belongs to its middle.
fn logit_at(grid: texture_2d<f32>, place: vec2<f32>) -> f32 {
    let last = vec2<f32>(textureDimensions(grid)) - vec2<f32>(1.0, 1.0);
    let at = clamp(place - vec2<f32>(0.5, 0.5), vec2<f32>(0.0, 0.0), last);
    let corner = floor(at);
    let part = at - corner;
    let i = vec2<i32>(corner);
    let upper = mix(cell(grid, i), cell(grid, i + vec2<i32>(1, 0)), part.x);
    let lower = mix(cell(grid, i + vec2<i32>(0, 1)), cell(grid, i + vec2<i32>(1, 1)), part.x);
    return mix(upper, lower, part.y);
}

// How fast the logit changes, per cell: differences over a whole cell, so that the outline is even
// where the interpolated surface has its creases.
fn logit_gradient(grid: texture_2d<f32>, place: vec2<f32>) -> vec2<f32> {
    let x = vec2<f32>(0.5, 0.0);
    let y = vec2<f32>(0.0, 0.5);
    return vec2<f32>(
        logit_at(grid, place + x) - logit_at(grid, place - x),
        logit_at(grid, place + y) - logit_at(grid, place - y),
    );
}
