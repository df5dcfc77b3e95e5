//! Large allocations in large pages: the program's allocator, declared in its `main.rs`.
//!
//! What lies between two products is tens to hundreds of megabytes, new with every product, and the system clears it
//! page by page at the first touch: 512 times for every 2 MB, where many systems give pages of that size only to
//! who asks (`madvise` in `/sys/kernel/mm/transparent_hugepage/enabled`).

#![expect(unsafe_code, reason = "the interface of allocators")]

use std::alloc::{GlobalAlloc, Layout, System};

/// Allocations of so many bytes are worth asking for.
const LARGE: usize = 4 << 20;

/// The system's allocator, which asks for large pages where they pay. Elsewhere than on Linux it is the system's
/// alone.
#[derive(Debug)]
pub struct LargePages;

// SAFETY: memory is the system allocator's; advice changes nothing about it but how fast it is.
unsafe impl GlobalAlloc for LargePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        let start = unsafe { System.alloc(layout) };
        ask_for_large_pages(start, layout.size());
        start
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's.
        let start = unsafe { System.alloc_zeroed(layout) };
        ask_for_large_pages(start, layout.size());
        start
    }

    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        // SAFETY: the caller's.
        unsafe { System.dealloc(start, layout) }
    }

    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's.
        let start = unsafe { System.realloc(start, layout, size) };
        ask_for_large_pages(start, size);
        start
    }
}

/// For the pages that an allocation lies in, where it is large. A system that has none says no, and nothing is lost.
fn ask_for_large_pages(start: *mut u8, size: usize) {
    #[cfg(target_os = "linux")]
    if size >= LARGE && !start.is_null() {
        // SAFETY: it may be asked at any time.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let before = start.addr() % usize::try_from(page).unwrap_or(1).max(1);
        // SAFETY: the allocation, and what is before it in its first page; nothing of it is changed.
        unsafe {
            libc::madvise(start.wrapping_sub(before).cast(), size + before, libc::MADV_HUGEPAGE);
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (start, size);
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    /// Whether large pages were asked for at an address: `hg` among the flags of its mapping.
    fn is_asked_for(address: usize) -> bool {
        let mappings = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let holds = |line: &str| {
            let (start, end) = line.split_once(' ')?.0.split_once('-')?;
            let [start, end] = [start, end].map(|number| usize::from_str_radix(number, 16));
            Some((start.ok()?..end.ok()?).contains(&address))
        };
        let mut lines = mappings.lines().skip_while(|line| holds(line) != Some(true)).skip(1);
        lines.find(|line| line.starts_with("VmFlags:")).unwrap().split(' ').any(|flag| flag == "hg")
    }

    #[test]
    fn large_allocations_ask_for_large_pages() {
        if !std::path::Path::new("/sys/kernel/mm/transparent_hugepage").exists() {
            return; // This system has none.
        }
        let layout = Layout::from_size_align(64 << 20, 64).unwrap();
        // SAFETY: the size is not 0, and what is given back was allocated with that layout.
        unsafe {
            for start in [LargePages.alloc(layout), LargePages.alloc_zeroed(layout)] {
                assert!(is_asked_for(start.addr() + (32 << 20)));
                start.add((64 << 20) - 1).write(1);
                let grown = LargePages.realloc(start, layout, 128 << 20);
                assert!(is_asked_for(grown.addr() + (96 << 20)));
                assert_eq!(grown.add((64 << 20) - 1).read(), 1);
                LargePages.dealloc(grown, Layout::from_size_align(128 << 20, 64).unwrap());
            }
            let system = System.alloc(layout);
            assert!(!is_asked_for(system.addr() + (32 << 20)), "it asks by itself");
            System.dealloc(system, layout);
        }
    }
}
