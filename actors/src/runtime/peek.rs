//! Looking an entity up, in any partition.

use kippu_events::EntityKey;
use tokio::sync::oneshot;

use super::Runtime;
use super::partition::Tell;
use super::serving::PeekReply;
use crate::actor::LookedUp;
use crate::problem::{self, Problem};

impl Runtime {
    /// The entity `key` as it is now, durable; or as this node has read it, where another serves its partition.
    ///
    /// # Errors
    /// Where nobody can say so now.
    pub async fn peek(&self, key: EntityKey) -> Result<LookedUp, Problem> {
        self.look_up(key, Tell::Peek).await
    }

    /// The entity `key` as the log has it now, also where another node serves its partition: this one reads to the log's end first.
    ///
    /// # Errors
    /// Where nobody can say so now.
    pub async fn peek_now(&self, key: EntityKey) -> Result<LookedUp, Problem> {
        self.look_up(key, Tell::PeekNow).await
    }

    async fn look_up(
        &self,
        key: EntityKey,
        tell: impl FnOnce(EntityKey, PeekReply) -> Tell,
    ) -> Result<LookedUp, Problem> {
        let (reply, answer) = oneshot::channel();
        let partition = &self.partitions[usize::from(self.partition_of(key))];
        let unavailable = || Problem::later(&problem::UNAVAILABLE, format!("{key} cannot be looked up now"));
        partition.try_send(tell(key, reply)).map_err(|_| unavailable())?;
        answer.await.unwrap_or_else(|_| Err(unavailable()))
    }
}
