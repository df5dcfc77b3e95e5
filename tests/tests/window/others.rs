//! What other windows have done shows when the user comes back to this one.

use std::fs;
use std::path::Path;

use egui::Event;
use glamm::prompts::{Prompt, store};
use glamm::system::surroundings::Surroundings;

use crate::Action;
use crate::keeping::{save_to, state};
use crate::stage::{Setup, Stage, nothing_around};

fn prompt(text: &'static str) -> Prompt {
    Prompt { label: text.into(), text: text.into() }
}

fn come_back(stage: &mut Stage) {
    for focused in [false, true] {
        stage.window.event(Event::WindowFocused(focused));
        stage.window.step();
    }
}

fn prompts(stage: &Stage) -> Vec<&str> {
    state(stage).session.prompts.iter().map(|prompt| prompt.text.as_ref()).collect()
}

#[test]
fn prompts_that_another_window_has_kept_are_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("prompts.json");
    let in_file = || store::read(&path).unwrap().into_iter().map(|p| p.text.into_owned()).collect::<Vec<_>>();
    store::write(&path, &[prompt("Is it red?"), prompt("Is it round?")]).unwrap();
    let mut stage = Stage::new(&Setup::default());
    let ctx = stage.window.ctx.clone();
    stage.window.state_mut().keep_prompts_in(&ctx, path.clone()).unwrap();
    stage.wait("the prompts", |stage| prompts(stage).len() == 2);
    store::write(&path, &[prompt("Is it round?"), prompt("What is it made of?")]).unwrap();
    stage.settle();
    assert_eq!(prompts(&stage), ["Is it red?", "Is it round?"], "nobody looks");
    come_back(&mut stage);
    stage.wait("the other's prompt", |stage| prompts(stage) == ["Is it round?", "What is it made of?"]);
    // What is taken out here is not thought to be the other's.
    stage.act(Action::RemovePrompt(1));
    stage.wait("the file", |_| in_file() == ["Is it round?"]);
    assert_eq!(prompts(&stage), ["Is it round?"]);
}

/// A window whose data lie there.
fn with_data(data: &Path) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let surroundings = Surroundings { data: Some(data.to_owned()), ..nothing_around(folder.path()) };
    Stage::with_shapes(&Setup::default(), surroundings, folder)
}

#[test]
fn sessions_that_another_window_has_opened_are_among_the_recent_ones() {
    let data = tempfile::tempdir().unwrap();
    let [mine, yours] = ["mine.glamm", "yours.glamm"].map(|name| data.path().join(name));
    let (mut one, mut other) = (with_data(data.path()), with_data(data.path()));
    let list = data.path().join("recent-sessions.json");
    let is_listed = |name: &str| fs::read_to_string(&list).is_ok_and(|text| text.contains(name));
    save_to(&mut one, &mine);
    one.wait("the list", |_| is_listed("mine.glamm"));
    save_to(&mut other, &yours);
    other.wait("the list", |_| is_listed("yours.glamm"));
    assert_eq!(state(&one).session.keeping.recent, std::slice::from_ref(&mine));
    come_back(&mut one);
    one.wait("the other's", |one| state(one).session.keeping.recent == [yours.clone(), mine.clone()]);
}
