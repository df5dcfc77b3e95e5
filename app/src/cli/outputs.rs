//! Files that `ask` is to write. They are opened before the model runs, so that a wrong path costs
//! no waiting, and vanish again if nothing comes of it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use glamm_engine::vision::BinaryMask;
use image::{ExtendedColorType, ImageEncoder, ImageFormat, RgbImage};

use super::error::CliError;

/// An image file that can be written.
#[derive(Debug)]
pub(super) struct ImageOutput {
    path: PathBuf,
    format: ImageFormat,
    file: File,
    is_new: bool,
    written: bool,
}

impl ImageOutput {
    /// Opens the file for writing. What is in it stays until [`Self::write`].
    ///
    /// # Errors
    /// [`CliError::OutputFormat`] by the path's ending, [`CliError::Output`] where the system refuses.
    pub(super) fn reserve(path: &Path) -> Result<Self, CliError> {
        let format = ImageFormat::from_path(path)
            .ok()
            .filter(ImageFormat::writing_enabled)
            .ok_or_else(|| CliError::OutputFormat(path.to_owned()))?;
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(CliError::output(path))?;
        Ok(Self { path: path.to_owned(), format, file, is_new, written: false })
    }

    /// Puts the image in place of what was there.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(super) fn write(mut self, image: &RgbImage) -> Result<(), CliError> {
        // In memory first: some formats seek, and a failure must not leave half a file.
        let mut encoded = std::io::Cursor::new(Vec::new());
        image.write_to(&mut encoded, self.format).map_err(|error| self.failed(into_io(error)))?;
        self.file
            .set_len(0)
            .and_then(|()| self.file.write_all(encoded.get_ref()))
            .map_err(|error| self.failed(error))?;
        self.written = true;
        Ok(())
    }

    fn failed(&self, source: std::io::Error) -> CliError {
        CliError::Output { path: self.path.clone(), source }
    }
}

impl Drop for ImageOutput {
    fn drop(&mut self) {
        if self.is_new && !self.written {
            // Nobody can be told here, and an empty file does no harm.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A directory that masks can be written to.
#[derive(Debug)]
pub(super) struct MaskDirectory(PathBuf);

impl MaskDirectory {
    /// Makes the directory where it is not there, and tries to write to it.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(super) fn reserve(path: &Path) -> Result<Self, CliError> {
        fs::create_dir_all(path).map_err(CliError::output(path))?;
        let trial = path.join(format!(".glamm-{}", std::process::id()));
        File::create(&trial).and_then(|_| fs::remove_file(&trial)).map_err(CliError::output(path))?;
        Ok(Self(path.to_owned()))
    }

    /// Writes `mask-01.png` for the mask at place 0, and so on: 255 inside, 0 outside.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(super) fn write(&self, index: usize, mask: &BinaryMask) -> Result<(), CliError> {
        let path = self.0.join(format!("mask-{:02}.png", index + 1));
        let grey: Vec<u8> = mask.pixels().iter().map(|&inside| if inside { 255 } else { 0 }).collect();
        let file = File::create(&path).map_err(CliError::output(&path))?;
        let mut writer = BufWriter::new(file);
        image::codecs::png::PngEncoder::new(&mut writer)
            .write_image(&grey, mask.width(), mask.height(), ExtendedColorType::L8)
            .map_err(into_io)
            .and_then(|()| writer.flush())
            .map_err(CliError::output(&path))
    }
}

fn into_io(error: image::ImageError) -> std::io::Error {
    match error {
        image::ImageError::IoError(error) => error,
        other => std::io::Error::other(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("glamm-outputs-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        path
    }

    #[test]
    fn an_unused_reservation_leaves_no_trace() {
        let directory = directory("unused");
        let (fresh, old) = (directory.join("fresh.png"), directory.join("old.png"));
        fs::write(&old, b"precious").unwrap();
        drop(ImageOutput::reserve(&fresh).unwrap());
        drop(ImageOutput::reserve(&old).unwrap());
        assert!(!fresh.exists());
        assert_eq!(fs::read(&old).unwrap(), b"precious");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn a_longer_file_is_replaced_whole() {
        let directory = directory("replaced");
        let path = directory.join("out.png");
        fs::write(&path, vec![7; 100_000]).unwrap();
        let image = RgbImage::from_pixel(3, 2, image::Rgb([1, 2, 3]));
        ImageOutput::reserve(&path).unwrap().write(&image).unwrap();
        assert_eq!(image::open(&path).unwrap().to_rgb8(), image);
        assert!(fs::metadata(&path).unwrap().len() < 1000);
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn paths_that_cannot_be_written_are_refused() {
        let missing = Path::new("/nonexistent-directory/out.png");
        assert!(matches!(ImageOutput::reserve(missing), Err(CliError::Output { .. })));
        assert!(matches!(ImageOutput::reserve(Path::new("out.txt")), Err(CliError::OutputFormat(_))));
    }

    #[test]
    fn masks_are_written_as_black_and_white() {
        let directory = directory("masks");
        let mask = BinaryMask::from_fn(5, 4, |x, y| x > y);
        MaskDirectory::reserve(&directory).unwrap().write(0, &mask).unwrap();
        let read = image::open(directory.join("mask-01.png")).unwrap();
        assert_eq!(read.color(), image::ColorType::L8);
        let grey = read.to_luma8();
        assert!(grey.enumerate_pixels().all(|(x, y, p)| p.0[0] == if mask.contains(x, y) { 255 } else { 0 }));
        fs::remove_dir_all(directory).unwrap();
    }
}
