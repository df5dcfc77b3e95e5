//! What must hold of every scene, over a few hundred seeds.

use std::collections::HashSet;

use super::*;
use crate::scenes::{
    Size,
    placement::{MIN_AREA, MIN_VISIBLE},
};

fn scenes(count: u64) -> impl Iterator<Item = Scene> {
    (0..count).map(|seed| generate(9_000 + seed))
}

#[test]
fn a_seed_always_gives_the_same_scene_and_another_seed_another() {
    let scene = generate(42);
    assert_eq!(scene, generate(42));
    assert_ne!(scene.image, generate(43).image);
    assert_eq!(scene.image.dimensions(), (Scene::SIZE, Scene::SIZE));
}

#[test]
fn no_pixel_belongs_to_two_objects() {
    for scene in scenes(60) {
        let mut owners = vec![0; (Scene::SIZE * Scene::SIZE) as usize];
        for object in &scene.objects {
            for (count, &inside) in owners.iter_mut().zip(object.mask.pixels()) {
                *count += u8::from(inside);
            }
        }
        assert!(owners.iter().all(|&count| count <= 1), "seed {}", scene.seed);
    }
}

#[test]
fn parts_lie_in_their_object_and_not_in_each_other() {
    for scene in scenes(60) {
        for object in &scene.objects {
            for (index, part) in object.parts.iter().enumerate() {
                assert!(part.mask.area() >= MIN_PART_AREA);
                let (inside, _) = part.mask.intersection_and_union(&object.mask);
                assert_eq!(inside, part.mask.area(), "{:?} of seed {}", part.kind, scene.seed);
                for other in &object.parts[index + 1..] {
                    assert_ne!(part.kind, other.kind);
                    assert_eq!(part.mask.intersection_and_union(&other.mask).0, 0);
                }
            }
        }
    }
}

#[test]
fn everything_can_be_seen_well_enough() {
    for scene in scenes(150) {
        assert!((2..=6).contains(&scene.objects.len()), "seed {}", scene.seed);
        for object in &scene.objects {
            assert!(object.mask.area() >= MIN_AREA, "{:?} of seed {}", object.kind, scene.seed);
            assert!((MIN_VISIBLE..=1.0).contains(&object.visible), "{}", object.visible);
            assert_eq!(Some(object.bounds), object.mask.bounding_box());
        }
    }
}

#[test]
fn what_sits_on_something_is_just_in_front_of_it_and_touches_it() {
    let mut seen = 0;
    for scene in scenes(300) {
        for (index, object) in scene.objects.iter().enumerate() {
            let Some(support) = object.supported_by else { continue };
            seen += 1;
            assert!(support < index, "seed {}", scene.seed);
            let (top, bottom) = (object.bounds, scene.objects[support].bounds);
            assert!(top.x0 < bottom.x1 && bottom.x0 < top.x1 && top.y1 >= bottom.y0 - 2.0);
        }
    }
    assert!(seen > 5, "only {seen}");
}

#[test]
fn every_kind_part_colour_background_and_size_comes_up() {
    let (mut kinds, mut parts) = (HashSet::new(), HashSet::new());
    let (mut colors, mut backgrounds, mut sizes) = (HashSet::new(), HashSet::new(), HashSet::new());
    for scene in scenes(300) {
        backgrounds.insert(scene.background);
        for object in &scene.objects {
            kinds.insert(object.kind);
            colors.insert(object.color);
            sizes.insert(object.size);
            parts.extend(object.parts.iter().map(|part| part.kind));
        }
    }
    assert_eq!(kinds.len(), Kind::ALL.len());
    assert_eq!(colors.len(), Color::ALL.len());
    assert_eq!(backgrounds.len(), Background::ALL.len());
    assert_eq!(sizes.len(), Size::ALL.len());
    assert_eq!(parts.len(), PartKind::ALL.len());
}

#[test]
fn an_objects_pixels_have_its_colour() {
    // A balloon is one colour: a pixel of its middle must be nearer to that than to any other.
    let mut right = 0;
    let mut all = 0;
    let mut rng = SceneRng::new(5);
    for scene in scenes(200) {
        for object in scene.objects.iter().filter(|object| object.kind == Kind::Balloon) {
            let middle = (
                f32::midpoint(object.bounds.x0, object.bounds.x1),
                object.bounds.y0 + (object.bounds.y1 - object.bounds.y0) * 0.35,
            );
            let (x, y) = (middle.0 as u32, middle.1 as u32);
            if !object.mask.contains(x, y) {
                continue;
            }
            let pixel = scene.image.get_pixel(x, y).0.map(|c| f32::from(c) / 255.0);
            let nearest = Color::ALL.into_iter().min_by(|&a, &b| {
                let mut distance = |color: Color| {
                    let tint = super::super::palette::Shades::new(color, &mut rng).base;
                    tint.distance(pixel)
                };
                distance(a).total_cmp(&distance(b))
            });
            all += 1;
            right += usize::from(nearest == Some(object.color));
        }
    }
    assert!(all > 20 && right as f32 >= 0.9 * all as f32, "{right} of {all}");
}
