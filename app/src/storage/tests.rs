//! What is kept comes back, and what is no session does no harm.

mod documents;
mod windows;

use std::collections::HashMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;

use glamm_engine::protocol::{ImageId, Sampling};
use glamm_engine::vision::PixelBox;

use documents::{SIZE, pixels};
pub(super) use documents::{document_of, snapshot, unfinished};

use super::schema::SCHEMA;
use super::*;
use crate::document::{ConversationId, Document, Origin, Picture};
use crate::pictures::pixels::Pixels;

#[test]
fn whatever_is_in_a_document_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    for seed in 0..40 {
        let snapshot = snapshot(seed);
        let saved = save(&path, &snapshot, SaveOptions::default()).unwrap();
        assert_eq!(saved.missing, [] as [String; 0]);
        let opened = open(&path).unwrap();
        assert_eq!(opened.missing, [] as [String; 0], "{seed}");
        assert_eq!(document_of(&opened, &snapshot.document).unwrap(), snapshot.document, "{seed}");
        assert_eq!(opened.pictures[2].conversation, Some(ConversationId(2)));
        assert_eq!(opened.current, Some(1));
        assert_eq!(opened.pictures[0].draft, "What is [1]");
        for (picture, id) in opened.pictures.iter().zip(1..) {
            let image = images::load_stored(picture.stored.as_ref().unwrap()).unwrap();
            assert_eq!(image, *pixels(id).rgb);
        }
    }
}

#[test]
fn a_session_saved_again_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.glamm"), folder.path().join("b.glamm"));
    let mut snapshot = snapshot(3);
    snapshot.stored = save(&first, &snapshot, SaveOptions::default()).unwrap().stored;
    snapshot.pixels.clear();
    let saved = save(&second, &snapshot, SaveOptions::default()).unwrap();
    assert!(saved.missing.is_empty(), "pictures are taken from the first file");
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    save(&second, &snapshot, SaveOptions { with_pictures: false }).unwrap();
    let without = open(&second).unwrap();
    let kept: Vec<bool> = without.pictures.iter().map(|picture| picture.stored.is_some()).collect();
    assert_eq!(kept, [true, false, true], "its file is not here; what was pasted is nowhere else");
}

#[test]
fn the_file_a_picture_came_from_is_kept_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let (jpeg, session) = (folder.path().join("a.jpg"), folder.path().join("a.glamm"));
    pixels(1).rgb.save(&jpeg).unwrap();
    let rgb = Arc::new(glamm_engine::vision::load_image(&jpeg).unwrap());
    let picture = Picture::new(ImageId(1), "a.jpg".into(), Origin::File(jpeg.clone()), SIZE);
    let mut snapshot = Snapshot {
        document: Document::default().with_picture(Arc::new(picture)),
        pixels: HashMap::from([(ImageId(1), Arc::new(Pixels::new(rgb)))]),
        ..Snapshot::default()
    };
    let saved = save(&session, &snapshot, SaveOptions::default()).unwrap();
    assert!(saved.stored[&ImageId(1)].part.ends_with("/image.jpg"));
    let whole = fs::read(&session).unwrap();
    let before = fs::read(&jpeg).unwrap();
    assert!(whole.windows(before.len()).any(|window| window == before), "byte by byte");
    // Another picture lies there now: what the window shows counts.
    pixels(3).rgb.save(&jpeg).unwrap();
    save(&session, &snapshot, SaveOptions::default()).unwrap();
    let stored = open(&session).unwrap().pictures[0].stored.clone().unwrap();
    assert_eq!(images::load_stored(&stored).unwrap(), *snapshot.pixels[&ImageId(1)].rgb);
    // Nothing is left of it.
    snapshot.pixels.clear();
    fs::remove_file(&jpeg).unwrap();
    let saved = save(&session, &snapshot, SaveOptions::default()).unwrap();
    assert_eq!(saved.missing.len(), 1);
}

#[test]
fn a_session_does_without_pictures_only_where_their_files_show_them_still() {
    let folder = tempfile::tempdir().unwrap();
    let (file, session) = (folder.path().join("a.png"), folder.path().join("a.glamm"));
    let picture = Picture::new(ImageId(1), "a.png".into(), Origin::File(file.clone()), SIZE);
    let mut snapshot = Snapshot {
        document: Document::default().with_picture(Arc::new(picture)),
        pixels: HashMap::from([(ImageId(1), pixels(1))]),
        ..Snapshot::default()
    };
    let copy = |snapshot: &Snapshot| {
        let options = SaveOptions { with_pictures: false };
        let saved = save(&session, snapshot, options).unwrap();
        assert!(saved.missing.is_empty(), "{:?}", saved.missing);
        saved.stored
    };
    pixels(1).rgb.save(&file).unwrap();
    assert!(copy(&snapshot).is_empty());
    // Another picture of the same name and size lies there now.
    pixels(3).rgb.save(&file).unwrap();
    snapshot.stored = copy(&snapshot);
    let kept = |snapshot: &Snapshot| images::load_stored(&snapshot.stored[&ImageId(1)]).unwrap();
    assert_eq!(kept(&snapshot), *pixels(1).rgb);
    // Its copy is all there is of it.
    snapshot.pixels.clear();
    snapshot.stored = copy(&snapshot);
    assert_eq!(kept(&snapshot), *pixels(1).rgb);
    // The file is again what the copy was made of.
    let mut container = container::Container::open(&session).unwrap();
    fs::write(&file, container.read(&snapshot.stored[&ImageId(1)].part, u64::MAX).unwrap()).unwrap();
    assert!(copy(&snapshot).is_empty());
}

#[test]
fn closed_pictures_outlive_the_file_that_they_lay_in() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (folder.path().join("a.glamm"), folder.path().join("b.glamm"));
    let mut snapshot = snapshot(3);
    snapshot.stored = save(&first, &snapshot, SaveOptions::default()).unwrap().stored;
    snapshot.pixels.clear();
    snapshot.closed = snapshot.document.pictures().to_vec();
    for id in 1..=3 {
        snapshot.document = snapshot.document.without_picture(ImageId(id));
    }
    let saved = save(&second, &snapshot, SaveOptions::default()).unwrap();
    assert!(saved.closed.is_empty(), "they lie in the first file still");
    let saved = save(&first, &snapshot, SaveOptions::default()).unwrap();
    let mut rescued: Vec<_> = saved.closed.iter().map(|(id, found)| (id.0, (*found.rgb).clone())).collect();
    rescued.sort_by_key(|(id, _)| *id);
    // A scene can be drawn again.
    assert_eq!(rescued, [1, 3].map(|id| (id, (*pixels(id).rgb).clone())));
}

#[test]
fn the_reply_on_its_way_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    let mut snapshot = snapshot(5);
    let (reply, count) = unfinished(&snapshot, ImageId(2));
    snapshot.unfinished = Some(reply.clone());
    save(&path, &snapshot, SaveOptions::default()).unwrap();
    let opened = open(&path).unwrap();
    let conversation = &opened.pictures[1].picture.conversations[0];
    assert_eq!(conversation.exchanges().len(), count + 1);
    assert_eq!(conversation.path().next_back().unwrap().reply, reply.exchange.reply, "it is shown");
}

#[test]
fn a_torn_file_gives_what_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    let snapshot = snapshot(7);
    save(&path, &snapshot, SaveOptions::default()).unwrap();
    let whole = fs::read(&path).unwrap();
    let mut complete = 0;
    for end in (0..whole.len()).step_by(97) {
        let Ok(opened) = open_bytes(Cursor::new(whole[..end].to_vec()), &path) else { continue };
        assert!(!opened.missing.is_empty(), "{end}: what is missing is said");
        for (found, picture) in opened.pictures.iter().zip(snapshot.document.pictures()) {
            let texts = |picture: &Picture| {
                let all = picture.conversations.iter().flat_map(|conversation| conversation.exchanges());
                all.map(|exchange| exchange.reply.text.clone()).collect::<Vec<_>>()
            };
            if found.picture.name == picture.name && texts(&found.picture) == texts(picture) {
                complete += 1;
            }
        }
    }
    assert!(complete > 20, "conversations outlive the end of the file: {complete}");
}

#[test]
fn damage_anywhere_is_an_error_or_said_or_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    let snapshot = snapshot(11);
    save(&path, &snapshot, SaveOptions { with_pictures: false }).unwrap();
    let whole = fs::read(&path).unwrap();
    for at in (0..whole.len()).step_by(13) {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        let Ok(opened) = open_bytes(Cursor::new(bytes), &path) else { continue };
        if opened.missing.is_empty() {
            assert_eq!(document_of(&opened, &snapshot.document).unwrap(), snapshot.document, "{at}");
        }
    }
}

/// A session of one picture whose JSON is given.
fn hostile(picture: &str) -> Result<Opened, StorageError> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let session = r#"{"format":"glamm-session","schema":1,"pictures":["pictures/1"]}"#;
    for (name, text) in [("session.json", session), ("pictures/1/picture.json", picture)] {
        zip.start_file(name, options).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    open_bytes(zip.finish().unwrap(), Path::new("hostile.glamm"))
}

#[test]
fn hostile_json_is_refused_or_cut_to_size() {
    let with = |more: &str| {
        hostile(&format!(r#"{{"name":"x","origin":{{"kind":"clipboard"}},"width":60,"height":40{more}}}"#))
    };
    assert_eq!(with("").unwrap().pictures.len(), 1);
    let regions = |boxes: &str| {
        let opened = with(&format!(r#","regions":[{{"tag":1,"box":{boxes}}}]"#))?;
        Ok::<_, StorageError>(opened.pictures[0].picture.regions.clone())
    };
    assert_eq!(
        regions("[1,2,3e30,4e30]").unwrap()[0].bounds,
        PixelBox { x0: 1.0, y0: 2.0, x1: 60.0, y1: 40.0 }
    );
    for nowhere in ["[1e38,2,2e38,4]", "[5,5,5,9]", "[70,0,90,9]", "[9,9,1,1]"] {
        assert!(regions(nowhere).unwrap().is_empty(), "{nowhere}");
    }
    assert!(["[null,2,3,4]", "[1,2,3]", "[1e39,2,3,4]"].iter().all(|boxes| regions(boxes).is_err()));
    for size in
        ["0,\"height\":40", "4294967295,\"height\":4294967295", "1048577,\"height\":1", "-1,\"height\":1"]
    {
        let json = format!(r#"{{"name":"x","origin":{{"kind":"clipboard"}},"width":{size}}}"#);
        assert!(hostile(&json).is_err(), "{size}");
    }
    let exchange = |groundings: &str| {
        with(&format!(
            r#","conversations":[{{"id":1,"max_new_tokens":0,"sampling":{{"kind":"random","temperature":-1,"seed":1}},
               "exchanges":[{{"id":1,"question":"q","text":"abc","raw":"abc","finish_reason":"cancelled",
               "first_hue":18446744073709551615,"groundings":[{groundings}]}},
               {{"id":1,"question":"","text":"","raw":"","finish_reason":"cancelled"}},
               {{"id":4,"parent":9,"question":"","text":"","raw":"","finish_reason":"cancelled"}}]}}]"#
        ))
    };
    let opened = exchange(r#"{"span":[9,2]},{"span":[1,18446744073709551615]}"#).unwrap();
    let conversation = &opened.pictures[0].picture.conversations[0];
    assert_eq!(conversation.exchanges().len(), 1, "twice the same number, and one that follows nothing");
    assert_eq!(
        (conversation.settings.max_new_tokens, &conversation.settings.sampling),
        (1, &Sampling::Greedy)
    );
    assert_eq!(opened.missing.len(), 1);
    let found = &conversation.exchanges()[0];
    let spans: Vec<_> = found.reply.groundings.iter().map(|g| g.span.clone()).collect();
    assert_eq!(spans, [3..3, 1..3]);
    assert!(found.first_hue.checked_add(1 << 20).is_some(), "colours can go on");
    for mask in [
        r#"{"candidates":[{"logits":"../../../etc/passwd","side":8,"frame":32,"content":[32,21],"predicted_iou":1}]}"#,
        r#"{"candidates":[{"logits":"m","side":18446744073709551615,"frame":32,"content":[32,21],"predicted_iou":1}]}"#,
        r#"{"candidates":[{"logits":"picture.json","side":8,"frame":32,"content":[32,21],"predicted_iou":1}]}"#,
    ] {
        let opened = exchange(&format!(r#"{{"span":[0,1],"mask":{mask}}}"#)).unwrap();
        assert_eq!(opened.pictures[0].picture.conversations[0].exchanges()[0].masks, [None]);
        assert_eq!(opened.missing.len(), 2, "{mask}");
    }
    assert!(hostile(&"[".repeat(200_000)).is_err());
}

#[test]
fn there_are_numbers_after_those_of_a_file() {
    let conversations = |text: &str| {
        let picture = r#"{"name":"x","origin":{"kind":"clipboard"},"width":60,"height":40,"conversations":["#;
        hostile(&format!("{picture}{text}]}}")).unwrap()
    };
    let opened = conversations(
        r#"{"id":1,"sampling":{"kind":"greedy"},"max_new_tokens":9,"exchanges":[
            {"id":4294967295,"question":"","text":"","raw":"","finish_reason":"cancelled"}]},
           {"id":4294967295,"sampling":{"kind":"greedy"},"max_new_tokens":9,"exchanges":[]}"#,
    );
    let picture = &opened.pictures[0].picture;
    assert_eq!(picture.conversations.len(), 1);
    assert!(picture.conversations[0].is_empty());
    assert_eq!(picture.free_conversation(), ConversationId(2));
    assert_eq!(opened.missing.len(), 2, "{:?}", opened.missing);
}

#[test]
fn newer_files_are_told_from_damaged_ones() {
    use std::io::Write as _;
    let write = |json: String| {
        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        zip.start_file("session.json", zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(json.as_bytes()).unwrap();
        open_bytes(zip.finish().unwrap(), Path::new("a.glamm"))
    };
    let newer = write(format!(r#"{{"format":"glamm-session","schema":{},"new":1}}"#, SCHEMA + 1));
    assert!(matches!(newer, Err(StorageError::Newer { found, .. }) if found == SCHEMA + 1), "{newer:?}");
    let other = write(r#"{"format":"other","schema":1,"pictures":[]}"#.to_owned());
    assert!(matches!(other, Err(StorageError::NoSession { .. })), "{other:?}");
    let more = write(r#"{"format":"glamm-session","schema":1,"pictures":[],"later":true}"#.to_owned());
    assert_eq!(more.unwrap(), Opened::default(), "keys that are not known are passed over");
}

#[test]
fn a_failed_save_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("not/there.glamm");
    let error = save(&nowhere, &snapshot(1), SaveOptions::default()).unwrap_err();
    assert!(error.to_string().contains("there.glamm"), "{error}");
}

#[test]
fn long_conversations_are_saved_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    let picture = Picture::new(ImageId(1), "a".to_owned(), Origin::Scene { seed: 1 }, SIZE);
    let draft = "a long question ".repeat(9 << 20);
    let snapshot = Snapshot {
        document: Document::default().with_picture(Arc::new(picture)),
        drafts: HashMap::from([(ImageId(1), draft.clone())]),
        ..Snapshot::default()
    };
    save(&path, &snapshot, SaveOptions { with_pictures: false }).unwrap();
    let length = fs::metadata(&path).unwrap().len();
    assert!(length < draft.len() as u64 + 2000, "{length}: nothing but what it says");
    let opened = open(&path).unwrap();
    assert!(opened.missing.is_empty(), "{:?}", opened.missing);
    assert!(opened.pictures[0].draft == draft);
}
