//! Conversations about a picture. Each is a tree: asking a question in other words, or having it
//! answered once more, makes a branch. One path through the tree, from a first question to the
//! [`Conversation::head`], is what is shown and what the model is told.

use std::collections::HashMap;
use std::sync::Arc;

use glamm_engine::protocol::{FinishReason, JobStats, Reply, Sampling, TokenRecord};

use super::{EditError, GroundedMask, MaskId, Question};

/// Names a conversation among those about one picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConversationId(pub u32);

/// Names an exchange within its conversation. Later ones have larger numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeId(pub u32);

/// A question and its finished reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Exchange {
    /// Its name.
    pub id: ExchangeId,
    /// What it follows; `None` where it begins the conversation.
    pub parent: Option<ExchangeId>,
    /// What was asked.
    pub question: Question,
    /// What the model said.
    pub reply: Reply,
    /// The tokens it was decoded from; none where nobody knows them any more.
    pub tokens: Arc<[TokenRecord]>,
    /// One entry for each of [`Reply::groundings`]; `None` where the reply was stopped before the
    /// mask was computed.
    pub masks: Vec<Option<GroundedMask>>,
    /// Place in the palette of the first grounding; the others follow.
    pub first_hue: usize,
    /// How its tokens were chosen.
    pub sampling: Sampling,
    /// Why the reply ended.
    pub reason: FinishReason,
    /// What it cost.
    pub stats: JobStats,
}

impl Exchange {
    /// Whether the reply was cut and can go on.
    pub fn is_unfinished(&self) -> bool {
        matches!(self.reason, FinishReason::TokenLimit | FinishReason::Cancelled)
    }
}

/// How the model is asked in a conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the model is told before the first question; `None` for the words it was trained with.
    pub system: Option<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Replies are cut after this many tokens.
    pub max_new_tokens: usize,
}

impl Default for Settings {
    /// As the official application asks.
    fn default() -> Self {
        Self { system: None, sampling: Sampling::Greedy, max_new_tokens: 512 }
    }
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its name in commands.
    pub id: ConversationId,
    /// What the user calls it; often nothing.
    pub title: String,
    /// How the model is asked.
    pub settings: Settings,
    /// In the order of their numbers, so that each comes after its parent.
    exchanges: Vec<Arc<Exchange>>,
    /// Where the path that is shown ends.
    head: Option<ExchangeId>,
    /// The path that is shown, as places in `exchanges`.
    path: Vec<usize>,
}

impl Conversation {
    /// Nothing said yet.
    pub fn new(id: ConversationId, settings: Settings) -> Self {
        Self { id, title: String::new(), settings, exchanges: Vec::new(), head: None, path: Vec::new() }
    }

    /// The same with these exchanges, and the path that ends at `head` (at the last exchange, where
    /// that is none of them).
    ///
    /// # Errors
    /// Two exchanges have the same number, or one follows what is not there before it.
    pub fn with_exchanges(
        mut self,
        mut exchanges: Vec<Arc<Exchange>>,
        head: Option<ExchangeId>,
    ) -> Result<Self, EditError> {
        exchanges.sort_by_key(|e| e.id);
        self.exchanges = Vec::with_capacity(exchanges.len());
        for exchange in exchanges {
            self.insert(exchange)?;
        }
        self.go_to(head.filter(|&id| self.exchange(id).is_some()).or(self.exchanges.last().map(|e| e.id)));
        Ok(self)
    }

    /// All exchanges of all branches, oldest first.
    pub fn exchanges(&self) -> &[Arc<Exchange>] {
        &self.exchanges
    }

    /// Changes every mask of every branch.
    pub(super) fn for_each_mask(&mut self, change: &mut impl FnMut(&mut GroundedMask)) {
        for exchange in &mut self.exchanges {
            Arc::make_mut(exchange).masks.iter_mut().flatten().for_each(&mut *change);
        }
    }

    /// Whether nothing was said yet.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty()
    }

    /// The exchange with this number.
    pub fn exchange(&self, id: ExchangeId) -> Option<&Arc<Exchange>> {
        self.place(id).and_then(|at| self.exchanges.get(at))
    }

    /// The mask with this name, of any reply.
    pub fn mask(&self, id: MaskId) -> Option<&GroundedMask> {
        self.exchanges.iter().flat_map(|exchange| exchange.masks.iter().flatten()).find(|mask| mask.id == id)
    }

    /// The same, to be changed; the reply it belongs to is no longer shared with others.
    pub(super) fn mask_mut(&mut self, id: MaskId) -> Option<&mut GroundedMask> {
        let has_it = |e: &Arc<Exchange>| e.masks.iter().flatten().any(|mask| mask.id == id);
        let at = self.exchanges.iter().position(has_it)?;
        Arc::make_mut(&mut self.exchanges[at]).masks.iter_mut().flatten().find(|mask| mask.id == id)
    }

    /// Where the path that is shown ends.
    pub fn head(&self) -> Option<ExchangeId> {
        self.head
    }

    /// The exchanges that are shown, oldest first.
    pub fn path(&self) -> impl DoubleEndedIterator<Item = &Arc<Exchange>> + ExactSizeIterator {
        self.path.iter().map(|&at| &self.exchanges[at])
    }

    /// Whether an exchange is among those that are shown.
    pub fn is_on_path(&self, id: ExchangeId) -> bool {
        self.place_on_path(id).is_some()
    }

    fn place_on_path(&self, id: ExchangeId) -> Option<usize> {
        self.path.binary_search_by_key(&id, |&at| self.exchanges[at].id).ok()
    }

    /// The exchanges from the first question to this one.
    pub fn path_to(&self, end: Option<ExchangeId>) -> Vec<&Arc<Exchange>> {
        // Most often it is on the path that is shown: nothing need be looked for then.
        let shown = end.and_then(|id| self.place_on_path(id));
        let places = match shown {
            Some(last) => self.path[..=last].to_vec(),
            None => self.places_to(end),
        };
        places.into_iter().map(|at| &self.exchanges[at]).collect()
    }

    /// The last of these exchanges that is there.
    pub fn last_of(&self, path: &[ExchangeId]) -> Option<ExchangeId> {
        path.iter().rev().copied().find(|&id| self.place(id).is_some())
    }

    /// All that follow the same exchange as this one, itself among them: the branches to choose
    /// from.
    pub fn branches(&self, id: ExchangeId) -> Vec<ExchangeId> {
        let Some(exchange) = self.exchange(id) else { return Vec::new() };
        self.children(exchange.parent).map(|e| e.id).collect()
    }

    /// The last exchange of the path that is shown which has branches beside it. Asked for in every frame:
    /// of a long conversation that never branched, nothing is looked through.
    pub fn last_fork(&self) -> Option<ExchangeId> {
        if self.path.len() == self.exchanges.len() {
            return None;
        }
        let mut followers: HashMap<Option<ExchangeId>, usize> = HashMap::new();
        for exchange in &self.exchanges {
            *followers.entry(exchange.parent).or_default() += 1;
        }
        let forks = |e: &&Arc<Exchange>| followers.get(&e.parent).is_some_and(|&count| count > 1);
        self.path().rev().find(forks).map(|e| e.id)
    }

    /// The number of the next exchange.
    pub fn free_exchange(&self) -> ExchangeId {
        ExchangeId(self.exchanges.last().map_or(1, |e| e.id.0.saturating_add(1)))
    }

    /// Where the palette goes on behind this exchange.
    pub fn hue_after(&self, end: Option<ExchangeId>) -> usize {
        end.and_then(|id| self.exchange(id)).map_or(0, |e| e.first_hue + e.reply.groundings.len())
    }

    /// What it is called: its title, or else its first question.
    pub fn name(&self) -> String {
        if !self.title.is_empty() {
            return self.title.clone();
        }
        let first = self.path().next().or(self.exchanges.first());
        first.map_or_else(|| "New conversation".to_owned(), |e| e.question.draft())
    }

    fn place(&self, id: ExchangeId) -> Option<usize> {
        self.exchanges.binary_search_by_key(&id, |e| e.id).ok()
    }

    fn children(&self, parent: Option<ExchangeId>) -> impl DoubleEndedIterator<Item = &Arc<Exchange>> {
        self.exchanges.iter().filter(move |e| e.parent == parent)
    }

    fn places_to(&self, end: Option<ExchangeId>) -> Vec<usize> {
        let parent = |at: &usize| self.exchanges[*at].parent.and_then(|id| self.place(id));
        let mut places: Vec<usize> =
            std::iter::successors(end.and_then(|id| self.place(id)), parent).collect();
        places.reverse();
        places
    }

    fn go_to(&mut self, head: Option<ExchangeId>) {
        self.path = self.places_to(head);
        self.head = self.path.last().map(|&at| self.exchanges[at].id);
    }

    /// Puts an exchange behind all others.
    fn insert(&mut self, exchange: Arc<Exchange>) -> Result<(), EditError> {
        let is_last = self.exchanges.last().is_none_or(|last| last.id < exchange.id);
        let has_parent = exchange.parent.is_none_or(|id| self.place(id).is_some());
        if !is_last || !has_parent {
            return Err(EditError::UnknownExchange);
        }
        self.exchanges.push(exchange);
        Ok(())
    }

    /// Where the newest branch from here ends.
    fn newest_end(&self, from: ExchangeId) -> ExchangeId {
        let newest_child = |id: &ExchangeId| self.children(Some(*id)).next_back().map(|e| e.id);
        std::iter::successors(Some(from), newest_child).last().unwrap_or(from)
    }

    /// Takes an exchange away, and all that followed it.
    fn remove(&mut self, id: ExchangeId) -> Result<(), EditError> {
        let parent = self.exchange(id).ok_or(EditError::UnknownExchange)?.parent;
        let mut gone = vec![id];
        self.exchanges.retain(|exchange| {
            let goes = exchange.id == id || exchange.parent.is_some_and(|p| gone.binary_search(&p).is_ok());
            if goes && exchange.id != id {
                gone.push(exchange.id);
            }
            !goes
        });
        if self.head.is_some_and(|head| gone.contains(&head)) {
            let beside = self.children(parent).next_back().map(|e| self.newest_end(e.id));
            self.go_to(beside.or(parent));
        } else {
            self.go_to(self.head);
        }
        Ok(())
    }
}

/// A change to one conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum ConversationEdit {
    /// Add a finished reply; the path that is shown ends with it.
    Add(Arc<Exchange>),
    /// Put a reply that went on in the place of the unfinished one.
    Extend(Arc<Exchange>),
    /// Show the newest path through this exchange.
    Show(ExchangeId),
    /// Take an exchange away, and all that followed it.
    RemoveExchange(ExchangeId),
    /// Give it a title, or take the title away.
    Rename(String),
    /// Ask in another way from now on.
    Configure(Settings),
}

impl ConversationEdit {
    /// What "Undo …" is followed by in the menu.
    pub(super) fn label(&self) -> &'static str {
        match self {
            Self::Add(_) => "reply",
            Self::Extend(_) => "continued reply",
            Self::Show(_) => "switch of branch",
            Self::RemoveExchange(_) => "delete question",
            Self::Rename(_) => "rename conversation",
            Self::Configure(_) => "chat settings",
        }
    }

    pub(super) fn apply_to(&self, conversation: &mut Conversation) -> Result<(), EditError> {
        match self {
            Self::Add(exchange) => {
                conversation.insert(Arc::clone(exchange))?;
                conversation.go_to(Some(exchange.id));
            }
            Self::Extend(exchange) => {
                let at = conversation.place(exchange.id).ok_or(EditError::UnknownExchange)?;
                if conversation.exchanges[at].parent != exchange.parent {
                    return Err(EditError::UnknownExchange);
                }
                conversation.exchanges[at] = Arc::clone(exchange);
            }
            Self::Show(id) => {
                conversation.exchange(*id).ok_or(EditError::UnknownExchange)?;
                conversation.go_to(Some(conversation.newest_end(*id)));
            }
            Self::RemoveExchange(id) => conversation.remove(*id)?,
            Self::Rename(title) => title.trim().clone_into(&mut conversation.title),
            Self::Configure(settings) => conversation.settings = settings.clone(),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(id: u32, parent: Option<u32>) -> Arc<Exchange> {
        Arc::new(Exchange {
            id: ExchangeId(id),
            parent: parent.map(ExchangeId),
            question: Question { text: format!("question {id}"), regions: Vec::new() },
            reply: Reply::default(),
            tokens: Arc::default(),
            masks: Vec::new(),
            first_hue: 0,
            sampling: Sampling::Greedy,
            reason: FinishReason::EndOfSequence,
            stats: JobStats::default(),
        })
    }

    fn conversation(exchanges: &[(u32, Option<u32>)]) -> Conversation {
        let mut conversation = Conversation::new(ConversationId(1), Settings::default());
        for &(id, parent) in exchanges {
            ConversationEdit::Add(exchange(id, parent)).apply_to(&mut conversation).unwrap();
        }
        conversation
    }

    fn path(conversation: &Conversation) -> Vec<u32> {
        conversation.path().map(|e| e.id.0).collect()
    }

    /// 1 ─ 2 ─ 3, beside 2 there is 4, behind it 5; and 6 begins anew.
    const TREE: [(u32, Option<u32>); 6] =
        [(1, None), (2, Some(1)), (3, Some(2)), (4, Some(1)), (5, Some(4)), (6, None)];

    #[test]
    fn branches_are_made_and_switched() {
        let mut tree = conversation(&TREE);
        assert_eq!(path(&tree), [6]);
        assert_eq!(tree.branches(ExchangeId(2)), [ExchangeId(2), ExchangeId(4)]);
        assert_eq!(tree.branches(ExchangeId(6)), [ExchangeId(1), ExchangeId(6)]);
        for (show, expected, fork) in
            [(2, vec![1, 2, 3], 2), (1, vec![1, 4, 5], 4), (5, vec![1, 4, 5], 4), (6, vec![6], 6)]
        {
            ConversationEdit::Show(ExchangeId(show)).apply_to(&mut tree).unwrap();
            assert_eq!(path(&tree), expected, "{show}");
            assert_eq!(tree.last_fork(), Some(ExchangeId(fork)), "{show}");
        }
        assert_eq!(conversation(&[(1, None), (2, Some(1))]).last_fork(), None);
        assert_eq!(tree.path_to(Some(ExchangeId(3))).len(), 3);
        assert_eq!(tree.free_exchange(), ExchangeId(7));
    }

    #[test]
    fn what_follows_goes_with_what_is_removed() {
        for (remove, left, shown) in [
            (4, vec![1, 2, 3, 6], vec![1, 2, 3]),
            (1, vec![6], vec![6]),
            (5, vec![1, 2, 3, 4, 6], vec![1, 4]),
            (3, vec![1, 2, 4, 5, 6], vec![1, 4, 5]),
        ] {
            let mut tree = conversation(&TREE);
            ConversationEdit::Show(ExchangeId(5)).apply_to(&mut tree).unwrap();
            ConversationEdit::RemoveExchange(ExchangeId(remove)).apply_to(&mut tree).unwrap();
            let ids: Vec<u32> = tree.exchanges().iter().map(|e| e.id.0).collect();
            assert_eq!((ids, path(&tree)), (left, shown), "{remove}");
        }
        let mut single = conversation(&[(1, None)]);
        ConversationEdit::RemoveExchange(ExchangeId(1)).apply_to(&mut single).unwrap();
        assert_eq!((single.is_empty(), single.head()), (true, None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut tree = conversation(&[(1, None)]);
        for bad in [exchange(1, None), exchange(3, Some(2)), exchange(0, None), exchange(2, Some(2))] {
            let add = ConversationEdit::Add(bad);
            assert_eq!(add.apply_to(&mut tree), Err(EditError::UnknownExchange));
        }
        let shuffled = [(5, Some(2)), (2, None)].map(|(id, parent)| exchange(id, parent)).to_vec();
        let empty = || Conversation::new(ConversationId(2), Settings::default());
        let read = empty().with_exchanges(shuffled, Some(ExchangeId(99))).unwrap();
        assert_eq!(path(&read), [2, 5]);
        let circle = [(1, Some(2)), (2, Some(1))].map(|(id, parent)| exchange(id, parent)).to_vec();
        assert!(empty().with_exchanges(circle, None).is_err());
    }

    #[test]
    fn a_reply_that_went_on_takes_the_place_of_the_cut_one() {
        let mut tree = conversation(&TREE);
        ConversationEdit::Show(ExchangeId(5)).apply_to(&mut tree).unwrap();
        let longer = Exchange { reason: FinishReason::TokenLimit, ..Exchange::clone(&exchange(5, Some(4))) };
        assert!(longer.is_unfinished());
        ConversationEdit::Extend(Arc::new(longer)).apply_to(&mut tree).unwrap();
        assert_eq!(path(&tree), [1, 4, 5]);
        assert_eq!(tree.exchange(ExchangeId(5)).unwrap().reason, FinishReason::TokenLimit);
    }
}
