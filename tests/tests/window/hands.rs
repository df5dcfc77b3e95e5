//! What the hands do on the canvas: buttons, brush, wheel, touchpad, and Escape, which ends the innermost of
//! what there is.

use egui::{Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, TouchPhase, Vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use glamm::action::Inspect;
use glamm::command::Command;
use glamm::state::inspection::Brush;

use crate::inspector::pinned;
use crate::script::Line;
use crate::stage::{Setup, Stage, disc, square};
use crate::{Action, about_shapes, describe};

fn button(stage: &mut Stage, pos: Pos2, button: PointerButton, pressed: bool) {
    stage.window.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
    stage.window.step();
}

/// Presses a button there and moves the pointer, without letting go.
fn press_and_move(stage: &mut Stage, which: PointerButton, from: Pos2, by: Vec2) {
    stage.window.hover_at(from);
    stage.window.step();
    button(stage, from, which, true);
    for step in 1..=4 {
        stage.window.hover_at(from + by * (step as f32 / 4.0));
        stage.window.step();
    }
}

fn zoom(stage: &mut Stage, factor: f32) {
    let middle = stage.on_screen(80.0, 60.0);
    stage.window.hover_at(middle);
    stage.window.event(Event::Zoom(factor));
    stage.settle();
}

fn escape(stage: &mut Stage) {
    stage.window.key_press(Key::Escape);
    stage.settle();
}

fn brush(stage: &Stage) -> Option<Brush> {
    stage.window.state().state().ui.inspection.brush
}

fn is_painting(stage: &Stage) -> bool {
    stage.window.state().state().ui.inspection.stroke.is_some()
}

#[test]
fn with_the_brush_in_hand_other_buttons_and_space_move_the_picture() {
    let mut stage = pinned(&Setup::default());
    zoom(&mut stage, 3.0);
    stage.act(Action::Inspect(Inspect::Brush(Some(Brush::Paint))));
    let (from, by) = (stage.window.state().state().ui.canvas.center(), Vec2::new(-60.0, 35.0));
    for (which, space) in
        [(PointerButton::Middle, false), (PointerButton::Secondary, false), (PointerButton::Primary, true)]
    {
        let before = stage.on_screen(80.0, 60.0);
        if space {
            stage.window.key_down(Key::Space);
        }
        press_and_move(&mut stage, which, from, by);
        assert!(!is_painting(&stage), "{which:?}");
        if space {
            stage.window.key_up(Key::Space);
            stage.window.step();
            assert!(!is_painting(&stage), "nor when space is let go first");
        }
        button(&mut stage, from + by, which, false);
        stage.settle();
        let moved = stage.on_screen(80.0, 60.0) - before;
        assert!((moved - by).length() < 2.0, "{which:?}: moved by {moved:?}, not {by:?}");
    }
    assert!(!stage.window.state().state().inspected().unwrap().mask.is_changed());
    press_and_move(&mut stage, PointerButton::Primary, from, by);
    assert!(is_painting(&stage), "the left button alone paints");
    button(&mut stage, from + by, PointerButton::Primary, false);
    stage.wait("the stroke", |stage| stage.window.state().state().inspected().unwrap().mask.is_changed());
}

#[test]
fn escape_gives_a_stroke_up_until_the_button_is_let_go() {
    let mut stage = pinned(&Setup::default());
    stage.act(Action::Inspect(Inspect::Brush(Some(Brush::Paint))));
    let from = stage.on_screen(10.0, 20.0);
    for by in [Vec2::ZERO, Vec2::new(40.0, 0.0)] {
        press_and_move(&mut stage, PointerButton::Primary, from, by);
        assert!(is_painting(&stage));
        escape(&mut stage);
        for step in 0..4 {
            assert!(!is_painting(&stage), "the button is down, but the stroke is over");
            stage.window.hover_at(from + by + Vec2::new(0.0, step as f32));
            stage.window.step();
        }
        button(&mut stage, from, PointerButton::Primary, false);
        stage.settle();
    }
    assert_eq!(brush(&stage), Some(Brush::Paint), "the brush stays in the hand");
    assert!(!stage.window.state().state().inspected().unwrap().mask.is_changed());
    press_and_move(&mut stage, PointerButton::Primary, from, Vec2::new(40.0, 0.0));
    assert!(is_painting(&stage), "the next stroke is one");
    button(&mut stage, from, PointerButton::Primary, false);
    stage.settle();
    escape(&mut stage);
    assert_eq!(brush(&stage), None);
}

#[test]
fn escape_gives_a_box_up_and_the_rest_of_the_drag_does_nothing() {
    let mut stage = Stage::new(&Setup::default());
    zoom(&mut stage, 2.0);
    stage.press("Box");
    let (from, before) = (stage.on_screen(60.0, 50.0), stage.window.state().state().view());
    press_and_move(&mut stage, PointerButton::Primary, from, Vec2::new(50.0, 40.0));
    assert!(stage.window.state().state().ui.gesture.is_some());
    escape(&mut stage);
    for step in 0..4 {
        stage.window.hover_at(from + Vec2::new(50.0, 10.0 * step as f32));
        stage.window.step();
    }
    assert!(stage.window.state().state().ui.gesture.is_none());
    button(&mut stage, from, PointerButton::Primary, false);
    stage.settle();
    assert_eq!(stage.window.state().state().view(), before, "the picture stays");
    assert!(stage.window.state().state().picture().unwrap().regions.is_empty());
    stage.drag((60.0, 50.0), (90.0, 70.0));
    assert_eq!(stage.window.state().state().picture().unwrap().regions.len(), 1);
}

#[test]
fn a_brush_for_a_mask_that_is_not_finished_leaves_the_canvas_alive() {
    let mut stage = Stage::new(&Setup::default());
    stage.player.lines.push(about_shapes());
    stage.ask("What is there?");
    stage.player.start(4);
    stage.settle();
    stage.press("Phrase: a red square");
    stage.act(Action::Inspect(Inspect::Brush(Some(Brush::Paint))));
    let before = stage.on_screen(80.0, 60.0);
    stage.drag((75.0, 20.0), (85.0, 20.0));
    assert!((stage.on_screen(80.0, 60.0) - before).x > 10.0, "the picture is moved");
    stage.click_on_picture((112.0, 60.0), PointerButton::Primary, Modifiers::NONE);
    assert_eq!(stage.window.state().state().inspected().unwrap().name, "a large green disc");
}

/// A window in which a reply is on its way, and one with masks is there.
fn answering() -> Stage {
    let mut stage = Stage::new(&Setup { size: Vec2::new(1400.0, 860.0), ..Setup::default() });
    describe(&mut stage);
    stage.player.lines.push(Line::new([("And ", None), ("a disc", Some(disc())), (" too.", None)]));
    stage.ask("And what else?");
    stage.player.start(1);
    stage.settle();
    stage
}

fn is_stopped(stage: &Stage) -> bool {
    stage.window.state().state().session.job.as_ref().is_none_or(|job| job.stopping)
}

/// Presses Escape, which is not for the reply.
fn escape_spares_the_reply(stage: &mut Stage, what: &str) {
    escape(stage);
    assert!(!is_stopped(stage), "{what}");
}

#[test]
fn escape_ends_what_is_written_before_it_stops_the_reply() {
    let mut stage = answering();
    stage.act(Action::Command(Command::RenameConversation));
    stage.window.get_by_label("Name of the conversation").type_text("Given up");
    stage.settle();
    escape_spares_the_reply(&mut stage, "a name");
    let state = stage.window.state().state();
    assert_eq!((state.ui.renaming.clone(), state.conversation().unwrap().title.as_str()), (None, ""));

    stage.press("Chat settings");
    escape_spares_the_reply(&mut stage, "a popup of the state's");
    assert_eq!(stage.window.state().state().ui.chat_settings, None);
    stage.press("View");
    stage.window.get_by_label_contains("High contrast");
    escape_spares_the_reply(&mut stage, "a menu");
    assert!(stage.window.query_by_label_contains("High contrast").is_none());

    stage.window.get_by_label("Question").focus();
    stage.settle();
    escape(&mut stage);
    assert!(is_stopped(&stage), "in the question, which has the keyboard after every question");
}

#[test]
fn escape_puts_down_what_is_in_the_hand_before_it_stops_the_reply() {
    let mut stage = answering();
    stage.press("Phrase: a red square");
    stage.act(Action::Inspect(Inspect::Brush(Some(Brush::Erase))));
    escape_spares_the_reply(&mut stage, "the brush");
    assert_eq!(brush(&stage), None);

    stage.press("Point");
    stage.click_on_picture((40.5, 60.5), PointerButton::Primary, Modifiers::NONE);
    stage.player.segment(&square());
    stage.settle();
    assert!(stage.window.state().state().is_refining());
    stage.click_on_picture((50.5, 60.5), PointerButton::Primary, Modifiers::NONE);
    stage.window.get_by_label_contains("The mask waits for the reply to end");
    escape_spares_the_reply(&mut stage, "the mask on its way");
    let state = stage.window.state().state();
    assert!(state.session.segmentation.is_none() && state.is_refining());
    assert!(stage.player.asked.last().unwrap().cancel.is_cancelled());
    escape_spares_the_reply(&mut stage, "refining");
    assert!(!stage.window.state().state().is_refining());
    escape(&mut stage);
    assert!(is_stopped(&stage));
}

#[test]
fn what_cannot_be_asked_now_is_grey_in_the_menu_of_a_mask() {
    let mut stage = answering();
    stage.click_on_picture((40.0, 60.0), PointerButton::Secondary, Modifiers::NONE);
    for label in ["What is this?", "Describe this region", "Find more like this"] {
        assert!(stage.window.get_by_label(label).accesskit_node().is_disabled(), "{label}");
    }
    assert!(!stage.window.get_by_label("Draw a region around it").accesskit_node().is_disabled());
}

/// Turns a wheel, or moves two fingers.
fn scroll(stage: &mut Stage, unit: MouseWheelUnit, delta: Vec2, modifiers: Modifiers) {
    let place = stage.window.state().state().ui.canvas.center();
    stage.window.hover_at(place);
    stage.window.step();
    let (phase, source) = (TouchPhase::Move, MouseWheelSource::Unknown);
    let event = Event::MouseWheel { unit, delta, phase, source, modifiers };
    stage.window.event_modifiers(event, modifiers);
    stage.settle();
    // What comes later is another scrolling.
    stage.window.run_steps(30);
}

#[test]
fn wheels_zoom_and_touchpads_move_whatever_they_are_counted_in() {
    let mut stage = Stage::new(&Setup::default());
    zoom(&mut stage, 3.0);
    let look = |stage: &Stage| {
        let view = stage.window.state().state().view().unwrap();
        (view.scale(), view.screen_from_image(egui::pos2(80.0, 60.0)))
    };
    let mut moves = |unit, delta, modifiers| {
        let before = look(&stage);
        scroll(&mut stage, unit, delta, modifiers);
        let after = look(&stage);
        (after.0 / before.0, after.1 - before.1)
    };
    let (factor, _) = moves(MouseWheelUnit::Line, Vec2::new(0.0, 1.0), Modifiers::NONE);
    assert!(factor > 1.1, "a wheel zooms: {factor}");
    let (factor, _) = moves(MouseWheelUnit::Line, Vec2::new(0.0, -2.0), Modifiers::NONE);
    assert!(factor < 0.9, "and back: {factor}");
    for (unit, delta) in [
        (MouseWheelUnit::Point, Vec2::new(0.0, -30.0)),
        (MouseWheelUnit::Line, Vec2::new(0.0, -0.75)),
        (MouseWheelUnit::Line, Vec2::new(0.5, -0.25)),
        (MouseWheelUnit::Line, Vec2::new(-1.0, 0.0)),
    ] {
        let (factor, by) = moves(unit, delta, Modifiers::NONE);
        let along = by.x * delta.x + by.y * delta.y;
        assert!((factor - 1.0).abs() < 1e-4 && along > 4.0, "{unit:?} {delta:?}: {factor} {by:?}");
    }
    let (factor, by) = moves(MouseWheelUnit::Line, Vec2::new(0.0, 1.0), Modifiers::SHIFT);
    assert!((factor - 1.0).abs() < 1e-4 && by.x > 10.0 && by.y.abs() < 1.0, "sideways: {factor} {by:?}");
}

/// A pixel of the screen.
fn shade(screen: &image::RgbaImage, at: Pos2) -> [i32; 3] {
    let [red, green, blue, _] = screen.get_pixel(at.x as u32, at.y as u32).0;
    [red, green, blue].map(i32::from)
}

#[test]
fn lines_lie_between_large_pixels() {
    let mut stage = Stage::new(&Setup::default());
    let lines = |stage: &mut Stage| {
        let screen = stage.window.render().unwrap();
        let view = stage.window.state().state().view().unwrap();
        // In the even red of the square; lines are one pixel wide, and lie on either side of the border.
        let sum = |at: Pos2| shade(&screen, at).iter().sum::<i32>();
        let middle = sum(view.screen_from_image(egui::pos2(40.5, 60.5)));
        let border = view.screen_from_image(egui::pos2(41.0, 60.5));
        (-2..=2).map(|by| (sum(border + Vec2::new(by as f32, 0.0)) - middle).abs()).max().unwrap()
    };
    let place = stage.on_screen(40.5, 60.5);
    stage.window.hover_at(place);
    stage.window.event(Event::Zoom(7.0 / stage.window.state().state().view().unwrap().scale()));
    stage.settle();
    stage.window.remove_cursor();
    stage.settle();
    assert!(lines(&mut stage) < 6, "pixels are too small for lines");
    stage.window.hover_at(place);
    stage.window.event(Event::Zoom(40.0 / 7.0));
    stage.settle();
    stage.window.remove_cursor();
    stage.settle();
    let contrast = lines(&mut stage);
    assert!(contrast > 30, "{contrast}");
}

#[test]
fn what_the_encoders_see_is_framed() {
    let mut stage = Stage::new(&Setup::default());
    stage.window.remove_cursor();
    stage.settle();
    let (beside, inside) = (stage.on_screen(8.0, 60.0), stage.on_screen(80.0, 30.0));
    let looks = |stage: &mut Stage| {
        let screen = stage.window.render().unwrap();
        (shade(&screen, beside), shade(&screen, inside))
    };
    let before = looks(&mut stage);
    stage.act(Action::Command(Command::ToggleEncoderFrames));
    let framed = looks(&mut stage);
    assert_eq!(before.1, framed.1, "CLIP sees the middle of the picture");
    assert!(
        before.0.iter().zip(framed.0).all(|(before, after)| after < before - 30),
        "{before:?} {framed:?}"
    );
    stage.act(Action::Command(Command::ToggleEncoderFrames));
    assert_eq!(looks(&mut stage), before);
}
