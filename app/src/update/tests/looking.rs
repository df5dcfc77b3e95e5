//! What is looked at: zoom, masks, pictures, models.

use super::*;
use crate::action::Field;
use crate::notice::Tone;
use crate::state::inspection::Layer;

#[test]
fn the_zoom_is_kept_when_wanted() {
    let (mut state, effects) = State::start(ModelSpec::default(), None);
    let images: Vec<ImageId> = effects
        .iter()
        .filter_map(|effect| if let Effect::Load { image, .. } = effect { Some(*image) } else { None })
        .collect();
    for image in &images[..3] {
        load(&mut state, *image);
    }
    let free = Viewpoint::Free { scale: 3.0, center: pos2(25.0, 40.0) };
    state.update(Action::SetView(free), 0.0);
    state.update(Action::SelectPicture(images[1]), 0.0);
    assert_eq!(state.ui.view(images[1]), Viewpoint::Fit);
    state.update(Action::SelectPicture(images[0]), 0.0);
    state.update(Action::Command(Command::KeepZoom), 0.0);
    state.update(Action::SelectPicture(images[2]), 0.0);
    assert_eq!(state.ui.view(images[2]), free);
}

#[test]
fn a_prompt_about_a_region_waits_for_one() {
    let (mut state, image) = with_picture();
    state.update(Action::Prompt(SUGGESTED[2].clone()), 0.0);
    assert_eq!(state.ui.tool, Tool::Box);
    let gesture = Gesture { grip: Grip::Draw, from: pos2(10.0, 10.0), to: pos2(30.0, 40.0), snap: 0.0 };
    state.update(Action::Gesture(Some(gesture)), 0.0);
    let effects = state.update(Action::FinishGesture, 0.0);
    assert!(state.ui.draft(image).contains("[1]"));
    assert!(matches!(effects[..], [Effect::Focus(Field::Question)]));
}

#[test]
fn hovering_and_pinning_bring_masks_out() {
    let (mut state, _) = with_picture();
    let first = ask(&mut state, "What?").id;
    answer(&mut state, first);
    let second = ask(&mut state, "What else?").id;
    answer(&mut state, second);
    let ids: Vec<MaskId> =
        state.conversation().unwrap().path().flat_map(|e| e.masks.iter().flatten().map(|m| m.id)).collect();
    let shown =
        |state: &State| state.visible_masks().iter().map(|m| (m.mask.id, m.emphasised)).collect::<Vec<_>>();
    assert_eq!(shown(&state), [(ids[1], false)], "those of the latest reply");
    state.update(Action::Hover { masks: vec![ids[0]], pointer: None }, 0.0);
    let mut both = shown(&state);
    both.sort();
    assert_eq!(both, [(ids[0], true), (ids[1], false)]);
    state.update(Action::Hover { masks: ids.clone(), pointer: None }, 0.0);
    assert!(shown(&state).iter().all(|(_, emphasised)| *emphasised), "those of a phrase together");
    state.update(Action::Hover { masks: Vec::new(), pointer: None }, 0.0);
    state.update(Action::TogglePin(ids[0]), 0.0);
    assert!(shown(&state).contains(&(ids[0], true)));
    state.update(Action::TogglePin(ids[0]), 0.0);
    assert_eq!(shown(&state), [(ids[1], false)]);
    state.update(Action::Command(Command::ToggleMasks), 0.0);
    assert!(state.visible_masks().is_empty());
}

#[test]
fn pictures_are_encoded_when_shown_and_forgotten_when_closed() {
    let (mut state, effects) = State::start(ModelSpec::default(), None);
    let images: Vec<ImageId> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Load { image, .. } => Some(*image),
            _ => None,
        })
        .collect();
    assert!(images.len() > 2, "the gallery");
    let opens = |effects: &[Effect]| {
        effects.iter().filter(|e| matches!(e, Effect::Engine(EngineCommand::OpenImage { .. }))).count()
    };
    assert_eq!(opens(&load(&mut state, images[0])), 1, "the one that is shown");
    assert_eq!(opens(&load(&mut state, images[1])), 0, "the others wait");
    assert_eq!(opens(&state.update(Action::SelectPicture(images[1]), 0.0)), 1);
    assert_eq!(opens(&state.update(Action::SelectPicture(images[0]), 0.0)), 0, "the engine has it");
    assert_eq!(state.session.encodings[&images[0]], Encoding::Waiting);
    let effects = state.update(Action::Command(Command::ClosePicture), 0.0);
    assert!(
        effects
            .iter()
            .any(|e| matches!(e, Effect::Engine(EngineCommand::CloseImage(id)) if *id == images[0]))
    );
    assert_eq!(state.ui.current, Some(images[1]));
    let late = EngineEvent::ImageEncoded {
        image: images[0],
        timings: glamm_engine::protocol::EncodeTimings::default(),
    };
    event(&mut state, late);
    assert!(!state.session.encodings.contains_key(&images[0]), "too late");
}

#[test]
fn what_cannot_be_opened_is_said() {
    let (mut state, effects) = State::start(no_model(), Some("bad.png".into()));
    let Some(Effect::Load { image, .. }) = effects.last() else { panic!("{effects:?}") };
    let result = Err("bad.png is damaged: it ends early".to_owned());
    state.update(Action::Loader(LoaderEvent::Loaded { image: *image, result }), 0.0);
    assert!(state.picture().is_none());
    assert!(state.session.notices[0].text.contains("damaged"));
    let id = state.session.notices[0].id;
    state.update(Action::DismissNotice(id), 0.0);
    assert!(state.session.notices.is_empty());
}

#[test]
fn another_model_can_be_loaded() {
    let (mut state, image) = with_picture();
    event(&mut state, EngineEvent::LoadFailed(Arc::new(EngineError::NoModel)));
    assert!(matches!(state.session.model, ModelStatus::Failed(_)));
    let effects = state.update(Action::Command(Command::UseDemoModel), 0.0);
    let [
        Effect::Engine(EngineCommand::CloseImage(closed)),
        Effect::Engine(EngineCommand::LoadModel(spec)),
        last,
    ] = &effects[..]
    else {
        panic!("{effects:?}")
    };
    assert_eq!((*closed, &spec.source), (image, &ModelSource::Demo));
    assert!(matches!(last, Effect::Engine(EngineCommand::OpenImage { .. })), "encoded anew, once");
    event(&mut state, EngineEvent::LoadProgressed(LoadProgress::default()));
    let info = ModelInfo {
        name: "Demo model".to_owned(),
        device: "CPU".to_owned(),
        source: ModelSource::Demo,
        parameters: 1,
        has_random_weights: false,
        precision: KeptAs::Precision(Precision::F32),
        held: Held::Ram(0),
        context_length: 1,
        encoder_sides: EncoderSides { global: 1, grounding: 1 },
        load_time: Duration::ZERO,
    };
    let attention = Layer::Attention { layer: 2, head: 7 };
    state.ui.inspection.layer = Some(attention);
    event(&mut state, EngineEvent::ModelLoaded(info.clone()));
    let first = Layer::Attention { layer: 0, head: 0 };
    assert_eq!(state.ui.inspection.layer, Some(first), "this model may have fewer heads");
    assert_eq!(state.session.model, ModelStatus::Ready(info));
    assert_eq!(state.session.encodings[&image], Encoding::Waiting);
}

#[test]
fn panels_are_hidden_remembered_and_shown_again() {
    let (mut state, _) = with_picture();
    for command in [Command::ToggleSidePanel, Command::ToggleFilmstrip] {
        assert_eq!(command.is_chosen(&state), Some(true));
        state.update(Action::Command(command), 0.0);
        assert_eq!(command.is_chosen(&state), Some(false));
    }
    let kept = state.preferences();
    assert!(kept.hidden.side_panel && kept.hidden.filmstrip);
    let (mut next, _) = with_picture();
    next.remember(&kept);
    assert!(next.ui.shell.hidden.side_panel && next.ui.shell.hidden.filmstrip);
    next.update(Action::Command(Command::ShowMasks), 0.0);
    assert!(!next.ui.shell.hidden.side_panel, "whoever asks for a tab wants to see it");
}

#[test]
fn the_zoom_outlives_the_picture_that_is_closed() {
    let (mut state, first) = with_picture();
    let second = loaded(&state.update(Action::OpenFiles(vec!["b.png".into()]), 0.0));
    load(&mut state, second);
    assert_eq!(state.ui.current, Some(second));
    let free = Viewpoint::Free { scale: 3.0, center: pos2(25.0, 40.0) };
    state.update(Action::SetView(free), 0.0);
    state.update(Action::Command(Command::KeepZoom), 0.0);
    state.update(Action::ClosePicture(second), 0.0);
    assert_eq!((state.ui.current, state.ui.view(first)), (Some(first), free));
}

#[test]
fn small_copies_of_pictures_closed_long_ago_are_forgotten() {
    let (mut state, first) = with_picture();
    for name in 0..40 {
        let effects = state.update(Action::OpenFiles(vec![format!("{name}.png").into()]), 0.0);
        let image = loaded(&effects);
        load(&mut state, image);
        state.update(Action::ClosePicture(image), 0.0);
    }
    assert_eq!(
        state.session.thumbnails.len(),
        1 + 32,
        "those closed last, to be shown when closing is undone"
    );
    assert!(state.session.thumbnails.contains_key(&first));
}

#[test]
fn closing_is_undone_and_redone() {
    let (mut state, first) = with_picture();
    let second = open_beside(&mut state, first);
    let put_away = |effects: &[Effect]| {
        let closed = |e: &Effect| matches!(e, Effect::Engine(EngineCommand::CloseImage(id)) if *id == first);
        let forgotten = |e: &Effect| matches!(e, Effect::ForgetPicture(id) if *id == first);
        effects.iter().any(closed) && effects.iter().any(forgotten)
    };
    assert!(put_away(&state.update(Action::Command(Command::ClosePicture), 1.0)));
    assert_eq!(state.ui.current, Some(second));
    state.update(Action::Command(Command::Undo), 1.0);
    load(&mut state, first);
    assert_eq!((state.ui.current, state.document().pictures().len()), (Some(first), 2));
    state.update(Action::Command(Command::EditQuestion), 1.0);

    assert!(put_away(&state.update(Action::Command(Command::Redo), 1.0)));
    assert_eq!(state.ui.current, Some(second), "the one beside it");
    assert!(state.picture().is_some() && !state.session.pixels.contains_key(&first));

    // Where another one is shown, that stays.
    state.update(Action::Command(Command::Undo), 1.0);
    load(&mut state, first);
    state.update(Action::SelectPicture(second), 1.0);
    assert!(put_away(&state.update(Action::Command(Command::Redo), 1.0)));
    assert_eq!(state.ui.current, Some(second));
}

#[test]
fn the_same_file_is_opened_once() {
    let (mut state, first) = with_picture();
    let loads = |effects: &[Effect]| effects.iter().filter(|e| matches!(e, Effect::Load { .. })).count();
    let here = std::path::absolute("a.png").unwrap();
    assert_eq!(loads(&state.update(Action::OpenFiles(vec![here, "./a.png".into()]), 0.0)), 0);
    assert_eq!(state.ui.current, Some(first));
    let effects =
        state.update(Action::OpenFiles(vec!["b.png".into(), "c.png".into(), "./b.png".into()]), 0.0);
    assert_eq!((loads(&effects), state.session.arrivals.len()), (2, 2), "while it is loading, too");
    let third = state.session.arrivals[1].image;
    assert_eq!(loads(&state.update(Action::OpenFiles(vec!["c.png".into()]), 0.0)), 0);
    load(&mut state, third);
    assert_eq!(state.ui.current, Some(third), "it was asked for again");
}

#[test]
fn files_that_are_open_already_are_shown_only_where_the_first_is_one() {
    let (mut state, first) = with_picture();
    let second = open_beside(&mut state, first);
    for (names, shown) in [(["new.png", "b.png"], first), (["b.png", "a.png"], second)] {
        let effects = state.update(Action::OpenFiles(names.map(std::path::PathBuf::from).to_vec()), 0.0);
        assert_eq!(state.ui.current, Some(shown), "{names:?}");
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::Engine(_))), "{names:?}: {effects:?}");
    }
}

#[test]
fn notes_give_way_before_failures_do() {
    let (mut state, _) = with_picture();
    let session = &mut state.session;
    for (text, tone) in [
        ("a", Tone::Failure),
        ("b", Tone::Note),
        ("c", Tone::Failure),
        ("d", Tone::Note),
        ("e", Tone::Failure),
        ("f", Tone::Failure),
        ("g", Tone::Failure),
    ] {
        session.notify(text, tone);
    }
    let texts: Vec<&str> = session.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(texts, ["c", "e", "f", "g"]);
}

#[test]
fn tiles_go_with_the_pixels_that_are_let_go_of() {
    let (mut state, first) = with_picture();
    let effects = state.update(Action::OpenFiles(vec!["b.png".into()]), 1.0);
    let second = loaded(&effects);
    load(&mut state, second);
    state.update(Action::SelectPicture(second), 1.0);
    let mut effects = Vec::new();
    state.trim_pixels(100 * 50, &mut effects);
    assert!(!state.session.pixels.contains_key(&first) && state.session.pixels.contains_key(&second));
    let forgotten = |effect: &Effect| matches!(effect, Effect::ForgetPicture(image) if *image == first);
    assert_eq!(effects.iter().filter(|effect| forgotten(effect)).count(), 1, "{effects:?}");
}
