//! Undo and redo: snapshots of the document before and after the present one.
//!
//! Every applied [`Edit`], and every picture that is closed, is one point to go back to. Opening a
//! picture is none: it happens to all snapshots at once, so that undo never closes anything.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use glamm_engine::protocol::ImageId;

use super::{ConversationId, Document, Edit, EditError, Origin, Picture};

/// Snapshots share their unchanged parts, so this bounds little more than a list of pointers.
const MAX_STEPS: usize = 200;

/// What was undone or redone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// [`Edit::label`] of the edit.
    pub label: &'static str,
    /// The picture that changed.
    pub image: ImageId,
    /// The conversation that changed, if one did.
    pub conversation: Option<ConversationId>,
    /// The run of one question over many pictures that it is of, if any.
    pub run: Option<u64>,
}

impl Step {
    fn of(edit: &Edit) -> Self {
        Self { label: edit.label(), image: edit.image(), conversation: edit.conversation(), run: None }
    }
}

/// The present document, and the ways back and forth.
#[derive(Debug, Default)]
pub struct History {
    past: VecDeque<(Document, Step)>,
    present: Document,
    future: Vec<(Document, Step)>,
}

impl History {
    /// The document as it is now.
    pub fn present(&self) -> &Document {
        &self.present
    }

    /// Makes a change; what had been undone can no longer be redone. One that leaves all as it is makes no
    /// step.
    ///
    /// # Errors
    /// As [`Document::apply`]; nothing has changed then.
    pub fn apply(&mut self, edit: &Edit) -> Result<(), EditError> {
        let changed = self.present.apply(edit)?;
        if !edit.is_idle(&self.present) {
            self.step_to(changed, Step::of(edit));
        }
        Ok(())
    }

    /// Makes changes that are one step; those that cannot be made are left out.
    pub fn apply_all(&mut self, edits: &[Edit]) {
        let mut changed = self.present.clone();
        let mut first = None;
        for edit in edits {
            if edit.is_idle(&changed) {
                continue;
            }
            match changed.apply(edit) {
                Ok(next) => {
                    changed = next;
                    first.get_or_insert_with(|| Step::of(edit));
                }
                Err(error) => tracing::debug!(%error, ?edit, "an edit was refused"),
            }
        }
        if let Some(step) = first {
            self.step_to(changed, step);
        }
    }

    /// Makes a change of a run of one question over many pictures. All that comes of one run is one step,
    /// wherever in the history that is: what was done since stays above it, and what was undone, be it the
    /// run itself, can be made again.
    ///
    /// # Errors
    /// As [`Document::apply`]; nothing has changed then.
    pub fn apply_in_run(&mut self, edit: &Edit, run: u64) -> Result<(), EditError> {
        let of_run = |(_, step): &(Document, Step)| step.run == Some(run);
        if let Some(undone) = self.future.iter().position(of_run) {
            let (document, _) = &mut self.future[undone];
            *document = document.apply(edit)?;
            self.future[..undone].iter_mut().for_each(|(document, _)| try_on(document, edit));
            return Ok(());
        }
        let changed = self.present.apply(edit)?;
        let Some(place) = self.past.iter().position(of_run) else {
            self.step_to(changed, Step { label: "ask about all pictures", run: Some(run), ..Step::of(edit) });
            return Ok(());
        };
        self.present = changed;
        let since = self.past.range_mut(place + 1..).chain(&mut self.future);
        since.for_each(|(document, _)| try_on(document, edit));
        Ok(())
    }

    /// Whether what came of a run was undone.
    pub fn is_undone(&self, run: u64) -> bool {
        self.future.iter().any(|(_, step)| step.run == Some(run))
    }

    /// The document in which the replies of a run stand: the present one, unless they were undone.
    pub fn of_run(&self, run: Option<u64>) -> &Document {
        let undone = self.future.iter().find(|(_, step)| run.is_some() && step.run == run);
        undone.map_or(&self.present, |(document, _)| document)
    }

    fn step_to(&mut self, changed: Document, step: Step) {
        self.past.push_back((std::mem::replace(&mut self.present, changed), step));
        if self.past.len() > MAX_STEPS {
            self.past.pop_front();
        }
        self.future.clear();
    }

    /// Makes a change that goes on with the last one (the next letter of a name, the next pixel of a
    /// nudge), so that both are one step. An edit of its own where the last step was another.
    ///
    /// # Errors
    /// As [`Document::apply`]; nothing has changed then.
    pub fn amend(&mut self, edit: &Edit) -> Result<(), EditError> {
        if self.undoable() != Some(Step::of(edit)) || !self.future.is_empty() {
            return self.apply(edit);
        }
        self.present = self.present.apply(edit)?;
        Ok(())
    }

    /// Goes one edit back, if there is one.
    pub fn undo(&mut self) -> Option<Step> {
        let (before, step) = self.past.pop_back()?;
        self.future.push((std::mem::replace(&mut self.present, before), step));
        Some(step)
    }

    /// Makes the last undone edit again, if there is one.
    pub fn redo(&mut self) -> Option<Step> {
        let (after, step) = self.future.pop()?;
        self.past.push_back((std::mem::replace(&mut self.present, after), step));
        Some(step)
    }

    /// What [`Self::undo`] would undo.
    pub fn undoable(&self) -> Option<Step> {
        self.past.back().map(|(_, step)| *step)
    }

    /// What [`Self::redo`] would redo.
    pub fn redoable(&self) -> Option<Step> {
        self.future.last().map(|(_, step)| *step)
    }

    /// Opens a picture, in all snapshots.
    pub fn open(&mut self, picture: &Arc<Picture>) {
        self.for_all(|document| document.with_picture(Arc::clone(picture)));
    }

    /// Notes that a picture lies elsewhere now, in all snapshots: undo does not lose it again.
    pub fn relocate(&mut self, id: ImageId, origin: &Origin) {
        self.for_all(|document| document.with_origin(id, origin));
    }

    /// Closes a picture, with everything drawn on it and said about it.
    pub fn close(&mut self, id: ImageId) {
        if self.present.picture(id).is_some() {
            let step = Step { label: "close picture", image: id, conversation: None, run: None };
            self.step_to(self.present.without_picture(id), step);
        }
    }

    /// Pictures that undo or redo would bring back, as they last were.
    pub fn closed(&self) -> Vec<Arc<Picture>> {
        let mut seen: HashSet<ImageId> = self.present.pictures().iter().map(|picture| picture.id).collect();
        let documents = self.past.iter().rev().chain(&self.future).map(|(document, _)| document);
        let pictures = documents.flat_map(Document::pictures);
        pictures.filter(|picture| seen.insert(picture.id)).cloned().collect()
    }

    /// A history that begins with this document.
    pub fn of(document: Document) -> Self {
        Self { present: document, ..Self::default() }
    }

    fn for_all(&mut self, change: impl Fn(&Document) -> Document) {
        self.present = change(&self.present);
        for (document, _) in self.past.iter_mut().chain(&mut self.future) {
            *document = change(document);
        }
    }
}

/// Makes a change to one of the documents of the history, where it can be made there.
fn try_on(document: &mut Document, edit: &Edit) {
    if let Ok(changed) = document.apply(edit) {
        *document = changed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{ConversationEdit, RegionEdit, RegionTag};
    use glamm_engine::vision::PixelBox;

    fn picture(id: u64) -> Arc<Picture> {
        Arc::new(Picture::new(ImageId(id), format!("{id}"), Origin::Clipboard, (64, 64)))
    }

    fn draw(image: u64, x: f32) -> Edit {
        let bounds = PixelBox { x0: x, y0: 0.0, x1: x + 10.0, y1: 10.0 };
        Edit::AddRegion { image: ImageId(image), bounds, name: String::new() }
    }

    #[test]
    fn undo_and_redo_walk_the_same_snapshots() {
        let mut history = History::default();
        history.open(&picture(1));
        let mut seen = vec![history.present().clone()];
        for x in [0.0, 20.0, 40.0] {
            history.apply(&draw(1, x)).unwrap();
            seen.push(history.present().clone());
        }
        for expected in seen.iter().rev().skip(1) {
            assert_eq!(history.undo().unwrap().label, "draw region");
            assert_eq!(history.present(), expected);
        }
        assert!(history.undo().is_none());
        for expected in &seen[1..] {
            assert!(history.redo().is_some());
            assert_eq!(history.present(), expected);
        }
        history.undo();
        history.apply(&draw(1, 5.0)).unwrap();
        assert!(history.redoable().is_none(), "a new edit forgets what was undone");
    }

    #[test]
    fn opening_is_not_undone_closing_is() {
        let mut history = History::default();
        history.open(&picture(1));
        history.apply(&draw(1, 0.0)).unwrap();
        history.open(&picture(2));
        history.apply(&draw(2, 0.0)).unwrap();
        history.undo();
        history.undo();
        assert_eq!(history.present().pictures().len(), 2, "undo closes nothing");
        history.redo();
        let before = history.present().clone();
        history.close(ImageId(1));
        assert!(history.present().picture(ImageId(1)).is_none());
        assert_eq!(
            history.undoable(),
            Some(Step { label: "close picture", image: ImageId(1), conversation: None, run: None })
        );
        let closed: Vec<ImageId> = history.closed().iter().map(|picture| picture.id).collect();
        assert_eq!(closed, [ImageId(1)]);
        history.close(ImageId(1));
        history.undo();
        assert_eq!(*history.present(), before, "with its regions, at its place");
        history.redo();
        assert_eq!(history.present().pictures().len(), 1);
        history.open(&picture(3));
        history.undo();
        assert_eq!(history.present().pictures().len(), 3, "what was opened since stays");
    }

    #[test]
    fn what_goes_on_is_one_step() {
        let mut history = History::default();
        history.open(&picture(1));
        history.apply(&draw(1, 0.0)).unwrap();
        let rename = |name: &str| Edit::Region {
            image: ImageId(1),
            tag: RegionTag(1),
            change: RegionEdit::Rename(name.to_owned()),
        };
        for name in ["d", "do", "door"] {
            history.amend(&rename(name)).unwrap();
        }
        let name = |history: &History| history.present().pictures()[0].regions[0].name.clone();
        assert_eq!(name(&history), "door");
        assert_eq!(history.undo().unwrap().label, "rename region");
        assert_eq!(name(&history), "", "all of it at once");
        history.amend(&rename("gate")).unwrap();
        assert!(history.redoable().is_none());
        history.undo();
        assert_eq!(history.present().pictures()[0].regions.len(), 1, "the drawing is a step of its own");
    }

    #[test]
    fn many_changes_may_be_one_step() {
        let mut history = History::default();
        for id in 1..=3 {
            history.open(&picture(id));
        }
        let regions =
            |history: &History| history.present().pictures().iter().map(|p| p.regions.len()).sum::<usize>();
        history.apply_all(&[draw(1, 0.0), draw(2, 200.0), draw(3, 0.0)]);
        assert_eq!(regions(&history), 2, "one of them lies outside");
        history.undo();
        assert_eq!(regions(&history), 0);
        history.apply_all(&[draw(2, 200.0)]);
        assert!(history.undoable().is_none() && history.redoable().is_some(), "nothing was done");

        for place in 0..300 {
            history.apply_in_run(&draw(1 + place % 3, 0.0), 7).unwrap();
        }
        history.apply(&draw(1, 5.0)).unwrap();
        for _ in 0..2 {
            history.apply_in_run(&draw(2, 0.0), 7).unwrap();
        }
        history.apply_in_run(&draw(2, 0.0), 8).unwrap();
        let mut left = Vec::new();
        while history.undo().is_some() {
            left.push(regions(&history));
        }
        assert_eq!(left, [303, 302, 0], "what was done in between is a step of its own, above the run");

        history.redo();
        history.apply_in_run(&draw(2, 0.0), 7).unwrap();
        history.undo();
        history.apply_in_run(&draw(2, 0.0), 7).unwrap();
        assert!(history.is_undone(7) && regions(&history) == 0);
        let mut left = Vec::new();
        while history.redo().is_some() {
            left.push(regions(&history));
        }
        assert_eq!(left, [304, 305, 306], "what comes of a run that was undone is there when it is redone");
    }

    #[test]
    fn what_changes_nothing_is_no_step() {
        let mut history = History::default();
        history.open(&picture(1));
        history.apply(&draw(1, 0.0)).unwrap();
        history.apply(&draw(1, 20.0)).unwrap();
        history.undo();
        let (image, tag) = (ImageId(1), RegionTag(1));
        let conversation = ConversationId(1);
        for edit in [
            Edit::Region { image, tag, change: RegionEdit::Recolor(None) },
            Edit::Region { image, tag, change: RegionEdit::Rename(String::new()) },
            Edit::Conversation { image, conversation, change: ConversationEdit::Rename(" ".to_owned()) },
        ] {
            history.apply(&edit).unwrap();
            assert!(history.redoable().is_some(), "{edit:?}");
        }
        let change = ConversationEdit::Rename("door".to_owned());
        history.apply(&Edit::Conversation { image, conversation, change }).unwrap();
        assert_eq!(history.undoable().unwrap().label, "rename conversation");
    }

    #[test]
    fn a_refused_edit_leaves_no_trace() {
        let mut history = History::default();
        history.open(&picture(1));
        assert_eq!(history.apply(&draw(1, 200.0)), Err(EditError::EmptyBox));
        assert!(history.undoable().is_none());
    }
}
