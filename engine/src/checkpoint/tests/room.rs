//! Whether the memory is there for a model, and whose it is.

use super::*;

/// Gigabytes that are there, and free.
fn machine(ram: u64, free: u64) -> Machine {
    Machine {
        ram_bytes: ram << 30,
        free_ram_bytes: free << 30,
        vram_bytes: Some(24 << 30),
        free_vram_bytes: Some(10 << 30),
    }
}

#[test]
fn what_is_mapped_need_not_be_free() {
    let plan = MemoryPlan {
        parts: [1 << 30, 0, 0, 0, 0, 11 << 30, 0],
        mapped_bytes: 8 << 30,
        loading_bytes: 5 << 30,
        encoding_bytes: 1 << 30,
        cache_bytes: 1 << 30,
        reading_bytes: 1 << 30,
    };
    let lacks = |backend, ram, free| {
        shortage(&plan, backend, machine(ram, free)).map(|(needed, there)| (needed >> 30, there >> 30))
    };
    assert_eq!(lacks(Backend::Cpu, 32, 6), None);
    assert_eq!(lacks(Backend::Cpu, 32, 5), Some((6, 5)), "4 of weights and 2 to compute");
    assert_eq!(lacks(Backend::Cpu, 13, 12), Some((14, 13)), "all of it is needed for one word");
    assert_eq!(lacks(Backend::Metal, 16, 14), None);
    assert_eq!(lacks(Backend::Metal, 16, 13), Some((14, 13)), "nothing is mapped there");
    assert_eq!(lacks(Backend::Cuda, 64, 64), Some((14, 10)));
}

#[test]
fn memory_that_is_the_programs_own_is_told_from_what_is_mapped() {
    let demo = Checkpoint::of(&ModelSource::Demo).unwrap();
    let owned = |precision| match demo.held(precision, Backend::Cpu) {
        Held::Ram(bytes) => bytes,
        Held::Card(_) => panic!("there is no card"),
    };
    let all = |precision| demo.memory_plan(precision, Backend::Cpu).weight_bytes();
    for converted in [Some(Precision::F32), Some(Precision::Q8_0)] {
        // Tables and projections stay in sixteen bits.
        assert!(owned(converted) > all(converted) * 3 / 4, "{converted:?} is made anew from f16");
    }
    for as_stored in [None, Some(Precision::F16)] {
        let (owned, all) = (owned(as_stored), all(as_stored));
        assert!(owned > 0 && owned < all / 3, "{owned} of {all}: norms, biases, kernels of convolutions");
    }
}
