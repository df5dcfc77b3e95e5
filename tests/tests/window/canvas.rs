//! The canvas and the tabs about what is on it, driven by pointer and keys.

use egui::{Key, Modifiers, Vec2, pos2};
use egui_kittest::kittest::Queryable as _;
use glamm::document::Region;
use glamm_engine::vision::PixelBox;
use image::{Rgb, RgbImage};

use crate::describe;
use crate::looking::in_both;
use crate::stage::{Setup, Stage};

fn regions(stage: &Stage) -> Vec<Region> {
    stage.window.state().state().picture().unwrap().regions.clone()
}

fn with_region(setup: &Setup) -> Stage {
    let mut stage = Stage::new(setup);
    stage.press("Box");
    stage.drag((20.0, 40.0), (60.0, 88.0));
    stage.press("Select");
    stage
}

#[test]
fn regions_are_nudged_resized_and_snap_to_the_border() {
    let mut stage = with_region(&Setup::default());
    let bounds = |stage: &Stage| regions(stage)[0].bounds;
    assert_eq!(bounds(&stage), PixelBox { x0: 20.0, y0: 40.0, x1: 60.0, y1: 88.0 }, "whole pixels");
    stage.window.key_press(Key::ArrowRight);
    stage.window.key_press_modifiers(Modifiers::SHIFT, Key::ArrowUp);
    stage.settle();
    assert_eq!(bounds(&stage), PixelBox { x0: 21.0, y0: 30.0, x1: 61.0, y1: 78.0 });
    stage.drag((61.0, 54.0), (159.0, 54.0));
    assert_eq!(bounds(&stage), PixelBox { x0: 21.0, y0: 30.0, x1: 160.0, y1: 78.0 });
    stage.window.key_press_modifiers(Modifiers::COMMAND, Key::D);
    stage.settle();
    assert_eq!(regions(&stage).len(), 2);
    stage.window.key_press(Key::Delete);
    stage.settle();
    assert_eq!(regions(&stage).len(), 1);
}

#[test]
fn a_tag_is_dragged_into_the_question() {
    let mut stage = with_region(&Setup::default());
    stage.window.get_by_label("Question").focus();
    stage.window.run_steps(2);
    stage.window.get_by_label("Question").type_text("Is it red?");
    stage.settle();
    let from = stage.window.get_by_label("Region 1").rect().center();
    let field = stage.window.get_by_label("Question").rect();
    let to = pos2(field.right() - 20.0, field.top() + 10.0);
    stage.drag_on_screen(from, to);
    let state = stage.window.state().state();
    assert_eq!(state.ui.draft(state.ui.current.unwrap()), "Is it red? [1]");
    assert_eq!(regions(&stage)[0].bounds.x0.to_bits(), 20.0_f32.to_bits(), "the region stays");
}

/// A marker becomes a number while one types on, a letter in each frame.
#[test]
fn typing_goes_on_behind_a_marker() {
    let mut stage = with_region(&Setup::default());
    stage.window.get_by_label("Question").focus();
    stage.window.run_steps(2);
    for typed in ["Is <bbox>", " ", "r", "e", "d", "?"] {
        stage.window.get_by_label("Question").type_text(typed);
        stage.window.step();
    }
    stage.settle();
    let state = stage.window.state().state();
    assert_eq!(state.ui.draft(state.ui.current.unwrap()), "Is [1] red?");
}

#[test]
fn regions_are_named_hidden_and_coloured_in_their_tab() {
    let mut stage = with_region(&Setup::default());
    stage.press("Regions");
    stage.window.key_press(Key::F2);
    stage.settle();
    stage.window.get_by_label("Name of region 1").type_text("front door");
    stage.settle();
    assert_eq!(regions(&stage)[0].name, "front door");
    stage.press("Colour 3 for region 1");
    stage.press("Hide region 1");
    let region = &regions(&stage)[0];
    assert_eq!((region.hue(), region.hidden), (2, true));
    assert!(stage.window.query_by_label("Region front door").is_none(), "no tag on the picture");
    stage.press("Show region 1");
    stage.window.get_by_label("Region front door");
    for label in ["show region", "hide region", "recolour region", "rename region"] {
        assert_eq!(stage.window.state().state().history.undoable().unwrap().label, label);
        stage.window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        stage.settle();
        if label == "rename region" {
            break;
        }
        stage.window.get_by_label("Canvas, shapes.png").click();
        stage.settle();
    }
}

#[test]
fn the_map_moves_the_picture() {
    let mut stage = Stage::new(&Setup::default());
    assert!(stage.window.query_by_label("Map of the picture").is_none(), "all of it is in sight");
    let middle = stage.on_screen(80.0, 60.0);
    stage.window.hover_at(middle);
    stage.window.event(egui::Event::Zoom(4.0));
    stage.settle();
    let map = stage.window.get_by_label("Map of the picture").rect();
    let place = map.lerp_inside(Vec2::new(0.25, 0.5));
    stage.window.hover_at(place);
    stage.window.drag_at(place);
    stage.window.drop_at(place);
    stage.settle();
    let center = stage.window.state().state().ui.canvas.center();
    let view = stage.window.state().state().view().unwrap();
    assert!(view.image_from_screen(center).distance(pos2(40.0, 60.0)) < 1.5);
    stage.window.key_press(Key::N);
    stage.settle();
    assert!(stage.window.query_by_label("Map of the picture").is_none());
}

/// A picture of many tiles, shown at one pixel a pixel: every pixel of the screen has the colour of
/// its pixel of the picture, at the borders of tiles as well.
#[test]
fn large_pictures_are_exact_at_full_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.png");
    let color = |x: u32, y: u32| [(x % 256) as u8, (y % 256) as u8, ((x / 256 + y / 256 * 16) * 4) as u8];
    RgbImage::from_fn(3000, 2500, |x, y| Rgb(color(x, y))).save(&path).unwrap();
    let mut stage = Stage::with_picture(&Setup::default(), folder, Some(path));
    stage.wait("the picture", |stage| stage.window.state().state().picture().is_some());
    stage.settle();
    stage.window.key_press(Key::Num1);
    stage.settle();
    for _ in 0..40 {
        std::thread::sleep(std::time::Duration::from_millis(5));
        stage.window.step();
    }
    let view = stage.window.state().state().view().unwrap();
    assert!((view.scale() - 1.0).abs() < 1e-6);
    let canvas = stage.window.state().state().ui.canvas.shrink(20.0);
    let screen = stage.window.render().unwrap();
    let mut compared = 0;
    for y in (canvas.top() as u32..canvas.bottom() as u32 - 140).step_by(7) {
        for x in canvas.left() as u32..canvas.right() as u32 - 180 {
            let at = view.image_from_screen(pos2(x as f32 + 0.5, y as f32 + 0.5));
            let found = screen.get_pixel(x, y).0;
            assert_eq!([found[0], found[1], found[2]], color(at.x as u32, at.y as u32), "{x} {y} is {at}");
            compared += 1;
        }
    }
    assert!(compared > 10_000);
}

#[test]
fn snapshots_of_the_regions_tab() {
    let mut stage = with_region(&Setup::default());
    stage.press("Box");
    stage.drag((88.0, 36.0), (136.0, 84.0));
    stage.press("Select");
    stage.press("Regions");
    stage.window.get_by_label("Name of region 2").focus();
    stage.window.run_steps(2);
    stage.window.get_by_label("Name of region 2").type_text("the disc");
    stage.settle();
    let middle = stage.on_screen(112.0, 60.0);
    stage.window.hover_at(middle);
    stage.window.event(egui::Event::Zoom(1.6));
    stage.settle();
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "regions");
}

#[test]
fn snapshots_of_the_masks_tab() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.press("Masks");
    stage.press("Mask: a large green disc");
    stage.window.remove_cursor();
    stage.settle();
    in_both(&mut stage, "masks");
}
