//! Wrong sizes, wrong bytes, wrong names, wrong places, and a disk without room.

use super::*;

#[test]
fn a_file_of_another_size_is_refused() {
    for fault in [Fault::Longer(10), Fault::Longer(1_000_000)] {
        let world = World::new();
        let error = fails_with(&world, Stage::Contents, WEIGHTS, fault);
        assert!(matches!(error, HubError::Size { expected: 3_000_000, .. }), "{error}");
        assert!(!world.incomplete().exists());
        world.pull().unwrap();
        world.assert_whole();
    }
    for announced in [1, 2_999_999, 3_000_001] {
        let world = World::new();
        let error = fails_with(&world, Stage::Describe, WEIGHTS, Fault::Announce(announced));
        assert!(matches!(error, HubError::Size { found: 3_000_000, .. }), "{error}");
        world.pull().unwrap();
        world.assert_whole();
    }
}

#[test]
fn wrong_bytes_are_refused() {
    for name in [CONFIG, WEIGHTS] {
        let world = World::new();
        let error = fails_with(&world, Stage::Contents, name, Fault::WrongBytes);
        assert!(matches!(&error, HubError::Checksum { file, .. } if file == name), "{error}");
        assert!(!world.incomplete().exists());
        world.pull().unwrap();
        world.assert_whole();
    }
}

#[test]
fn wrong_bytes_from_another_time_are_fetched_afresh() {
    let world = World::new();
    fs::create_dir_all(world.incomplete().parent().unwrap()).unwrap();
    for (length, requests) in [(1_000_000, 2), (3_000_000, 1), (3_000_001, 1)] {
        let _ = fs::remove_dir_all(world.folder().join("snapshots"));
        let _ = fs::remove_file(world.folder().join("blobs").join(etag(WEIGHTS, &weights())));
        fs::write(world.incomplete(), vec![7; length]).unwrap();
        world.hub.seen();
        world.pull().unwrap();
        world.assert_whole();
        assert_eq!(world.hub.seen_of(Stage::Contents, WEIGHTS).len(), requests, "{length} bytes");
    }
}

#[test]
fn redirects_lead_to_safe_places_only() {
    let elsewhere = |target: &str| {
        let world = World::new();
        fails_with(&world, Stage::Fetch, WEIGHTS, Fault::Elsewhere(target.to_owned()))
    };
    for insecure in ["http://storage.example/x?signature=secret", "http://10.0.0.1/x"] {
        let error = elsewhere(insecure);
        assert!(matches!(error, HubError::InsecureRedirect { .. }), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    for nonsense in ["ftp://storage.example/x", "nowhere", "file:///etc/passwd", "http://a:b@127.0.0.1/"] {
        let error = elsewhere(nonsense);
        assert!(matches!(error, HubError::Answer { .. }), "{error}");
    }
    let circle = elsewhere(&format!("/{ID}/resolve/{COMMIT}/{WEIGHTS}"));
    assert!(circle.to_string().contains("circles"), "{circle}");
}

#[test]
fn hostile_lists_are_refused() {
    let list = |sha: &str, name: &str| format!(r#"{{"sha":"{sha}","siblings":[{{"rfilename":{name:?}}}]}}"#);
    for name in ["../../evil", "/etc/passwd", "a\\..\\b", "C:x", "a/../../b", "", "nul"] {
        let world = World::new();
        let error = fails_with(&world, Stage::List, ID, Fault::Says(list(COMMIT, name)));
        assert!(matches!(error, HubError::UnsafeName { .. }), "{name}: {error}");
        assert!(!world.scratch.path().join("hub").exists(), "nothing was begun");
    }
    // Beside files that are wanted, it does not matter.
    let world = World::new();
    let name = |name: &str| format!(r#"{{"rfilename":{name:?}}}"#);
    let names = [CONFIG, "../../evil", "a/nul", WEIGHTS].map(name).join(",");
    world.hub.plan(Stage::List, ID, 1, Fault::Says(format!(r#"{{"sha":"{COMMIT}","siblings":[{names}]}}"#)));
    world.pull().unwrap();
    world.assert_whole();
    for text in ["", "null", "<html>", "{}", &list("../..", CONFIG), &list("main", CONFIG)] {
        let world = World::new();
        let error = fails_with(&world, Stage::List, ID, Fault::Says(text.to_owned()));
        assert!(matches!(error, HubError::Answer { .. }), "{text}: {error}");
    }
}

#[test]
fn a_description_without_a_checksum_is_refused() {
    let world = World::new();
    let error = fails_with(&world, Stage::Describe, WEIGHTS, Fault::Status(200, ""));
    assert!(error.to_string().contains("checksum"), "{error}");
    let odd = "ETag: \"../../x\"\r\n";
    let error = fails_with(&world, Stage::Describe, WEIGHTS, Fault::Status(200, odd));
    assert!(error.to_string().contains("checksum"), "{error}");
}

#[test]
fn room_on_the_disk_is_made_sure_of_first() {
    let world = World::new();
    let error = fails_with(&world, Stage::Describe, WEIGHTS, Fault::Announce(1 << 60));
    assert!(matches!(error, HubError::NoSpace { needed, .. } if needed > 1 << 60), "{error}");
    assert!(!world.scratch.path().join("hub").exists(), "nothing was begun");
}

/// The kernel's own "no space left on device", without a disk to fill.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told() {
    let world = World::new();
    fs::create_dir_all(world.incomplete().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", world.incomplete()).unwrap();
    let error = world.pull().unwrap_err();
    assert!(matches!(error, HubError::DiskFull { .. }), "{error}");
    world.assert_intact();
    fs::remove_file(world.incomplete()).unwrap();
    world.pull().unwrap();
    world.assert_whole();
}

/// A disk that runs full on the way. Where `GLAMM_SMALL_DISK` names a directory on a disk of its own
/// of a few megabytes (a tmpfs will do: `mount -t tmpfs -o size=6m tmpfs DIR`).
#[test]
#[expect(clippy::print_stderr, reason = "says why it was skipped")]
fn a_disk_that_runs_full_on_the_way() {
    let Some(disk) = std::env::var_os("GLAMM_SMALL_DISK").map(PathBuf::from) else {
        eprintln!("skipped: GLAMM_SMALL_DISK names no small disk");
        return;
    };
    let mut world = World::new();
    world.settings.cache = HubCache::at(disk.join("hub"));
    let ballast = disk.join("ballast");
    let fill = {
        let ballast = ballast.clone();
        move || {
            // Until nothing more fits.
            let mut file = fs::File::create(&ballast).unwrap();
            while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
        }
    };
    world.hub.plan(Stage::Contents, WEIGHTS, 1, Fault::Then(1_000_000, std::sync::Arc::new(fill)));
    let error = world.pull().unwrap_err();
    assert!(matches!(error, HubError::DiskFull { .. }), "{error}");
    world.assert_intact();
    let kept = fs::read(world.incomplete()).unwrap();
    assert!(weights().starts_with(&kept), "what is kept is a beginning of the file");
    fs::remove_file(&ballast).unwrap();
    world.pull().unwrap();
    world.assert_whole();
    fs::remove_dir_all(disk.join("hub")).unwrap();
}
