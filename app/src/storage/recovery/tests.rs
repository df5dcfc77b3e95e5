//! What is kept against a sudden end: what is written when, and what of it is offered by the next start.

use super::super::abandoned::abandoned;
use super::super::tests::{document_of, snapshot, unfinished};
use super::*;
use crate::storage::{SaveOptions, open, save};

#[test]
fn what_was_kept_is_offered_after_a_sudden_end() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    for seed in 0..6 {
        // Another session each time: what was kept before must not shine through.
        let snapshot = snapshot(seed);
        folder.keep(&snapshot).unwrap();
        assert!(abandoned(root.path()).is_empty(), "it is held");
        let opened = open(folder.path()).unwrap();
        assert!(opened.missing.is_empty(), "{:?}", opened.missing);
        assert_eq!(document_of(&opened, &snapshot.document).unwrap(), snapshot.document);
        assert!(opened.pictures[2].stored.is_some(), "the pasted picture");
        assert!(opened.pictures[0].stored.is_some(), "its file is not there");
        assert!(opened.pictures[1].stored.is_none(), "a scene can be drawn again");
    }
    drop(folder);
    let found = abandoned(root.path());
    assert_eq!((found.len(), found[0].pictures), (1, 3));
    assert!(abandoned(root.path()).is_empty(), "offered to one program only");
    found[0].supersede();
    drop(found);
    assert!(abandoned(root.path()).is_empty());
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "and removed");
}

#[test]
fn only_what_changes_is_written() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    let mut snapshot = snapshot(4);
    folder.keep(&snapshot).unwrap();
    let files = |folder: &RecoveryFolder| {
        let picture = |id: u64| folder.path.join(format!("pictures/{id}/picture.json"));
        [1, 2, 3].map(|id| fs::metadata(picture(id)).unwrap().modified().unwrap())
    };
    let before = files(&folder);
    std::thread::sleep(std::time::Duration::from_millis(20));
    let (unfinished, count) = unfinished(&snapshot, ImageId(2));
    snapshot.unfinished = Some(unfinished);
    folder.keep(&snapshot).unwrap();
    let after = files(&folder);
    assert_eq!([0, 1, 2].map(|at| before[at] == after[at]), [true, false, true]);
    let kept = open(folder.path()).unwrap();
    assert_eq!(kept.pictures[1].picture.conversations[0].exchanges().len(), count + 1);
    snapshot.document = snapshot.document.without_picture(ImageId(2));
    folder.keep(&snapshot).unwrap();
    assert!(!folder.path.join("pictures/2").exists());
    assert_eq!(open(folder.path()).unwrap().pictures.len(), 2);
    folder.clear();
    assert!(!folder.path.join(SUPERSEDED).exists(), "what is kept now is offered");
    drop(folder);
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "there was nothing to lose");
}

#[test]
fn pictures_that_lie_in_a_session_file_are_found_there() {
    let root = tempfile::tempdir().unwrap();
    let session = root.path().join("a.glamm");
    let mut snapshot = snapshot(2);
    snapshot.stored = save(&session, &snapshot, SaveOptions::default()).unwrap().stored;
    let mut folder = RecoveryFolder::create(&root.path().join("recovery")).unwrap();
    folder.keep(&snapshot).unwrap();
    let opened = open(folder.path()).unwrap();
    for (picture, kept) in opened.pictures.iter().zip(snapshot.document.pictures()) {
        assert_eq!(picture.stored, snapshot.stored.get(&kept.id).cloned(), "not copied, but named");
    }
}

#[test]
fn a_copy_that_could_not_be_written_is_lacking_still() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    let snapshot = snapshot(6);
    folder.keep_work(&snapshot).unwrap();
    let (gone, pasted) = (ImageId(1), ImageId(3));
    assert_eq!(folder.lacking(&snapshot).unwrap().id, gone);
    let bytes = images::bytes(snapshot.document.picture(gone).unwrap(), &snapshot);
    folder.keep_image(&snapshot, gone, bytes).unwrap();
    assert_eq!(folder.lacking(&snapshot).unwrap().id, pasted);
    // Where the copy is to be, something else lies in its way.
    let place = folder.path.join("pictures/3/image.png");
    fs::create_dir(&place).unwrap();
    assert!(folder.keep(&snapshot).is_err());
    assert_eq!(folder.lacking(&snapshot).unwrap().id, pasted);
    fs::remove_dir(&place).unwrap();
    folder.keep(&snapshot).unwrap();
    assert!(folder.lacking(&snapshot).is_none() && !folder.has_lost_images(&snapshot));
    assert!(open(folder.path()).unwrap().pictures[2].stored.is_some());
}

#[test]
fn what_the_user_was_at_is_kept() {
    use crate::document::ExchangeId;
    use crate::storage::{EditedQuestion, GoingOn};
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    let (conversation, exchange) = (ConversationId(1), ExchangeId(7));
    let text = "Is [1]".to_owned();
    let going_on = GoingOn {
        edited: Some(EditedQuestion { picture: ImageId(2), conversation, exchange, text: text.clone() }),
        question_for_all: Some("What is".to_owned()),
        run: Some(("Where?".to_owned(), vec![ImageId(3), ImageId(1)])),
    };
    let mut snapshot = Snapshot { going_on, ..snapshot(8) };
    folder.keep(&snapshot).unwrap();
    let found = open(folder.path()).unwrap().going_on;
    assert_eq!(found.edited, Some(EditedQuestion { picture: 1, conversation, exchange, text }));
    assert_eq!(found.question_for_all.as_deref(), Some("What is"));
    assert_eq!(found.run, Some(("Where?".to_owned(), vec![2, 0])));
    snapshot.going_on = GoingOn::default();
    folder.keep(&snapshot).unwrap();
    assert!(open(folder.path()).unwrap().going_on.is_nothing());
}

#[cfg(unix)]
#[test]
fn pictures_whose_place_has_no_name_in_unicode_are_copied() {
    use std::os::unix::ffi::OsStringExt as _;
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    let mut snapshot = snapshot(3);
    let name = std::ffi::OsString::from_vec(b"/pictures/\xff.png".to_vec());
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    picture.origin = Origin::File(name.into());
    let others = snapshot.document.without_picture(ImageId(1));
    snapshot.document = others.with_picture(Arc::new(picture));
    folder.keep(&snapshot).unwrap();
    let opened = open(folder.path()).unwrap();
    assert!(opened.pictures[0].stored.is_some());
    let session = root.path().join("a.glamm");
    save(&session, &snapshot, SaveOptions { with_pictures: false }).unwrap();
    assert!(open(&session).unwrap().pictures[0].stored.is_some());
}

#[test]
fn a_good_end_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    folder.keep(&snapshot(1)).unwrap();
    folder.delete();
    assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
}

#[test]
fn the_first_edit_is_kept_before_the_other_pictures() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    let snapshot = snapshot(5);
    // Another picture cannot be written; the user is at the second one.
    fs::create_dir_all(folder.path.join("pictures/1")).unwrap();
    fs::write(folder.path.join("pictures/1/masks"), b"in the way").unwrap();
    assert!(folder.keep(&snapshot).is_err());
    drop(folder);
    let found = abandoned(root.path());
    assert_eq!((found.len(), found[0].pictures), (1, 3));
    let opened = open(found[0].path()).unwrap();
    let current = snapshot.document.picture(ImageId(2)).unwrap();
    assert_eq!((opened.pictures.len(), &opened.pictures[0].picture.name), (1, &current.name));
    assert_eq!(opened.missing.len(), 2, "{:?}", opened.missing);
}

#[test]
fn work_without_a_readable_index_is_offered() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(root.path()).unwrap();
    let snapshot = snapshot(7);
    folder.keep(&snapshot).unwrap();
    let path = folder.path.clone();
    drop(folder);
    let offered = || abandoned(root.path()).into_iter().map(|found| found.pictures).collect::<Vec<_>>();
    for index in [Some("{\"format\": \"glamm-sess"), Some(r#"{"format":"glamm-session","schema":99}"#), None]
    {
        match index {
            Some(text) => fs::write(path.join(SESSION_ENTRY), text).unwrap(),
            None => fs::remove_file(path.join(SESSION_ENTRY)).unwrap(),
        }
        assert_eq!(offered(), [3], "{index:?}");
    }
    let opened = open(&path).unwrap();
    assert_eq!(document_of(&opened, &snapshot.document), Some(snapshot.document));
    assert!(opened.missing[0].contains("order"), "{:?}", opened.missing);
    fs::remove_dir_all(path.join(PICTURES)).unwrap();
    assert!(offered().is_empty());
    assert!(!path.exists(), "there is nothing in it");
}

#[test]
fn pictures_whose_file_is_there_are_not_copied() {
    let root = tempfile::tempdir().unwrap();
    let mut folder = RecoveryFolder::create(&root.path().join("recovery")).unwrap();
    let mut snapshot = snapshot(3);
    let file = root.path().join("a.png");
    snapshot.pixels[&ImageId(1)].rgb.save(&file).unwrap();
    let mut picture = Picture::clone(snapshot.document.picture(ImageId(1)).unwrap());
    picture.origin = Origin::File(file);
    let others = snapshot.document.without_picture(ImageId(1));
    snapshot.document = others.with_picture(Arc::new(picture));
    folder.keep(&snapshot).unwrap();
    let opened = open(folder.path()).unwrap();
    let copied: Vec<bool> = opened.pictures.iter().map(|picture| picture.stored.is_some()).collect();
    assert_eq!(copied.iter().filter(|copied| **copied).count(), 1, "the pasted one alone");
}
