//! What is done by the keyboard: which of what there is a key is for, and what can be done without a mouse.

use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use glamm::action::{BatchAction, Inspect};
use glamm::command::Command;
use glamm::document::{Edit, RegionTag};
use glamm::notice::Tone;
use glamm::state::State;
use glamm::state::inspection::{Brush, Layer, Rival};
use glamm_engine::protocol::Task;
use glamm_engine::vision::{Click, PixelBox};

use crate::inspector::pinned;
use crate::stage::{Setup, Stage};
use crate::{Action, describe};

fn state(stage: &Stage) -> &State {
    stage.window.state().state()
}

fn press(stage: &mut Stage, modifiers: Modifiers, key: Key) {
    stage.window.key_press_modifiers(modifiers, key);
    stage.settle();
}

fn write(stage: &mut Stage, field: &str, text: &str) {
    stage.window.get_by_label(field).focus();
    stage.window.run_steps(2);
    stage.window.get_by_label(field).type_text(text);
    stage.settle();
}

/// A key goes down and up within one frame, at whose end other modifiers are held.
fn press_in_one_frame(stage: &mut Stage, key: Key, modifiers: Modifiers, held_at_the_end: Modifiers) {
    let key = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
    let then = Event::ModifiersChanged(held_at_the_end);
    stage.window.input_mut().events.extend([key(true), key(false), then]);
    stage.window.step();
    stage.window.event(Event::ModifiersChanged(Modifiers::NONE));
    stage.settle();
}

#[test]
fn a_head_that_the_model_lacks_is_not_drawn() {
    let mut stage = pinned(&Setup::default());
    let top_left = stage.on_screen(4.0, 4.0);
    let mut drawn = |layer| {
        stage.act(Action::Inspect(Inspect::Layer(layer)));
        *stage.window.render().unwrap().get_pixel(top_left.x as u32, top_left.y as u32)
    };
    let picture = drawn(None);
    for (layer, head) in [(0, 7), (9, 0)] {
        assert_eq!(drawn(Some(Layer::Attention { layer, head })), picture, "{layer}, {head}");
    }
    assert_ne!(drawn(Some(Layer::Attention { layer: 0, head: 0 })), picture);
}

#[test]
fn escape_in_the_palette_or_a_dialog_leaves_the_edited_question_alone() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.act(Action::Command(Command::EditQuestion));
    for over in [Command::ShowPalette, Command::ShowAbout, Command::ShowShortcuts] {
        stage.act(Action::Command(over));
        press(&mut stage, Modifiers::NONE, Key::Escape);
        assert!(!state(&stage).is_behind_dialog() && state(&stage).ui.editing.is_some(), "{over:?}");
    }
    stage.window.get_by_label("Edited question").focus();
    stage.settle();
    press(&mut stage, Modifiers::NONE, Key::Escape);
    assert!(state(&stage).ui.editing.is_none());
}

#[test]
fn a_name_field_that_comes_back_has_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    stage.act(Action::Command(Command::RenameConversation));
    for _ in 0..2 {
        assert!(stage.window.get_by_label("Name of the conversation").is_focused());
        stage.act(Action::Command(Command::ShowMasks));
        assert!(stage.window.query_by_label("Name of the conversation").is_none());
        stage.act(Action::Command(Command::ShowChat));
    }
    write(&mut stage, "Name of the conversation", "Box");
    assert_eq!(state(&stage).ui.renaming.as_deref(), Some("Box"));
    press(&mut stage, Modifiers::NONE, Key::Enter);
    assert_eq!(state(&stage).conversation().unwrap().title, "Box");
}

#[test]
fn arrows_do_not_reach_the_canvas_behind_a_dialog() {
    let mut stage = Stage::new(&Setup::default());
    stage.act(Action::Command(Command::NewRegion));
    let before = state(&stage).picture().unwrap().regions[0].bounds;
    stage.act(Action::Command(Command::ShowAbout));
    press(&mut stage, Modifiers::NONE, Key::ArrowRight);
    assert_eq!(state(&stage).picture().unwrap().regions[0].bounds, before);
    stage.act(Action::Command(Command::ShowAbout));
    press(&mut stage, Modifiers::NONE, Key::ArrowRight);
    assert!((state(&stage).picture().unwrap().regions[0].bounds.x0 - before.x0 - 1.0).abs() < 1e-3);
    press_in_one_frame(&mut stage, Key::ArrowRight, Modifiers::SHIFT, Modifiers::NONE);
    assert!((state(&stage).picture().unwrap().regions[0].bounds.x0 - before.x0 - 11.0).abs() < 1e-3);
}

#[test]
fn enter_counts_with_what_was_held_when_it_was_pressed() {
    let mut stage = Stage::new(&Setup::default());
    write(&mut stage, "Question", "What is it?");
    press_in_one_frame(&mut stage, Key::Enter, Modifiers::SHIFT, Modifiers::NONE);
    assert!(stage.player.asked.is_empty(), "a new line");
    press_in_one_frame(&mut stage, Key::Enter, Modifiers::NONE, Modifiers::SHIFT);
    assert_eq!(stage.player.asked.len(), 1);
}

#[test]
fn one_click_and_the_name_of_any_region_is_written() {
    let mut stage = Stage::new(&Setup::default());
    for _ in 0..2 {
        stage.act(Action::Command(Command::NewRegion));
    }
    stage.press("Regions");
    let name = stage.window.get_by_label("Name of region 1").rect().center();
    stage.window.hover_at(name);
    stage.window.drag_at(name);
    stage.window.drop_at(name);
    stage.settle();
    assert_eq!(state(&stage).ui.selected_region, Some(RegionTag(1)));
    assert!(stage.window.get_by_label("Name of region 1").is_focused());
}

#[test]
fn undo_in_a_name_is_about_this_region() {
    let mut stage = Stage::new(&Setup::default());
    for _ in 0..2 {
        stage.act(Action::Command(Command::NewRegion));
    }
    stage.press("Regions");
    for (field, tag, text) in [("Name of region 1", 1, "door"), ("Name of region 2", 2, "window")] {
        stage.act(Action::SelectRegion(Some(RegionTag(tag))));
        write(&mut stage, field, text);
    }
    for _ in 0..3 {
        press(&mut stage, Modifiers::COMMAND, Key::Z);
    }
    let names: Vec<_> = state(&stage).picture().unwrap().regions.iter().map(|r| r.name.clone()).collect();
    assert!(names.iter().any(|name| name == "door") && !names[1].contains("door"), "{names:?}");
}

#[test]
fn the_menu_key_opens_the_menu_of_what_has_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    describe(&mut stage);
    stage.press("Masks");
    stage.window.get_by_label("Mask: a large green disc").focus();
    stage.settle();
    press(&mut stage, Modifiers::SHIFT, Key::F10);
    stage.window.get_by_label("Colour 3 for the mask").focus();
    stage.settle();
    press(&mut stage, Modifiers::NONE, Key::Enter);
    let changed = state(&stage).listed_masks().iter().any(|mask| mask.mask.hue == Some(2));
    assert!(changed, "coloured by the keyboard");
    press(&mut stage, Modifiers::NONE, Key::Escape);
    stage.act(Action::Command(Command::ShowChat));
    stage.window.get_by_label("Answer again").focus();
    stage.settle();
    press(&mut stage, Modifiers::SHIFT, Key::F10);
    stage.window.get_by_label("Show tokens");
    stage.window.get_by_label("Delete question and what follows").focus();
    stage.settle();
    press(&mut stage, Modifiers::NONE, Key::Enter);
    assert!(state(&stage).conversation().unwrap().is_empty());
}

#[test]
fn the_menu_key_is_for_the_selected_region_or_mask_where_nothing_has_the_keyboard() {
    let mut stage = pinned(&Setup::default());
    press(&mut stage, Modifiers::SHIFT, Key::F10);
    stage.window.get_by_label("Draw a region around it");
    assert!(stage.window.get_by_label("Unpin").is_focused(), "arrows go on from the first entry");
    press(&mut stage, Modifiers::NONE, Key::Enter);
    assert!(stage.window.query_by_label("Draw a region around it").is_none());
    stage.act(Action::Command(Command::NewRegion));
    press(&mut stage, Modifiers::NONE, Key::Menu);
    stage.window.get_by_label("Ask about region 1");
}

#[test]
fn places_are_clicked_by_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    stage.act(Action::Command(Command::PointTool));
    press(&mut stage, Modifiers::NONE, Key::Space);
    assert!(stage.player.asked.is_empty(), "there is no cross-hair yet");
    press(&mut stage, Modifiers::NONE, Key::ArrowRight);
    for _ in 0..2 {
        press(&mut stage, Modifiers::SHIFT, Key::ArrowUp);
    }
    press(&mut stage, Modifiers::NONE, Key::Space);
    press(&mut stage, Modifiers::SHIFT, Key::Space);
    let Task::Segment { points, .. } = &stage.player.asked.last().unwrap().task else { panic!("no mask") };
    assert_eq!(points.iter().map(|click| click.positive).collect::<Vec<_>>(), [true, false]);
    assert_eq!((points[0].x, points[0].y), (81.0, 40.0), "from the middle of 160 × 120");
}

#[test]
fn a_place_is_asked_about_by_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    for (modifiers, key) in [(Modifiers::COMMAND, Key::ArrowRight), (Modifiers::COMMAND, Key::ArrowUp)] {
        press(&mut stage, modifiers, key);
    }
    press(&mut stage, Modifiers::COMMAND | Modifiers::SHIFT, Key::ArrowLeft);
    assert_eq!(state(&stage).ui.pointer, Some((71.5, 59.5)), "from the middle of 160 × 120");
    press(&mut stage, Modifiers::NONE, Key::Space);
    assert_eq!(state(&stage).ui.offered_at, Some(egui::pos2(71.5, 59.5)));
    press(&mut stage, Modifiers::NONE, Key::W);
    let Task::Segment { points, .. } = &stage.player.asked.last().unwrap().task else { panic!("no mask") };
    assert_eq!((points[0].x, points[0].y), (71.0, 59.0));
}

#[test]
fn the_brush_dabs_by_the_keyboard() {
    let mut stage = pinned(&Setup::default());
    stage.act(Action::Inspect(Inspect::Brush(Some(Brush::Paint))));
    press(&mut stage, Modifiers::SHIFT, Key::ArrowLeft);
    press(&mut stage, Modifiers::NONE, Key::Space);
    stage.wait("the dab", |stage| state(stage).inspected().unwrap().mask.is_changed());
}

#[test]
fn notes_go_by_themselves_and_escape_dismisses_the_newest_message() {
    let mut stage = Stage::new(&Setup::default());
    // What is written to a file is said in a note; a failure stays.
    stage.act(Action::Failed("something went wrong".to_owned()));
    stage.act(Action::Failed("something went wrong".to_owned()));
    stage.window.get_by_label("Something went wrong (2 times)");
    let click = Click { x: 1.0, y: 1.0, positive: false };
    stage.act(Action::ClickPoint(click));
    assert_eq!(state(&stage).session.notices.len(), 2);
    press(&mut stage, Modifiers::NONE, Key::Escape);
    let left: Vec<_> = state(&stage).session.notices.iter().map(|notice| notice.tone).collect();
    assert_eq!(left, [Tone::Failure], "the newest first");
    stage.act(Action::ClickPoint(click));
    stage.window.run_steps(9 * 60);
    let left: Vec<_> = state(&stage).session.notices.iter().map(|notice| notice.tone).collect();
    assert_eq!(left, [Tone::Failure]);
}

#[test]
fn many_regions_leave_room_for_the_question() {
    let mut stage = Stage::new(&Setup::default());
    let image = state(&stage).ui.current.unwrap();
    let ctx = stage.window.ctx.clone();
    for place in 0..400u16 {
        let x0 = f32::from(place % 100);
        let bounds = PixelBox { x0, y0: 4.0, x1: x0 + 9.0, y1: 20.0 };
        stage
            .window
            .state_mut()
            .act(&ctx, Action::Edit(Edit::AddRegion { image, bounds, name: String::new() }));
    }
    stage.settle();
    let window = stage.window.ctx.content_rect();
    assert!(window.contains_rect(stage.window.get_by_label("Question").rect()));
    let chips = |stage: &Stage| stage.window.query_all_by_label_contains("Refer to region").count();
    assert!((3..40).contains(&chips(&stage)), "{} are laid out", chips(&stage));
    stage.press("Regions");
    let names = |stage: &Stage| stage.window.query_all_by_label_contains("Name of region").count();
    assert!((3..40).contains(&names(&stage)), "{} are laid out", names(&stage));
    stage.act(Action::SelectRegion(Some(RegionTag(200))));
    stage.act(Action::Command(Command::RenameRegion));
    let field = stage.window.get_by_label("Name of region 200");
    assert!(field.is_focused() && window.contains_rect(field.rect()), "scrolled to");
}

#[test]
fn heads_are_told_apart_and_the_card_of_a_run_leaves_the_legend_alone() {
    let mut stage = pinned(&Setup::default());
    stage.act(Action::Inspect(Inspect::Layer(Some(Layer::Attention { layer: 0, head: 0 }))));
    stage.press("Attention of the mask: block 2, head 3");
    let chosen = state(&stage).ui.inspection.layer;
    assert_eq!(chosen, Some(Layer::Attention { layer: 1, head: 2 }));
    let rival = state(&stage).listed_masks()[0].mask.id;
    stage.act(Action::Inspect(Inspect::Compare(Some(Rival::Mask(rival)))));
    stage.act(Action::Batch(BatchAction::Prepare(Some("What?".to_owned()))));
    stage.act(Action::Batch(BatchAction::Start));
    stage.window.get_by_label("Pictures asked about");
    // With the pointer, which does not reach what is covered.
    let end = stage.window.get_by_label("End comparison").rect().center();
    stage.window.hover_at(end);
    stage.window.drag_at(end);
    stage.window.drop_at(end);
    stage.settle();
    assert_eq!(state(&stage).ui.inspection.rival, None);
}

#[test]
fn a_threshold_that_is_let_go_outside_the_window_is_where_it_was_last() {
    let mut stage = pinned(&Setup { size: egui::Vec2::new(1400.0, 860.0), ..Setup::default() });
    let plot = stage.window.get_by_label_contains("Area, box, pieces").rect();
    let press = |pos, pressed| Event::PointerButton {
        pos,
        button: egui::PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    stage.window.hover_at(plot.center());
    stage.window.step();
    stage.window.event(press(plot.center(), true));
    stage.window.step();
    for step in 1..5 {
        stage.window.hover_at(plot.center() + egui::vec2(10.0 * step as f32, 0.0));
        stage.window.step();
    }
    let dragged = state(&stage).ui.inspection.threshold.unwrap();
    // Both within one frame.
    let release = press(egui::pos2(-40.0, 2000.0), false);
    stage.window.input_mut().events.extend([release, Event::PointerGone]);
    stage.window.step();
    stage.settle();
    assert_eq!(state(&stage).ui.inspection.threshold, None);
    assert!((state(&stage).inspected().unwrap().mask.threshold - dragged).abs() < 1e-6);
}

#[test]
fn prompts_are_renamed_by_the_keyboard() {
    let mut stage = Stage::new(&Setup::default());
    write(&mut stage, "Question", "Is it round?");
    stage.press("Prompt library");
    stage.press("Keep the question as a prompt");
    stage.window.get_by_label("Is it round?").focus();
    stage.settle();
    press(&mut stage, Modifiers::SHIFT, Key::F10);
    press(&mut stage, Modifiers::NONE, Key::Enter);
    assert!(stage.window.get_by_label("Name of the prompt").is_focused());
    for text in [" ", "b"] {
        stage.window.event(Event::Text(text.to_owned()));
        stage.settle();
    }
    press(&mut stage, Modifiers::NONE, Key::Enter);
    assert_eq!(state(&stage).session.prompts[0].label, "Is it round? b");
}
