//! What of a picture's conversations is to be seen: messages, and which masks are on the canvas.

use std::ops::Range;
use std::sync::Arc;

use glamm_engine::protocol::Grounding;

use super::State;
use crate::document::{Exchange, GroundedMask, MaskId};
use crate::palette::first_of_phrase;
use crate::state::session::{FailedQuestion, RunningJob};

/// A mask of the conversation that is shown, on the canvas or not.
#[derive(Debug, Clone)]
pub struct ListedMask {
    /// The mask.
    pub mask: GroundedMask,
    /// Its place in the palette.
    pub hue: usize,
    /// The words it grounds; empty for a mask without a phrase.
    pub phrase: String,
}

impl ListedMask {
    /// What it is called: by the user, or by its words.
    pub fn title(&self) -> String {
        title(&self.mask, &self.phrase)
    }

    /// The same; empty for a mask that has neither.
    pub fn words(&self) -> &str {
        self.mask.name.as_deref().unwrap_or(&self.phrase)
    }
}

fn title(mask: &GroundedMask, phrase: &str) -> String {
    match &mask.name {
        Some(name) => name.to_string(),
        None if phrase.is_empty() => "Mask".to_owned(),
        None => phrase.to_owned(),
    }
}

/// One mask, and what stands around it.
pub(crate) struct PlacedMask<'a> {
    pub(crate) mask: &'a GroundedMask,
    /// Its place in the palette.
    pub(crate) hue: usize,
    phrase: String,
    /// The exchange it belongs to, and its place there, where the reply has ended.
    pub(crate) token_of: Option<(&'a Arc<Exchange>, usize)>,
    /// Whether it is in the document, where it can be changed.
    pub(crate) is_editable: bool,
}

impl PlacedMask<'_> {
    /// What the user chose comes before the place of its words.
    fn colored(self) -> Self {
        Self { hue: self.mask.hue.unwrap_or(self.hue), ..self }
    }

    /// What it is called: by the user, or by its words.
    pub(crate) fn title(&self) -> String {
        title(self.mask, &self.phrase)
    }
}

/// A mask on the canvas.
#[derive(Debug, Clone)]
pub struct VisibleMask {
    /// The mask.
    pub mask: GroundedMask,
    /// Its place in the palette.
    pub hue: usize,
    /// Whether the pointer is on it, or it is pinned.
    pub emphasised: bool,
    /// Whether it gives way to an emphasised one.
    pub dimmed: bool,
}

/// What a mask without a phrase grounds.
static NO_WORDS: Range<usize> = 0..0;

/// The masks of one reply, finished or on its way.
struct ReplyMasks<'a> {
    /// Counted from the first reply; `None` for the masks of no reply.
    reply: Option<usize>,
    first_hue: usize,
    text: &'a str,
    masks: Vec<(&'a Range<usize>, &'a GroundedMask, usize)>,
}

impl State {
    /// The exchanges that are shown: while a reply is on its way, those that lead to it.
    pub fn shown_exchanges(&self) -> Vec<&Arc<Exchange>> {
        let Some(conversation) = self.conversation() else { return Vec::new() };
        match self.shown_job() {
            Some(job) => conversation.path_to(conversation.last_of(&job.follows)),
            None => conversation.path().collect(),
        }
    }

    /// The running job, where it belongs to the conversation that is shown.
    pub fn shown_job(&self) -> Option<&RunningJob> {
        let conversation = self.conversation()?.id;
        let job = self.session.job_about(self.ui.current?)?;
        (job.asked.place.conversation == conversation && !job.is_homeless).then_some(job)
    }

    /// The question of the conversation that is shown that could not be answered.
    pub fn shown_failure(&self) -> Option<&FailedQuestion> {
        let conversation = self.conversation()?.id;
        let failure = self.session.failures.get(&self.ui.current?)?;
        (failure.asked.place.conversation == conversation).then_some(failure)
    }

    /// The masks to be drawn over the current picture, large ones first: those of the latest reply
    /// that has any, those of no reply, those that are pinned, and those the pointer is on. Hidden ones are
    /// not among them.
    pub fn visible_masks(&self) -> Vec<VisibleMask> {
        if self.ui.masks_hidden {
            return Vec::new();
        }
        let all = self.masks_by_reply();
        let latest = all.iter().filter_map(|reply| reply.reply).max();
        let wanted =
            |mask: &GroundedMask| self.ui.hovered.contains(&mask.id) || self.ui.pinned.contains(&mask.id);
        let mut shown = Vec::new();
        for reply in &all {
            for (_, mask, index) in &reply.masks {
                let emphasised = wanted(mask);
                let fresh = reply.reply.is_none() || reply.reply == latest;
                if !mask.hidden && (emphasised || fresh) {
                    let hue = reply.hue(mask, *index);
                    let mask = GroundedMask::clone(mask);
                    shown.push(VisibleMask { mask, hue, emphasised, dimmed: false });
                }
            }
        }
        if shown.iter().any(|mask| mask.emphasised) {
            for mask in &mut shown {
                mask.dimmed = !mask.emphasised;
            }
        }
        shown.sort_by(|a, b| b.mask.coverage.total_cmp(&a.mask.coverage));
        shown
    }

    /// All masks of the conversation that is shown, hidden ones too, in its order; then those of no reply.
    pub fn listed_masks(&self) -> Vec<ListedMask> {
        self.listed_masks_at(0..usize::MAX)
    }

    /// Those of them at these places of the list.
    pub fn listed_masks_at(&self, places: Range<usize>) -> Vec<ListedMask> {
        let replies = self.masks_by_reply();
        let all = replies.iter().flat_map(|reply| reply.masks.iter().map(move |mask| (reply, mask)));
        let listed = all.skip(places.start).take(places.len()).map(|(reply, (span, mask, index))| {
            let phrase: String = reply.text.chars().skip(span.start).take(span.len()).collect();
            let phrase = phrase.trim().to_owned();
            ListedMask { mask: GroundedMask::clone(mask), hue: reply.hue(mask, *index), phrase }
        });
        listed.collect()
    }

    /// The place of a mask in the list.
    pub fn place_in_list(&self, id: MaskId) -> Option<usize> {
        self.masks_by_reply().iter().flat_map(|reply| &reply.masks).position(|(_, mask, _)| mask.id == id)
    }

    /// One mask of the conversation that is shown, or of no reply. Asked for several times in every frame: no
    /// other mask is touched, and the latest replies are looked through first.
    pub(crate) fn placed_mask(&self, id: MaskId) -> Option<PlacedMask<'_>> {
        let alone =
            |mask| PlacedMask { mask, hue: 0, phrase: String::new(), token_of: None, is_editable: true };
        if let Some(mask) = self.picture()?.masks.iter().find(|mask| mask.id == id) {
            return Some(alone(mask).colored());
        }
        let of_running = self.shown_job().and_then(|job| self.placed_in_running(job, id));
        let of_finished = || {
            self.shown_exchanges().into_iter().rev().find_map(|exchange| {
                let is_it = |mask: &Option<GroundedMask>| mask.as_ref().is_some_and(|mask| mask.id == id);
                let index = exchange.masks.iter().position(is_it)?;
                let mask = exchange.masks.get(index)?.as_ref()?;
                let (hue, phrase) = (exchange.hue(index), exchange.phrase(index));
                let placed = PlacedMask { hue, phrase, token_of: Some((exchange, index)), ..alone(mask) };
                Some(placed.colored())
            })
        };
        of_running.or_else(of_finished)
    }

    fn placed_in_running<'a>(&'a self, job: &'a RunningJob, id: MaskId) -> Option<PlacedMask<'a>> {
        let masks = paired(self.running_masks(job));
        let (span, mask, first) = masks.into_iter().find(|(_, mask, _)| mask.id == id)?;
        let phrase: String = job.text.chars().skip(span.start).take(span.len()).collect();
        // What the reply has brought anew is not in the document before its end.
        let known = self.resumed_exchange(job).is_some_and(|e| e.masks.iter().flatten().any(|m| m.id == id));
        let (hue, phrase) = (job.first_hue + first, phrase.trim().to_owned());
        Some(PlacedMask { mask, hue, phrase, token_of: None, is_editable: known }.colored())
    }

    /// What the running reply has grounded so far, each with its mask. Those of a reply that goes on are as
    /// they are in the document: the user may have changed them since.
    pub fn running_masks<'a>(
        &'a self,
        job: &'a RunningJob,
    ) -> impl Iterator<Item = (&'a Grounding, Option<&'a GroundedMask>)> {
        let before = self.resumed_exchange(job).map_or(&[][..], |exchange| &exchange.masks);
        job.grounded
            .iter()
            .enumerate()
            .map(move |(index, (grounding, mask))| (grounding, before.get(index).unwrap_or(mask).as_ref()))
    }

    /// The exchange whose reply goes on, as it is in the document.
    pub(crate) fn resumed_exchange(&self, job: &RunningJob) -> Option<&Arc<Exchange>> {
        let id = job.asked.resumes.as_ref()?.id;
        let picture = self.history.of_run(job.run).picture(job.image)?;
        picture.conversation(job.asked.place.conversation)?.exchange(id)
    }

    /// Whether a mask is among [`Self::listed_masks`].
    pub fn is_listed(&self, id: MaskId) -> bool {
        self.masks_by_reply().iter().any(|reply| reply.masks.iter().any(|(_, mask, _)| mask.id == id))
    }

    /// How many masks the conversation that is shown has.
    pub fn mask_count(&self) -> usize {
        self.masks_by_reply().iter().map(|reply| reply.masks.len()).sum()
    }

    /// The replies that have masks, and the masks that belong to none.
    fn masks_by_reply(&self) -> Vec<ReplyMasks<'_>> {
        let shown = self.shown_exchanges();
        let running = self.shown_job();
        let behind = shown.len();
        let finished = shown.into_iter().enumerate().map(|(reply, exchange)| {
            let groundings = exchange.reply.groundings.iter();
            let masks = paired(groundings.zip(exchange.masks.iter().map(Option::as_ref)));
            let (reply, first_hue) = (Some(reply), exchange.first_hue);
            ReplyMasks { reply, first_hue, text: &exchange.reply.text, masks }
        });
        let running = running.map(|job| {
            let masks = paired(self.running_masks(job));
            ReplyMasks { reply: Some(behind), first_hue: job.first_hue, text: &job.text, masks }
        });
        let single = self.picture().into_iter().map(|picture| {
            let masks = picture.masks.iter().map(|mask| (&NO_WORDS, mask, 0)).collect();
            ReplyMasks { reply: None, first_hue: 0, text: "", masks }
        });
        finished.chain(running).chain(single).filter(|reply| !reply.masks.is_empty()).collect()
    }
}

/// The masks that are there: the words they ground, and the place of the first mask of these words.
fn paired<'a>(
    masks: impl Iterator<Item = (&'a Grounding, Option<&'a GroundedMask>)>,
) -> Vec<(&'a Range<usize>, &'a GroundedMask, usize)> {
    let (groundings, masks): (Vec<&'a Grounding>, Vec<Option<&'a GroundedMask>>) = masks.unzip();
    let with_first = |(index, mask): (usize, Option<&'a GroundedMask>)| {
        let first = first_of_phrase(groundings.iter().copied(), index);
        Some((&groundings.get(index)?.span, mask?, first))
    };
    masks.into_iter().enumerate().filter_map(with_first).collect()
}

impl ReplyMasks<'_> {
    /// Several masks of one phrase share its colour: that of the first.
    /// What the user chose comes before that.
    fn hue(&self, mask: &GroundedMask, first: usize) -> usize {
        mask.hue.unwrap_or(self.first_hue + first)
    }
}
