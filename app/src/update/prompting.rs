//! Prompts: into the draft or straight to the model, and the user's own.

use glamm_engine::protocol::ImageId;

use crate::action::{Effect, Field};
use crate::document::{Question, RegionTag};
use crate::notice::Tone;
use crate::prompts::Prompt;
use crate::state::State;
use crate::state::ui_state::{LibraryView, PromptedDraft, Tool};
use crate::system::shared_list::Elsewhere;

/// A longer list is hard to find anything in.
const MAX_OWN: usize = 200;

impl State {
    /// Writes a prompt into the draft, or asks it where nothing is missing. One about a region takes
    /// the selected region or the last one, or waits for one to be drawn.
    pub(super) fn prompt(&mut self, prompt: &Prompt, now: f64, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let image = picture.id;
        if prompt.needs_region() {
            let selected = self.ui.selected_region.and_then(|tag| picture.region(tag));
            if let Some(tag) = selected.or(picture.regions.last()).map(|r| r.tag) {
                self.write_prompt(image, prompt, Some(tag), out);
            } else {
                self.set_tool(Tool::Box);
                self.ui.prompt_awaiting_region = Some(prompt.clone());
            }
            return;
        }
        if prompt.only_writes() {
            self.write_prompt(image, prompt, None, out);
        } else {
            let filled = prompt.fill(None);
            let question = Question::from_draft(&filled.draft, &picture.regions);
            self.ask_next(image, question, now, out);
        }
    }

    /// A region was drawn: completes the prompt that waited for it.
    pub(super) fn region_drawn(&mut self, tag: RegionTag, out: &mut Vec<Effect>) {
        if let (Some(image), Some(prompt)) = (self.ui.current, self.ui.prompt_awaiting_region.take()) {
            self.write_prompt(image, &prompt, Some(tag), out);
        }
    }

    fn write_prompt(
        &mut self,
        image: ImageId,
        prompt: &Prompt,
        region: Option<RegionTag>,
        out: &mut Vec<Effect>,
    ) {
        let filled = prompt.fill(region);
        let before = self.before_prompt(image);
        let draft = format!("{before}{}", filled.draft);
        self.ui.draft_cursor = Some(before.chars().count() + filled.cursor);
        self.ui.prompted_draft = Some(PromptedDraft { image, before, draft: draft.clone() });
        self.ui.drafts.insert(image, draft);
        out.push(Effect::Focus(Field::Question));
    }

    /// What stays before a prompt in the draft: what the user has written. Another prompt, in which nothing was
    /// changed since, gives way.
    fn before_prompt(&self, image: ImageId) -> String {
        let draft = self.ui.draft(image);
        let same = |prompted: &&PromptedDraft| prompted.image == image && prompted.draft == draft;
        match self.ui.prompted_draft.as_ref().filter(same) {
            Some(prompted) => prompted.before.clone(),
            None if draft.trim().is_empty() => String::new(),
            None => format!("{}\n", draft.trim_end()),
        }
    }

    /// Why a prompt cannot be taken now, if so: one that only writes always can.
    pub fn why_not_prompt(&self, prompt: &Prompt) -> Option<&'static str> {
        self.why_not_ask().filter(|_| !prompt.only_writes())
    }

    /// Puts the draft among the user's own prompts, in the place of one of the same words.
    pub(super) fn keep_prompt(&mut self, out: &mut Vec<Effect>) {
        let Some(picture) = self.picture() else { return };
        let Some(prompt) = Prompt::from_draft(self.ui.draft(picture.id), &picture.regions) else { return };
        let own = &mut self.session.prompts;
        own.retain(|p| p.text != prompt.text);
        if own.len() >= MAX_OWN {
            let text = format!("There are {MAX_OWN} prompts of yours: remove one first");
            self.session.notify(text, Tone::Note);
            return;
        }
        own.push(prompt);
        out.push(Effect::KeepPrompts(own.clone()));
    }

    /// Gives one of the user's own prompts another name.
    pub(super) fn rename_prompt(&mut self, place: usize, label: &str, out: &mut Vec<Effect>) {
        if let (Some(prompt), false) = (self.session.prompts.get_mut(place), label.trim().is_empty()) {
            prompt.label = label.trim_start().to_owned().into();
            out.push(Effect::KeepPrompts(self.session.prompts.clone()));
        }
    }

    /// Takes over what was found in the file of the user's own prompts, and keeps them so. What is being renamed
    /// may have another place then.
    pub(super) fn prompts_elsewhere(&mut self, elsewhere: Elsewhere<Prompt>, out: &mut Vec<Effect>) {
        let Elsewhere { added, gone } = elsewhere;
        let own = &mut self.session.prompts;
        let place_of = |own: &[Prompt], text: &str| own.iter().position(|p| p.text == text);
        let renamed = match self.ui.library {
            LibraryView::Renaming(place) => own.get(place).map(|prompt| prompt.text.clone()),
            LibraryView::Closed | LibraryView::Open => None,
        };
        own.retain(|prompt| gone.iter().all(|other| other.text != prompt.text));
        for prompt in added {
            match place_of(own, &prompt.text) {
                Some(place) => own[place] = prompt,
                None => own.push(prompt),
            }
        }
        if let Some(text) = renamed {
            self.ui.library = place_of(own, &text).map_or(LibraryView::Open, LibraryView::Renaming);
        }
        out.push(Effect::KeepPrompts(own.clone()));
    }

    /// Opens or closes the library. A name that was being written ends with its last letter.
    pub(super) fn set_library(&mut self, library: LibraryView, out: &mut Vec<Effect>) {
        let before = std::mem::replace(&mut self.ui.library, library);
        if let LibraryView::Renaming(place) = before
            && before != library
            && let Some(prompt) = self.session.prompts.get(place)
        {
            let label = prompt.label.trim_end().to_owned();
            self.rename_prompt(place, &label, out);
        }
    }

    /// Takes one of the user's own prompts away.
    pub(super) fn remove_prompt(&mut self, place: usize, out: &mut Vec<Effect>) {
        if place < self.session.prompts.len() {
            self.session.prompts.remove(place);
            out.push(Effect::KeepPrompts(self.session.prompts.clone()));
        }
    }
}
