//! A bounded number of things that are costly to make, lent to one user at a time: whoever finds none free waits for one.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// See the module.
pub(super) struct Pool<T> {
    most: usize,
    stock: Mutex<Stock<T>>,
    freed: Condvar,
}

struct Stock<T> {
    free: Vec<T>,
    lent: usize,
}

/// One of them. It goes back when it is dropped.
pub(super) struct Lent<'a, T> {
    pool: &'a Pool<T>,
    /// Nothing once it is discarded.
    item: Option<T>,
}

impl<T> Pool<T> {
    /// At most so many.
    pub(super) const fn new(most: usize) -> Self {
        Self { most, stock: Mutex::new(Stock { free: Vec::new(), lent: 0 }), freed: Condvar::new() }
    }

    /// The free one that `choose` picks; or a new one; or, if there are as many as there may be, any. Nothing if none
    /// becomes free within `patience`.
    ///
    /// # Errors
    /// Those of `make`.
    pub(super) fn lend<E>(
        &self,
        patience: Duration,
        choose: impl Fn(&[T]) -> Option<usize>,
        make: impl FnOnce() -> Result<T, E>,
    ) -> Result<Option<Lent<'_, T>>, E> {
        let until = Instant::now() + patience;
        let mut stock = self.stock();
        loop {
            let any = (stock.free.len() + stock.lent >= self.most && !stock.free.is_empty()).then_some(0);
            if let Some(at) = choose(&stock.free).or(any) {
                stock.lent += 1;
                return Ok(Some(Lent { pool: self, item: Some(stock.free.remove(at)) }));
            }
            if stock.lent < self.most {
                stock.lent += 1;
                drop(stock);
                let mut lent = Lent { pool: self, item: None };
                lent.item = Some(make()?);
                return Ok(Some(lent));
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            stock = self.freed.wait_timeout(stock, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn stock(&self) -> MutexGuard<'_, Stock<T>> {
        self.stock.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Lent<'_, T> {
    /// It is of no use to anybody any more.
    pub(super) fn discard(mut self) {
        self.item = None;
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let mut stock = self.pool.stock();
        stock.lent -= 1;
        stock.free.extend(self.item.take());
        drop(stock);
        self.pool.freed.notify_one();
    }
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    #[allow(clippy::expect_used)] // it is there from `lend` on, and `discard` takes the whole
    fn deref(&self) -> &T {
        self.item.as_ref().expect("it is lent")
    }
}

impl<T> DerefMut for Lent<'_, T> {
    #[allow(clippy::expect_used)] // as above
    fn deref_mut(&mut self) -> &mut T {
        self.item.as_mut().expect("it is lent")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn lend<'a>(pool: &'a Pool<u8>, patience: Duration, made: u8) -> Option<Lent<'a, u8>> {
        pool.lend(patience, |free| free.iter().position(|one| *one == made), || Ok::<_, ()>(made)).unwrap()
    }

    #[test]
    fn there_are_never_more_than_the_bound_and_who_finds_none_waits() {
        let pool = Pool::new(2);
        let (one, two) = (lend(&pool, LONG, 1).unwrap(), lend(&pool, LONG, 2).unwrap());
        assert!(lend(&pool, Duration::ZERO, 3).is_none());
        std::thread::scope(|scope| {
            let (told, heard) = channel();
            let pool = &pool;
            scope.spawn(move || told.send(lend(pool, LONG, 3).map(|lent| *lent)).unwrap());
            drop(one);
            assert_eq!(heard.recv_timeout(LONG).unwrap(), Some(1), "any, where there are as many as there may be");
        });
        two.discard();
        assert_eq!(*lend(&pool, Duration::ZERO, 3).unwrap(), 3, "one that was discarded makes space");
        assert_eq!(*lend(&pool, Duration::ZERO, 1).unwrap(), 1, "the one that was asked for");
    }

    #[test]
    fn one_that_could_not_be_made_makes_space() {
        let pool = Pool::<u8>::new(1);
        assert_eq!(pool.lend(LONG, |_| None, || Err("no")).err(), Some("no"));
        assert!(lend(&pool, Duration::ZERO, 1).is_some());
    }
}
