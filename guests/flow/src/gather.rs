//! Waiting for many things at once, always in the same order.
//!
//! ```text
//! all    every one of many     first   the first of many
//! both   each of two           race    the first of two
//! ```
//!
//! Which of two that are ready comes first is decided by their place, never by chance, so each of these leads
//! to the same in each replay. What is not waited for any more is dropped, and so given up.

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Waits for all of them. Their values have the order of the futures, whichever came first.
///
/// They begin in that order too. A failure of one does not end the others:
///
/// ```text
/// let pages = all(urls.iter().map(|url| ctx.run::<fetch>(url))).await;
/// let pages: Vec<Page> = pages.into_iter().collect::<Result<_, _>>()?;
/// ```
///
/// **Cost:** an event polls those alone that it wakes, so thousands are fine.
pub async fn all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures
        .into_iter()
        .map(|future| Some(Box::pin(future)))
        .collect();
    let mut values: Vec<_> = futures.iter().map(|_| None).collect();
    let mut left = futures.len();
    let woken = Arc::new(Woken::all_of(left));
    poll_fn(|polling| {
        woken.outer().clone_from(polling.waker());
        // What is woken meanwhile wakes the one who polls this, and has its turn then.
        let turn = mem::take(&mut *woken.places());
        for place in turn {
            let (Some(slot), Some(value)) = (futures.get_mut(place), values.get_mut(place)) else {
                continue;
            };
            let Some(future) = slot else {
                continue;
            };
            let waker = Waker::from(Arc::new(Place(place, woken.clone())));
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                *value = Some(output);
                *slot = None;
                left -= 1;
            }
        }
        if left > 0 {
            return Poll::Pending;
        }
        Poll::Ready(mem::take(&mut values).into_iter().flatten().collect())
    })
    .await
}

/// Waits for the first of them, and says which it was. The others are given up.
///
/// When several are ready at once, it is the one that stands before the others. Of none, it waits for ever.
pub async fn first<F: Future>(futures: impl IntoIterator<Item = F>) -> (usize, F::Output) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|polling| {
        for (place, future) in futures.iter_mut().enumerate() {
            if let Poll::Ready(value) = future.as_mut().poll(polling) {
                return Poll::Ready((place, value));
            }
        }
        Poll::Pending
    })
    .await
}

/// Waits for both.
pub async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut left, mut right) = (None, None);
    poll_fn(|polling| {
        if left.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(polling)
        {
            left = Some(value);
        }
        if right.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(polling)
        {
            right = Some(value);
        }
        match (left.take(), right.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (left, right) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// Waits for the first of two, for instance an answer and a time limit. The other one is given up.
///
/// When both are ready at once, it is the left one.
pub async fn race<A: Future, B: Future>(a: A, b: B) -> Either<A::Output, B::Output> {
    let (mut a, mut b) = (pin!(a), pin!(b));
    poll_fn(|polling| {
        if let Poll::Ready(value) = a.as_mut().poll(polling) {
            return Poll::Ready(Either::Left(value));
        }
        b.as_mut().poll(polling).map(Either::Right)
    })
    .await
}

/// Which of two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Either<A, B> {
    /// The one that was named first.
    Left(A),
    /// The other one.
    Right(B),
}

/// Those of many to which something has happened, and who polls them all.
struct Woken {
    places: Mutex<BTreeSet<usize>>,
    outer: Mutex<Waker>,
}

impl Woken {
    fn all_of(count: usize) -> Self {
        Self {
            places: Mutex::new((0..count).collect()),
            outer: Mutex::new(Waker::noop().clone()),
        }
    }

    fn places(&self) -> MutexGuard<'_, BTreeSet<usize>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn outer(&self) -> MutexGuard<'_, Waker> {
        self.outer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of them.
struct Place(usize, Arc<Woken>);

impl Wake for Place {
    fn wake(self: Arc<Self>) {
        self.1.places().insert(self.0);
        let outer = self.1.outer().clone();
        outer.wake();
    }
}
