//! What is drawn of a mask is what is counted and exported, pixel by pixel.

use std::sync::Arc;

use egui::{Vec2, pos2};
use glamm::action::Inspect;
use glamm::canvas::view::Viewpoint;
use glamm::document::{Edit, EditedMask, GroundedMask, MaskId};
use glamm::state::inspection::MaskView;
use glamm_engine::vision::{BinaryMask, MaskCandidates, MaskLogits};
use image::RgbaImage;

use crate::Action;
use crate::stage::{PICTURE, Setup, Stage};

/// A mask of a coarse grid over a frame that is neither of the grid's size nor of the picture's.
fn mask(id: u64, logit: impl Fn(usize, usize) -> f32) -> GroundedMask {
    let side = 10;
    let logits = MaskLogits {
        side,
        logits: (0..side * side).map(|at| logit(at % side, at / side)).collect(),
        frame: 50,
        content: (50, 38),
        image_size: PICTURE,
        predicted_iou: 0.9,
    };
    GroundedMask::new(MaskId(id), MaskCandidates::from(Arc::new(logits)))
}

/// The window with this mask cut out of the picture.
fn cut_out(stage: &mut Stage, mask: &GroundedMask) -> RgbaImage {
    let image = stage.window.state().state().ui.current.unwrap();
    stage.act(Action::Edit(Edit::AddMask { image, mask: Box::new(mask.clone()) }));
    stage.act(Action::Inspect(Inspect::Select(Some(mask.id))));
    stage.act(Action::Inspect(Inspect::View(MaskView::CutOut)));
    stage.window.render().unwrap()
}

/// The pixels of the picture that are to be seen in `found`: of the two pictures of the window the one in
/// which all of it is there, and the one in which nothing is.
fn seen(stage: &Stage, found: &RgbaImage, all: &RgbaImage, nothing: &RgbaImage) -> BinaryMask {
    let apart = |a: &RgbaImage, b: &RgbaImage, x: u32, y: u32| -> u32 {
        let pairs = a.get_pixel(x, y).0.into_iter().zip(b.get_pixel(x, y).0);
        pairs.map(|(a, b)| u32::from(a.abs_diff(b)).pow(2)).sum()
    };
    BinaryMask::from_fn(PICTURE.0, PICTURE.1, |x, y| {
        let at = stage.on_screen(x as f32 + 0.5, y as f32 + 0.5);
        let (column, row) = (at.x.floor() as u32, at.y.floor() as u32);
        assert!((at.x.fract() - 0.5).abs() < 1e-3 && (at.y.fract() - 0.5).abs() < 1e-3, "{at} is a middle");
        assert!(apart(all, nothing, column, row) > 2000, "what is cut out can be told at {x} {y}");
        apart(found, all, column, row) < apart(found, nothing, column, row)
    })
}

#[test]
fn masks_are_drawn_as_they_are_exported() {
    let mut stage = Stage::new(&Setup { size: Vec2::new(1400.0, 900.0), ..Setup::default() });
    let center = pos2(PICTURE.0 as f32 * 0.5, PICTURE.1 as f32 * 0.5);
    // Of an odd scale, so that the middles of the picture's pixels are middles of the screen's.
    stage.act(Action::SetView(Viewpoint::Free { scale: 3.0, center }));
    stage.window.remove_cursor();
    stage.settle();
    let nothing = cut_out(&mut stage, &mask(901, |_, _| -9.0));
    let all = cut_out(&mut stage, &mask(902, |_, _| 9.0));

    let wave = |x: usize, y: usize| ((x * x + 3 * y) as f32).sin() * 5.0 + ((x + y) as f32 * 0.7).cos() * 3.0;
    let mut masks = vec![mask(903, wave), mask(904, wave), mask(905, wave)];
    masks[1].threshold = 1.25;
    let noise = BinaryMask::from_fn(PICTURE.0, PICTURE.1, |x, y| (x * 7 + y * 13 + x * y) % 5 < 2);
    masks[2].edited = Some(Arc::new(EditedMask::from(&noise)));
    for mask in masks {
        let found = cut_out(&mut stage, &mask);
        let found = seen(&stage, &found, &all, &nothing);
        let exported = mask.pixels();
        assert!((2000..17_000).contains(&exported.area()), "{}", exported.area());
        for (x, y) in (0..PICTURE.1).flat_map(|y| (0..PICTURE.0).map(move |x| (x, y))) {
            let logit = mask.logits().logit_at(x, y).unwrap();
            // The processor and the GPU round otherwise.
            let clear = mask.edited.is_some() || (logit - mask.threshold).abs() > 2e-3;
            assert!(!clear || found.contains(x, y) == exported.contains(x, y), "{x} {y}: {logit}");
        }
    }
}
