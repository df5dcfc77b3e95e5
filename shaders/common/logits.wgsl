// Reading mask logits. The texture holds the pixel decoder's coarse grid as it came (R32Float, not
// filterable), so values are interpolated here: by cubics through the values (Catmull and Rom), whose
// contours have no creases at the cells' borders however much they are magnified.

// Value and slope of the logits at one place.
struct Sample {
    logit: f32,
    // Per cell.
    gradient: vec2<f32>,
};

// The value of a cell; the grid is continued by its border.
fn cell(grid: texture_2d<f32>, at: vec2<i32>) -> f32 {
    let last = vec2<i32>(textureDimensions(grid)) - vec2<i32>(1, 1);
    return textureLoad(grid, clamp(at, vec2<i32>(0, 0), last), 0).r;
}

fn row(grid: texture_2d<f32>, at: vec2<i32>) -> vec4<f32> {
    return vec4<f32>(
        cell(grid, at + vec2<i32>(-1, 0)),
        cell(grid, at),
        cell(grid, at + vec2<i32>(1, 0)),
        cell(grid, at + vec2<i32>(2, 0)),
    );
}

// Weights of four neighbours, `t` of the way from the second to the third.
fn weights(t: f32) -> vec4<f32> {
    let s = t * t;
    let c = s * t;
    return 0.5 * vec4<f32>(2.0 * s - c - t, 3.0 * c - 5.0 * s + 2.0, 4.0 * s - 3.0 * c + t, c - s);
}

// How these weights change with `t`.
fn weight_slopes(t: f32) -> vec4<f32> {
    let s = t * t;
    return 0.5 * vec4<f32>(4.0 * t - 3.0 * s - 1.0, 9.0 * s - 10.0 * t, 8.0 * t - 9.0 * s + 1.0, 3.0 * s - 2.0 * t);
}

// The logits at a place of the grid, in cells; the value of a cell belongs to its middle.
fn sample_at(grid: texture_2d<f32>, place: vec2<f32>) -> Sample {
    let at = place - vec2<f32>(0.5, 0.5);
    let corner = floor(at);
    let i = vec2<i32>(corner);
    let part = at - corner;
    let across = weights(part.x);
    let down = weights(part.y);
    let above = row(grid, i + vec2<i32>(0, -1));
    let first = row(grid, i);
    let second = row(grid, i + vec2<i32>(0, 1));
    let below = row(grid, i + vec2<i32>(0, 2));
    let values = vec4<f32>(dot(above, across), dot(first, across), dot(second, across), dot(below, across));
    let slope = weight_slopes(part.x);
    let slopes = vec4<f32>(dot(above, slope), dot(first, slope), dot(second, slope), dot(below, slope));
    let gradient = vec2<f32>(dot(slopes, down), dot(values, weight_slopes(part.y)));
    return Sample(dot(values, down), gradient);
}
