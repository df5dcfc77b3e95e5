//! Pictures of the document that are not where they were.

use std::path::Path;

use super::*;
use crate::action::KeepingAction;
use crate::document::Origin;
use crate::pictures::Source;
use crate::state::keeping::PathPurpose;
use crate::storage::{StorageEvent, StorageJob};

/// Two pictures, of which neither can be had any more.
fn without_pixels() -> (State, [ImageId; 2]) {
    let (mut state, first) = with_picture();
    let effects = state.update(Action::OpenFiles(vec!["b.png".into()]), 0.0);
    let second = loaded(&effects);
    load(&mut state, second);
    state.session.pixels.clear();
    for image in [first, second] {
        state.update(Action::SelectPicture(image), 1.0);
        cannot_be_had(&mut state, image);
    }
    (state, [first, second])
}

fn cannot_be_had(state: &mut State, image: ImageId) {
    state.update(
        Action::Loader(LoaderEvent::Loaded { image, result: Err("there is no such file".to_owned()) }),
        1.0,
    );
}

#[test]
fn one_message_lists_what_is_missing() {
    let (mut state, [first, _]) = without_pixels();
    let notice = state.session.notices.last().unwrap();
    assert_eq!((notice.text.as_str(), notice.list.len()), ("2 pictures are missing", 2));
    assert!(notice.list[0].contains("a.png") && notice.list[1].contains("b.png"));
    state.update(Action::SelectPicture(first), 1.0);
    cannot_be_had(&mut state, first);
    assert_eq!((state.session.notices.len(), state.session.notices[0].list.len()), (1, 2), "tried in vain");
}

#[test]
fn a_picture_is_tried_again() {
    let (mut state, [_, second]) = without_pixels();
    let effects = state.update(Action::SelectPicture(second), 1.0);
    assert_eq!(loaded(&effects), second);
    load(&mut state, second);
    assert!(!state.session.unavailable.contains_key(&second) && state.why_not_ask().is_none());
}

#[test]
fn a_picture_is_found_elsewhere() {
    let (mut state, [_, second]) = without_pixels();
    let effects = state.update(Action::Keeping(KeepingAction::Find(second)), 1.0);
    let Some(Effect::AskForPath(question)) = effects.first() else { panic!("{effects:?}") };
    assert_eq!(question.purpose, PathPurpose::FindPicture(second));
    assert!(question.suggested.as_deref().is_some_and(|path| path.ends_with("b.png")));
    state.update(Action::DialogClosed, 1.0);

    let path = std::path::absolute(Path::new("elsewhere/c.png")).unwrap();
    let found = KeepingAction::PathChosen(question.purpose, vec![path.clone()]);
    let effects = state.update(Action::Keeping(found), 1.0);
    let from = |effect: &Effect| match effect {
        Effect::Load { source: Source::Kept { origin, .. }, .. } => Some(origin.clone()),
        _ => None,
    };
    assert_eq!(effects.iter().find_map(from), Some(Origin::File(path.clone())));
    load(&mut state, second);
    let picture = state.picture().unwrap();
    assert_eq!((picture.origin.clone(), picture.name.as_str()), (Origin::File(path), "b.png"));
    assert!(state.history.undoable().is_none(), "there is no way back to where it is not");
}

#[test]
fn others_that_were_moved_along_are_found_too() {
    let (mut state, [first, second]) = without_pixels();
    let now = |name: &str| std::path::absolute(Path::new("elsewhere").join(name)).unwrap();
    let found = KeepingAction::PathChosen(PathPurpose::FindPicture(second), vec![now("b.png")]);
    let effects = state.update(Action::Keeping(found), 1.0);
    let looked_for = effects.into_iter().find_map(|effect| match effect {
        Effect::Storage(StorageJob::LookFor(places)) => Some(places),
        _ => None,
    });
    let expected = vec![(first, now("a.png"))];
    assert_eq!(looked_for, Some(expected.clone()));
    load(&mut state, second);
    let effects = state.update(Action::Keeping(KeepingAction::Storage(StorageEvent::Found(expected))), 1.0);
    assert_eq!(loaded(&effects), first);
    assert_eq!(state.document().picture(first).unwrap().origin, Origin::File(now("a.png")));
    assert!(state.session.unavailable.is_empty());
    assert_eq!(state.session.notices.len(), 1);
    load(&mut state, first);
    assert!(state.session.notices.is_empty(), "nothing is missing any more");
}
