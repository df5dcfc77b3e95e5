//! What happens to masks beside their pixels: they are hidden, shown alone, coloured, named. A phrase
//! may have several masks, which change together, in one step to undo.

use crate::action::MaskAction;
use crate::document::{Edit, GroundedMask, MaskEdit, MaskId};
use crate::state::State;
use crate::state::inspection::{Brush, Rival};
use crate::state::ui_state::{MaskNaming, Tab};

impl State {
    pub(super) fn mask_action(&mut self, action: MaskAction) {
        match action {
            MaskAction::Change(masks, change) => self.change_masks(&masks, &change),
            MaskAction::Solo(masks) => self.solo(masks),
            MaskAction::ShowAll => self.show_masks(None),
            MaskAction::Name(naming) => {
                if naming.is_some() {
                    self.show_tab(Tab::Masks);
                }
                self.ui.naming = naming;
            }
            MaskAction::NameWritten(masks, name) => {
                self.ui.naming = None;
                let is_called =
                    |mask: &MaskId| self.find_mask(*mask).is_some_and(|found| found.name == name.trim());
                if !masks.iter().all(is_called) {
                    self.change_masks(&masks, &MaskEdit::Rename(name));
                }
            }
        }
    }

    fn change_masks(&mut self, masks: &[MaskId], change: &MaskEdit) {
        let Some(image) = self.ui.current else { return };
        let edit = |&mask: &MaskId| Edit::Mask { image, mask, change: change.clone() };
        self.ui.small_step = None;
        self.history.apply_all(&masks.iter().map(edit).collect::<Vec<_>>());
    }

    fn solo(&mut self, masks: Vec<MaskId>) {
        let only = (!self.are_alone(&masks)).then_some(masks);
        self.show_masks(only);
    }

    fn show_masks(&mut self, only: Option<Vec<MaskId>>) {
        if let Some(image) = self.ui.current {
            self.ui.masks_hidden = false;
            self.edit(&Edit::ShowMasks { image, only });
        }
    }

    /// Whether these masks are shown and every other one of the picture is hidden.
    pub fn are_alone(&self, masks: &[MaskId]) -> bool {
        let Some(picture) = self.picture() else { return false };
        let mut others = 0;
        let alone = picture.all_masks().all(|mask| {
            let chosen = masks.contains(&mask.id);
            others += usize::from(!chosen);
            mask.hidden != chosen
        });
        alone && others > 0
    }

    /// Whether any mask of the picture is hidden.
    pub fn has_hidden_masks(&self) -> bool {
        self.picture().is_some_and(|picture| picture.all_masks().any(|mask| mask.hidden))
    }

    /// The mask that is looked at; `None` where none is, it belongs to a conversation or a branch that is
    /// not shown, or it cannot be changed yet.
    pub fn editable_mask(&self) -> Option<&GroundedMask> {
        let mask = self.picture()?.mask(self.ui.inspection.selected?)?;
        self.is_listed(mask.id).then_some(mask)
    }

    /// The brush in the hand, where there is a mask that it can change.
    pub fn held_brush(&self) -> Option<Brush> {
        self.ui.inspection.brush.filter(|_| self.editable_mask().is_some())
    }

    /// Whether the mask that is looked at is hidden.
    pub fn is_selected_hidden(&self) -> Option<bool> {
        self.editable_mask().map(|mask| mask.hidden)
    }

    /// Looks at the next mask of the list, or the one before; after the last comes the first.
    pub(super) fn step_mask(&mut self, by: isize) {
        let selected = self.ui.inspection.selected;
        let masks: Vec<MaskId> = self.listed_masks().iter().map(|listed| listed.mask.id).collect();
        let at = masks.iter().position(|&mask| Some(mask) == selected);
        let next = Self::beside(at, by, masks.len()).and_then(|next| masks.get(next));
        let Some(&next) = next else { return };
        if let Some(before) = selected {
            self.ui.pinned.remove(&before);
        }
        self.ui.pinned.insert(next);
        self.ui.selected_region = None;
        self.select_mask(Some(next));
    }

    /// Compares the mask that is looked at with the next one that it is not compared with yet.
    pub(super) fn compare_next(&mut self) {
        let selected = self.ui.inspection.selected;
        let others: Vec<MaskId> = self
            .listed_masks()
            .iter()
            .map(|listed| listed.mask.id)
            .filter(|&id| Some(id) != selected)
            .collect();
        let at = others.iter().position(|&id| self.ui.inspection.rival == Some(Rival::Mask(id)));
        let next = Self::beside(at, 1, others.len()).and_then(|next| others.get(next));
        self.ui.inspection.rival = next.copied().map(Rival::Mask);
    }

    /// Does something with the mask that is looked at.
    pub(super) fn with_mask(&mut self, action: impl FnOnce(MaskId, &Self) -> MaskAction) {
        if let Some(mask) = self.ui.inspection.selected {
            let action = action(mask, self);
            self.mask_action(action);
        }
    }

    /// Whether a mask belongs to words of a reply, whose place gives it its colour.
    pub fn is_of_a_phrase(&self, mask: MaskId) -> bool {
        self.picture().is_some_and(|picture| picture.masks.iter().all(|own| own.id != mask))
    }

    /// Begins to write a name for masks, with the one that the first has.
    pub fn naming_of(&self, masks: &[MaskId]) -> MaskAction {
        let first = masks.first().and_then(|mask| self.placed_mask(*mask));
        MaskAction::Name(first.map(|first| MaskNaming { masks: masks.to_vec(), written: first.title() }))
    }
}
