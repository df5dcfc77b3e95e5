//! Annotations of other programs: COCO and LabelMe.
#![no_main]

use std::sync::Arc;

use glamm::document::{Document, Origin, Picture};
use glamm::export::import::parse;
use glamm_engine::protocol::ImageId;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let picture = Picture::new(ImageId(1), "a.png".into(), Origin::Clipboard, (64, 48));
    let document = Document::default().with_picture(Arc::new(picture));
    if let Ok(imported) = parse(data, &document) {
        for picture in imported.pictures {
            for (mask, _) in picture.masks {
                assert_eq!(mask.size(), (64, 48));
            }
            for (bounds, _) in picture.boxes {
                assert!(bounds.x0 >= 0.0 && bounds.x1 <= 64.0 && bounds.y0 >= 0.0 && bounds.y1 <= 48.0);
            }
        }
    }
});
