//! What survives a collection, and that what does not is used again.

use firn_symbol::Symbol;

use crate::{
    Alloc, Attempt, Duplicates, Heap, InUse, InlineCache, SetBuilder, Stack, TaskId, Unit, Word,
};

type Plain<'h> = Word<'h, u32>;

fn heap() -> Heap {
    let heap = Heap::new();
    heap.collect_from(1 << 20);
    heap.poison_the_dead();
    heap
}

fn collect(alloc: &Alloc<'_>) {
    // The stack of this thread is known on the systems that collect.
    alloc.collect(InUse::nothing(), true, &mut |_| {});
}

/// A list of lists of strings, `n` of each.
fn tree<'h>(alloc: &Alloc<'h>, n: usize) -> Plain<'h> {
    Word::list_from(alloc, n, |outer| {
        Word::list_from(alloc, n, |inner| {
            let text = format!("{outer}-{inner}");
            Word::string(alloc, text.as_bytes(), crate::ContextId::EMPTY)
        })
    })
}

fn is_tree(word: Plain<'_>, n: usize) -> bool {
    let lists = word.as_list().expect("a list");
    lists.len() == n
        && lists.iter().enumerate().all(|(outer, list)| {
            let items = list.as_list().expect("a list");
            items.iter().enumerate().all(|(inner, item)| {
                let bytes = item.as_str().expect("a string").bytes();
                bytes == format!("{outer}-{inner}").as_bytes()
            })
        })
}

/// Makes garbage far from the frames of the caller.
#[inline(never)]
fn garbage(alloc: &Alloc<'_>) {
    std::hint::black_box(tree(alloc, 100));
}

#[test]
fn pinned_words_and_locals_survive() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let local = tree(&alloc, 20);
    for size in [1, 2, 33, 70] {
        heap.pin(tree(&alloc, size));
    }
    let mut held = vec![tree(&alloc, 9)];
    heap.pin(held[0]);
    for _ in 0..10 {
        garbage(&alloc);
        collect(&alloc);
    }
    assert!(is_tree(local, 20));
    assert!(is_tree(held.remove(0), 9));
}

#[test]
fn slices_keep_what_they_are_of() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let items = tree(&alloc, 40).as_list().expect("a list");
    let text = Word::<u32>::string(&alloc, b"kept by its bytes", crate::ContextId::EMPTY);
    let bytes = text.as_str().expect("a string").bytes();
    let large = Word::<u32>::list_from(&alloc, 100_000, |idx| {
        Word::string(&alloc, idx.to_string().as_bytes(), crate::ContextId::EMPTY)
    });
    let tail = &large.as_list().expect("a list")[99_990..];
    for _ in 0..3 {
        garbage(&alloc);
        collect(&alloc);
    }
    assert!(is_tree(Word::list(&alloc, items), 40));
    assert_eq!(bytes, b"kept by its bytes");
    let last = tail[9].as_str().expect("a string").bytes();
    assert_eq!(last, b"99999");
}

#[test]
fn memory_is_used_again() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let mut reserved = Vec::new();
    for _ in 0..40 {
        garbage(&alloc);
        std::hint::black_box(Word::<u32>::list_from(&alloc, 50_000, |_| Word::null()));
        if alloc.collect(InUse::nothing(), true, &mut |_| {}).is_none() {
            return;
        }
        reserved.push(heap.reserved_bytes());
    }
    assert!(reserved[39] <= reserved[5] + (2 << 20), "{reserved:?}");
}

#[test]
fn a_value_stack_keeps_its_words_and_drops_the_rest() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let mut stack: Stack<'_, u32> = Stack::new(&alloc);
    for n in 0..30 {
        assert!(stack.push(tree(&alloc, n)));
    }
    stack.truncate(20);
    for _ in 0..3 {
        garbage(&alloc);
        alloc.collect(InUse::new(&stack, &[]), true, &mut |_| {});
        stack.forget_finished();
    }
    for n in 0..20 {
        assert!(is_tree(stack.get(0, n), n as usize));
    }
    assert!(stack.slots(0, 30)[25].try_get().is_none());
}

#[test]
fn a_thunk_with_a_value_lets_its_captures_go() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let unit = alloc.value(Unit::<u32>::new([0, 0, 2, 0], 0, 0));
    let (suspended, caps) = Word::thunk(&alloc, unit);
    caps[0].set(tree(&alloc, 12));
    caps[1].set(Word::null());
    let (forced, caps) = Word::thunk(&alloc, unit);
    caps[0].set(suspended);
    caps[1].set(tree(&alloc, 5));
    let Attempt::Claimed(claim) = forced.claim(TaskId(1)) else {
        panic!("nobody else claims it")
    };
    collect(&alloc);
    assert!(is_tree(claim.caps[1].get(), 5), "the owner still needs it");
    claim.finish(tree(&alloc, 7));
    collect(&alloc);
    assert!(is_tree(forced.resolved().expect("a value"), 7));
    let (_, caps) = suspended.suspended().expect("not evaluated");
    assert!(is_tree(caps[0].get(), 12));
}

#[test]
fn a_row_keeps_what_its_thunks_need() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let unit = alloc.value(Unit::<u32>::new([0, 0, 2, 1], 0, 0));
    let captures = [tree(&alloc, 3), tree(&alloc, 9)];
    let thunks: Vec<_> = Word::rows(&alloc, unit, captures, 200).collect();
    for (number, size) in [(70, 4), (150, 5)] {
        let Attempt::Claimed(claim) = thunks[number].claim(TaskId(1)) else {
            panic!("nobody else claims it")
        };
        claim.finish(tree(&alloc, size));
    }
    // Of the second and the third row, one finished thunk each is in use; of the last, one that
    // is not.
    let kept = Word::list(&alloc, &[thunks[70], thunks[150], thunks[199]]);
    drop(thunks);
    for _ in 0..3 {
        garbage(&alloc);
        alloc.collect(InUse::nothing(), true, &mut |marker| marker.word(kept));
        let items = kept.as_list().expect("a list");
        assert!(is_tree(items[0].resolved().expect("a value"), 4));
        assert!(is_tree(items[1].resolved().expect("a value"), 5));
        let (_, caps) = items[2].suspended().expect("not evaluated");
        assert!(is_tree(caps[0].get(), 3) && is_tree(caps[1].get(), 9));
    }
}

#[test]
fn caches_of_dead_shapes_are_wiped() {
    let heap = heap();
    let alloc = Alloc::new(&heap);
    let caches: &[InlineCache] = alloc.values((0..2).map(|_| InlineCache::default()));
    heap.add_caches(caches);
    let name = |idx: usize| Symbol::intern(format!("collected-{idx}").as_bytes());
    // More keys than sets of data share shapes for.
    let set = |first: usize| {
        let mut attrs: SetBuilder<'_, u32> = SetBuilder::default();
        for idx in first..first + 20 {
            attrs.push(name(idx), Word::int(&alloc, idx as i64));
        }
        attrs.finish(&alloc, Duplicates::KeepLast)
    };
    let kept = set(1);
    for round in 0..50 {
        for (cache, set) in caches.iter().zip([set(round), kept]) {
            let set = set.as_set().expect("a set");
            let found = set.get_cached(name(round + 1), cache, &alloc);
            let is_there = found.and_then(Word::as_int);
            assert_eq!(is_there, set.get(name(round + 1)).and_then(Word::as_int));
        }
        // Another key than before needs another cache.
        caches.iter().for_each(InlineCache::wipe);
        let probe = set(7).as_set().expect("a set");
        probe.get_cached(name(8), &caches[0], &alloc);
        collect(&alloc);
        let other = set(round).as_set().expect("a set");
        let found = other.get_cached(name(8), &caches[0], &alloc);
        assert_eq!(
            found.and_then(Word::as_int),
            other.get(name(8)).and_then(Word::as_int)
        );
        caches.iter().for_each(InlineCache::wipe);
    }
}

/// A list of numbers as texts.
fn texts<'h>(alloc: &Alloc<'h>, from: usize) -> Plain<'h> {
    Word::list_from(alloc, 50, |idx| {
        let text = (from + idx).to_string();
        Word::string(alloc, text.as_bytes(), crate::ContextId::EMPTY)
    })
}

#[test]
fn every_thread_keeps_what_it_has_and_halts_for_the_others() {
    const N_ROUNDS: usize = 60;
    let heap = heap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let heap = &heap;
            scope.spawn(move || {
                let alloc = Alloc::new(heap);
                let limit = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
                alloc.join(limit.clone());
                let mut stack: Stack<'_, u32> = Stack::small(&alloc);
                let local = texts(&alloc, thread * 1000);
                let mut words = vec![Some(texts(&alloc, thread * 2000))];
                for round in 0..N_ROUNDS {
                    assert!(stack.push(texts(&alloc, round)));
                    garbage(&alloc);
                    let asked = limit.swap(0, std::sync::atomic::Ordering::SeqCst) != 0;
                    if asked || round % (thread + 2) == 0 {
                        let in_use = InUse::new(&stack, &words);
                        alloc.collect(in_use, !asked, &mut |_| {});
                    }
                    if round % 7 == thread {
                        let in_use = InUse::new(&stack, &words);
                        let wait = std::time::Duration::from_micros(300);
                        alloc.while_halted(in_use, || std::thread::sleep(wait));
                    }
                    words.push(Some(texts(&alloc, round)));
                }
                let is_from = |word: Plain<'_>, from: usize| {
                    let items = word.as_list().expect("a list");
                    items.iter().enumerate().all(|(idx, item)| {
                        let bytes = item.as_str().expect("a string").bytes();
                        bytes == (from + idx).to_string().as_bytes()
                    })
                };
                assert!(is_from(local, thread * 1000));
                assert!(is_from(words[0].expect("set"), thread * 2000));
                for round in 0..N_ROUNDS {
                    assert!(is_from(stack.get(round, 0), round));
                    assert!(is_from(words[round + 1].expect("set"), round));
                }
            });
        }
    });
}
