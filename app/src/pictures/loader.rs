//! The threads that make pictures ready: decoding, drawing scenes, reading the clipboard, making
//! smaller copies. No frame of the window waits for any of it.

use std::sync::Arc;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use glamm_engine::protocol::ImageId;
use image::RgbImage;

use crate::document::Origin;
use crate::pictures::pixels::Pixels;
use crate::pictures::{Source, preview};
use crate::storage;

/// Pictures that may wait to be made ready.
const CAPACITY: usize = 128;
/// A huge picture takes one of them; small ones pass it by. More would take more memory at once.
const THREADS: usize = 2;

/// What was made of a picture.
#[derive(Debug)]
pub enum LoaderEvent {
    /// A small copy was found; the picture itself is about to be made ready.
    Previewed {
        /// Which one.
        image: ImageId,
        /// The copy.
        preview: Arc<egui::ColorImage>,
    },
    /// It is ready.
    Loaded {
        /// Which one.
        image: ImageId,
        /// Its pixels, or why there are none.
        result: Result<Arc<Pixels>, String>,
    },
}

/// The window's end of the loader threads, which end with it.
#[derive(Debug)]
pub(crate) struct Loader {
    requests: Sender<(ImageId, Source)>,
}

impl Loader {
    /// Starts the threads; `report` is told what they have made.
    ///
    /// # Errors
    /// Where the system has no thread to give.
    pub(crate) fn start(report: impl Fn(LoaderEvent) + Clone + Send + 'static) -> std::io::Result<Self> {
        let (requests, waiting) = bounded(CAPACITY);
        for number in 0..THREADS {
            let (waiting, report) = (waiting.clone(), report.clone());
            std::thread::Builder::new()
                .name(format!("picture-loader-{number}"))
                .spawn(move || work(&waiting, &report))?;
        }
        Ok(Self { requests })
    }

    /// Asks for a picture; refused at once where too many wait already.
    pub(crate) fn load(&self, image: ImageId, source: Source) -> Option<LoaderEvent> {
        let refused = match self.requests.try_send((image, source)) {
            Ok(()) => return None,
            Err(TrySendError::Full(_)) => "Too many pictures are being opened: try again in a moment",
            Err(TrySendError::Disconnected(_)) => "Pictures can no longer be opened: restart the program",
        };
        Some(LoaderEvent::Loaded { image, result: Err(refused.to_owned()) })
    }
}

fn work(waiting: &Receiver<(ImageId, Source)>, report: &impl Fn(LoaderEvent)) {
    while let Ok((image, source)) = waiting.recv() {
        if let Some(preview) = first_look(&source) {
            report(LoaderEvent::Previewed { image, preview });
        }
        let attempt =
            std::panic::AssertUnwindSafe(|| read(&source).map(|rgb| Arc::new(Pixels::new(Arc::new(rgb)))));
        // A decoder that panics on a damaged file must not take the thread with it.
        let result = std::panic::catch_unwind(attempt)
            .unwrap_or_else(|_| Err(format!("{} could not be decoded", name(&source))));
        report(LoaderEvent::Loaded { image, result });
    }
}

/// What there is to be seen of a picture before it is decoded.
fn first_look(source: &Source) -> Option<Arc<egui::ColorImage>> {
    let Source::File(path) = source else { return None };
    let attempt = std::panic::AssertUnwindSafe(|| preview::embedded(path));
    std::panic::catch_unwind(attempt).ok().flatten().map(Arc::new)
}

/// For a message.
fn name(source: &Source) -> String {
    match source {
        Source::File(path) => path.display().to_string(),
        Source::Scene(seed) => format!("Scene {seed}"),
        Source::Clipboard | Source::Pasted(_) => "The pasted picture".to_owned(),
        Source::Kept { origin, .. } => match origin {
            Origin::File(path) => path.display().to_string(),
            Origin::Scene { seed } => format!("Scene {seed}"),
            Origin::Clipboard => "The pasted picture".to_owned(),
        },
    }
}

fn read(source: &Source) -> Result<RgbImage, String> {
    match source {
        Source::File(path) => glamm_engine::vision::load_image(path).map_err(|error| error.to_string()),
        Source::Scene(seed) => Ok(glamm_engine::scenes::generate(*seed).image),
        Source::Clipboard => from_clipboard(),
        Source::Kept { stored, origin } => storage::load_kept(stored.as_ref(), origin),
        Source::Pasted(image) => {
            let [width, height] = image.size.map(|side| side as u32);
            let rgba = image.pixels.iter().map(egui::Color32::to_srgba_unmultiplied);
            from_rgba(width, height, rgba)
        }
    }
}

fn from_clipboard() -> Result<RgbImage, String> {
    let nothing = |error: arboard::Error| match error {
        arboard::Error::ContentNotAvailable => "There is no picture on the clipboard".to_owned(),
        other => format!("The clipboard could not be read: {other}"),
    };
    let mut clipboard = arboard::Clipboard::new().map_err(nothing)?;
    let image = clipboard.get_image().map_err(nothing)?;
    let rgba = image.bytes.as_chunks::<4>().0.iter().copied();
    from_rgba(image.width as u32, image.height as u32, rgba)
}

/// Over white, as pictures with transparency are seen in most programs.
fn from_rgba(width: u32, height: u32, rgba: impl Iterator<Item = [u8; 4]>) -> Result<RgbImage, String> {
    let over_white =
        |c: u8, a: u8| ((u16::from(c) * u16::from(a) + 255 * u16::from(255 - a) + 127) / 255) as u8;
    let bytes: Vec<u8> = rgba.flat_map(|[r, g, b, a]| [r, g, b].map(|c| over_white(c, a))).collect();
    RgbImage::from_raw(width, height, bytes)
        .filter(|image| image.width() > 0 && image.height() > 0)
        .ok_or_else(|| "The pasted picture is empty or damaged".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_is_seen_over_white() {
        let pixels = [[0, 0, 0, 255], [10, 20, 30, 0], [100, 0, 0, 51]];
        let found = from_rgba(3, 1, pixels.into_iter()).map(RgbImage::into_raw);
        assert_eq!(found, Ok(vec![0, 0, 0, 255, 255, 255, 224, 204, 204]));
        assert!(from_rgba(2, 1, pixels.into_iter().take(1)).is_err());
        assert!(from_rgba(0, 0, std::iter::empty()).is_err());
    }
}
