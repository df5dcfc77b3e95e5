//! Several windows on one file.

use super::recovery::RecoveryFolder;
use super::*;

/// The session as another window saves it that has opened it: its pictures have other names, and another order.
fn save_elsewhere(path: &Path) {
    let mut other = open(path).unwrap();
    other.pictures.reverse();
    let other = other.into_snapshot();
    assert!(save(path, &other, SaveOptions::default()).unwrap().missing.is_empty());
}

/// A session of pasted pictures, as it is in a window that has opened it.
fn pasted(path: &Path) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for id in 1..=3 {
        let picture = Picture::new(ImageId(id), format!("{id}"), Origin::Clipboard, SIZE);
        snapshot.document = snapshot.document.with_picture(Arc::new(picture));
        snapshot.pixels.insert(ImageId(id), pixels(id));
    }
    let saved = save(path, &snapshot, SaveOptions::default()).unwrap();
    Snapshot { saved_as: Some(path.to_owned()), saved_stamp: saved.stamp, stored: saved.stored, ..snapshot }
}

#[test]
fn no_picture_takes_the_place_of_another_where_a_file_was_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (folder.path().join("a.glamm"), folder.path().join("b.glamm"));
    let mut snapshot = pasted(&path);
    save_elsewhere(&path);
    save(&copy, &snapshot, SaveOptions::default()).unwrap();
    for (picture, id) in open(&copy).unwrap().pictures.iter().zip(1..) {
        assert_eq!(images::load_stored(picture.stored.as_ref().unwrap()).unwrap(), *pixels(id).rgb);
    }
    snapshot.pixels.clear();
    let saved = save(&copy, &snapshot, SaveOptions::default()).unwrap();
    assert_eq!(saved.missing.len(), 2, "{:?}", saved.missing);
    assert!(saved.missing[0].contains("another picture"), "{:?}", saved.missing);
    assert_eq!(saved.stored.keys().collect::<Vec<_>>(), [&ImageId(2)], "it is where it was");
}

#[test]
fn recovered_work_knows_whether_its_file_is_newer() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.glamm");
    let snapshot = pasted(&path);
    let mut kept = RecoveryFolder::create(folder.path()).unwrap();
    kept.keep(&snapshot).unwrap();
    let found = || open(kept.path()).unwrap();
    assert_eq!(found().saved_as, Some(SavedAs { path: path.clone(), is_newer: false }));
    assert_eq!((found().stamp, found().stamp), (snapshot.saved_stamp, open(&path).unwrap().stamp));
    let stored = found().pictures[0].stored.clone().unwrap();
    assert_eq!(images::load_stored(&stored).unwrap(), *pixels(1).rgb);
    save_elsewhere(&path);
    // Clocks of file systems are coarse.
    let times = fs::FileTimes::new().set_modified(std::time::SystemTime::UNIX_EPOCH);
    fs::File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
    assert_eq!(found().saved_as, Some(SavedAs { path: path.clone(), is_newer: true }));
    assert!(images::load_stored(&stored).is_err(), "another picture has its name now");
    fs::remove_file(&path).unwrap();
    assert_eq!(found().saved_as, Some(SavedAs { path, is_newer: false }), "nothing is in the way");
}
