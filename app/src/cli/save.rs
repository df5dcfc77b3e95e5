//! `--save`: the question and its reply as a session, to be opened in the window or exported.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use glamm_engine::job::Answer;
use glamm_engine::protocol::{ImageId, Sampling, Turn};
use glamm_engine::vision::MaskCandidates;
use image::RgbImage;

use super::error::CliError;
use crate::document::{
    Conversation, ConversationId, Document, Exchange, ExchangeId, GroundedMask, MaskId, Origin, Picture,
    Question, Region, RegionTag, Settings,
};
use crate::pictures::pixels::Pixels;
use crate::storage::{SaveOptions, Snapshot, save};
use crate::words::name_of;

/// What was asked and answered.
pub(super) struct Asked<'a> {
    /// The image file.
    pub(super) image: &'a Path,
    /// The image.
    pub(super) pixels: &'a RgbImage,
    /// The question.
    pub(super) turn: &'a Turn,
    /// How tokens were chosen.
    pub(super) sampling: &'a Sampling,
    /// The reply.
    pub(super) answer: &'a Answer,
    /// Its masks.
    pub(super) masks: &'a [MaskCandidates],
}

/// Writes the session.
///
/// # Errors
/// [`CliError::Storage`].
pub(super) fn write(path: &Path, asked: &Asked<'_>) -> Result<(), CliError> {
    let saved = save(path, &snapshot(asked), SaveOptions::default())?;
    for missing in &saved.missing {
        super::complain(&format!("{} was written without {missing}", path.display()));
    }
    Ok(())
}

fn snapshot(asked: &Asked<'_>) -> Snapshot {
    let image = ImageId(1);
    let path = std::path::absolute(asked.image).unwrap_or_else(|_| asked.image.to_owned());
    let name = name_of(&path);
    let mut picture = Picture::new(image, name, Origin::File(path), asked.pixels.dimensions());
    let regions: Vec<Region> =
        (1..).zip(&asked.turn.regions).map(|(tag, bounds)| Region::new(RegionTag(tag), *bounds)).collect();
    let masks = (0..).zip(asked.masks).map(|(id, found)| Some(GroundedMask::new(MaskId(id), found.clone())));
    let mut masks: Vec<_> = masks.collect();
    masks.resize(asked.answer.reply.groundings.len(), None);
    let exchange = Exchange {
        id: ExchangeId(1),
        parent: None,
        question: Question { text: asked.turn.user.clone(), regions: regions.clone() },
        reply: asked.answer.reply.clone(),
        tokens: asked.answer.tokens.clone(),
        masks,
        first_hue: 0,
        sampling: asked.sampling.clone(),
        reason: asked.answer.reason,
        stats: asked.answer.stats,
    };
    let conversation = Conversation::new(ConversationId(1), Settings::default());
    if let Ok(conversation) = conversation.with_exchanges(vec![Arc::new(exchange)], None) {
        picture.conversations = vec![Arc::new(conversation)];
    }
    picture.regions = regions;
    let pixels = Arc::new(Pixels::new(Arc::new(asked.pixels.clone())));
    Snapshot {
        document: Document::default().with_picture(Arc::new(picture)),
        current: Some(image),
        pixels: HashMap::from([(image, pixels)]),
        ..Snapshot::default()
    }
}
