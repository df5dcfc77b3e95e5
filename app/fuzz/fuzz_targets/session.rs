//! A session file: zip directory, JSON, masks; and the same bytes as the JSON of a picture.
#![no_main]

use std::io::{Cursor, Write};
use std::path::Path;

use glamm::storage::open_bytes;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    drop(open_bytes(Cursor::new(data.to_vec()), Path::new("x.glamm")));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    let session = br#"{"format":"glamm-session","schema":1,"pictures":["pictures/1"]}"#;
    let parts: [(&str, &[u8]); 2] = [("session.json", session), ("pictures/1/picture.json", data)];
    for (name, bytes) in parts {
        if zip.start_file(name, options).is_err() || zip.write_all(bytes).is_err() {
            return;
        }
    }
    if let Ok(bytes) = zip.finish() {
        drop(open_bytes(bytes, Path::new("x.glamm")));
    }
});
