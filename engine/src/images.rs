//! The open images of the engine thread, and what is cached for each: its encodings and the
//! language model's context. Bounded by memory: what was used longest ago goes first, contexts
//! (cheap to compute again) before encodings (dear). Pixels stay until the image is closed.

use std::sync::Arc;

use image::RgbImage;

use crate::protocol::ImageId;

/// The most memory for what is cached for all images, in bytes.
const LARGEST_BUDGET: u64 = 2 << 30;

/// The memory for what is cached for all images, in bytes, where so many are `free` once the model is loaded and
/// computing takes so many of these. Nobody may know what is free.
pub(crate) fn cache_budget(free: Option<u64>, computing: u64) -> usize {
    free.map_or(LARGEST_BUDGET, |free| free.saturating_sub(computing).min(LARGEST_BUDGET)) as usize
}

/// What is cached for one image.
pub(crate) trait ImageCache {
    /// All the memory it takes.
    fn bytes(&self) -> usize;
    /// Whether masks can be made from the encodings, not words alone.
    fn is_complete(&self) -> bool;
    /// Frees the language model's context; the encodings stay.
    fn drop_context(&mut self);
}

/// An open image.
#[derive(Debug)]
pub(crate) struct OpenImage<C> {
    id: ImageId,
    /// RGB, as opened.
    pub(crate) pixels: Arc<RgbImage>,
    /// Its encodings and context, if they are cached.
    pub(crate) cache: Option<C>,
    /// Whether its encodings are to be made before a job needs them.
    is_expected: bool,
}

/// All open images, the most recently used last.
#[derive(Debug)]
pub(crate) struct OpenImages<C> {
    images: Vec<OpenImage<C>>,
}

impl<C: ImageCache> OpenImages<C> {
    /// None open.
    pub(crate) fn new() -> Self {
        Self { images: Vec::new() }
    }

    /// Takes an image, in place of one of the same name.
    pub(crate) fn open(&mut self, id: ImageId, pixels: Arc<RgbImage>) {
        self.close(id);
        self.images.push(OpenImage { id, pixels, cache: None, is_expected: true });
    }

    /// Forgets an image and all that is cached for it.
    pub(crate) fn close(&mut self, id: ImageId) {
        self.images.retain(|image| image.id != id);
    }

    /// The image of this name, which thereby becomes the most recently used one.
    pub(crate) fn touch(&mut self, id: ImageId) -> Option<&mut OpenImage<C>> {
        let place = self.images.iter().position(|image| image.id == id)?;
        let image = self.images.remove(place);
        self.images.push(image);
        self.images.last_mut()
    }

    /// Has the most recently used image encoded before a job needs it: most likely it is the next one to
    /// be asked about.
    pub(crate) fn expect_latest(&mut self) {
        if let Some(image) = self.images.last_mut() {
            image.is_expected = true;
        }
    }

    /// The most recently used image that is to be encoded before a job needs it.
    pub(crate) fn expected(&self) -> Option<ImageId> {
        self.images.iter().rev().find(|image| image.is_expected).map(|image| image.id)
    }

    /// The image is encoded, or cannot be.
    pub(crate) fn settle(&mut self, id: ImageId) {
        if let Some(image) = self.images.iter_mut().find(|image| image.id == id) {
            image.is_expected = false;
        }
    }

    /// Forgets everything cached: it belongs to a model that is no more, or its memory is needed. Returns how many
    /// bytes that were.
    pub(crate) fn forget_caches(&mut self) -> usize {
        self.images.iter_mut().filter_map(|image| image.cache.take()).map(|cache| cache.bytes()).sum()
    }

    /// Frees caches, oldest use first, until no more than `budget` bytes are held. The most
    /// recently used image keeps its own.
    pub(crate) fn trim(&mut self, budget: usize) {
        let mut held: usize = self.images.iter().filter_map(|image| image.cache.as_ref()).map(C::bytes).sum();
        let Some((_, older)) = self.images.split_last_mut() else { return };
        for cache in older.iter_mut().filter_map(|image| image.cache.as_mut()) {
            if held <= budget {
                return;
            }
            let before = cache.bytes();
            cache.drop_context();
            held -= before - cache.bytes();
        }
        for image in older {
            if held <= budget {
                return;
            }
            held -= image.cache.take().map_or(0, |cache| cache.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Weighed {
        encodings: usize,
        context: usize,
    }

    impl ImageCache for Weighed {
        fn bytes(&self) -> usize {
            self.encodings + self.context
        }

        fn is_complete(&self) -> bool {
            true
        }

        fn drop_context(&mut self) {
            self.context = 0;
        }
    }

    fn three_images() -> OpenImages<Weighed> {
        let mut images = OpenImages::new();
        for id in 0..3 {
            images.open(ImageId(id), Arc::new(RgbImage::new(1, 1)));
            if let Some(image) = images.touch(ImageId(id)) {
                image.cache = Some(Weighed { encodings: 10, context: 100 });
            }
        }
        images
    }

    fn held(images: &OpenImages<Weighed>) -> Vec<(u64, Option<(usize, usize)>)> {
        let cached = |image: &OpenImage<Weighed>| image.cache.as_ref().map(|c| (c.encodings, c.context));
        images.images.iter().map(|image| (image.id.0, cached(image))).collect()
    }

    #[test]
    fn contexts_go_before_encodings_and_the_oldest_first() {
        let mut images = three_images();
        images.touch(ImageId(0));
        images.trim(230);
        assert_eq!(held(&images), [(1, Some((10, 0))), (2, Some((10, 100))), (0, Some((10, 100)))]);
        images.trim(125);
        assert_eq!(held(&images), [(1, None), (2, Some((10, 0))), (0, Some((10, 100)))]);
    }

    #[test]
    fn the_image_in_use_keeps_its_cache_whatever_the_budget() {
        let mut images = three_images();
        images.trim(0);
        assert_eq!(held(&images), [(0, None), (1, None), (2, Some((10, 100)))]);
    }

    #[test]
    fn what_is_forgotten_is_counted() {
        let mut images = three_images();
        assert_eq!(images.forget_caches(), 330);
        assert_eq!(held(&images), [(0, None), (1, None), (2, None)]);
        assert_eq!(images.forget_caches(), 0);
    }

    #[test]
    fn caches_get_what_computing_leaves() {
        let budget = |free: Option<u64>| cache_budget(free.map(|free| free << 20), 700 << 20) >> 20;
        assert_eq!(budget(None), 2048, "nobody knows");
        assert_eq!(budget(Some(64 << 10)), 2048);
        assert_eq!(budget(Some(1000)), 300);
        assert_eq!(budget(Some(600)), 0);
    }

    #[test]
    fn images_are_expected_once_the_latest_first() {
        let mut images = three_images();
        assert_eq!(images.expected(), Some(ImageId(2)));
        images.settle(ImageId(2));
        images.touch(ImageId(0));
        assert_eq!(images.expected(), Some(ImageId(0)));
        images.settle(ImageId(0));
        images.settle(ImageId(1));
        assert_eq!(images.expected(), None);
        images.expect_latest();
        assert_eq!(images.expected(), Some(ImageId(0)));
    }

    #[test]
    fn reopening_replaces_the_image_and_its_cache() {
        let mut images = three_images();
        images.open(ImageId(1), Arc::new(RgbImage::new(2, 2)));
        assert_eq!(held(&images), [(0, Some((10, 100))), (2, Some((10, 100))), (1, None)]);
        assert_eq!(images.expected(), Some(ImageId(1)));
        images.close(ImageId(1));
        assert!(images.touch(ImageId(1)).is_none());
    }
}
