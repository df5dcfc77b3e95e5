// Viridis (Smith and van der Walt, 2015), of even steps to the eye and readable without colour vision,
// as polynomials of the sixth degree. Mirrored by `colormap::viridis`.

// From dark violet at 0 to yellow at 1, sRGB.
fn viridis(share: f32) -> vec3<f32> {
    let t = clamp(share, 0.0, 1.0);
    let c0 = vec3<f32>(0.2777273, 0.0054073, 0.3340998);
    let c1 = vec3<f32>(0.1050930, 1.4046135, 1.3845902);
    let c2 = vec3<f32>(-0.3308618, 0.2148476, 0.0950952);
    let c3 = vec3<f32>(-4.6342305, -5.7991010, -19.3324410);
    let c4 = vec3<f32>(6.2282699, 14.1799334, 56.6905526);
    let c5 = vec3<f32>(4.7763850, -13.7451454, -65.3530326);
    let c6 = vec3<f32>(-5.4354559, 4.6458526, 26.3124352);
    let color = c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * (c5 + t * c6)))));
    return clamp(color, vec3<f32>(0.0), vec3<f32>(1.0));
}
