//! A defect in one entity's code stays that entity's trouble. Failpoints belong to the whole process, so this test has
//! a binary of its own.

use std::sync::Arc;

use fail::FailScenario;
use kippu_actors::runtime::clock::SystemClock;
use kippu_actors::runtime::{Outcome, Runtime, RuntimeConfig};
use kippu_actors::{Call, Commands, Problem};
use kippu_events::access::Caller;
use kippu_events::log::memory::MemoryLog;
use kippu_events::log::{Log, LogId, ReadLog as _};
use kippu_events::secrets::Secrets;
use kippu_events::{EntityId, Family};

const LOG: LogId = LogId([7; 16]);

async fn run(commands: &Commands, id: Option<EntityId>, name: &str, key: &str) -> Result<Outcome, Problem> {
    let body = if name == "open" { r#"{"label":"x"}"# } else { r#"{"server":"s"}"# };
    let call = Call { caller: Caller::OPERATOR, key: key.to_owned(), id, if_match: None };
    Ok(commands.run(Family::Placements, name, call, body.as_bytes()).await?)
}

#[test]
fn an_entity_whose_code_panics_is_set_aside_and_everybody_else_goes_on() {
    let scenario = FailScenario::setup();
    actix::System::new().block_on(async {
        let log = MemoryLog::new(LOG, 1);
        let folder = tempfile::tempdir().unwrap();
        let secrets = Arc::new(Secrets::ephemeral(1, LOG));
        let start = async |cache: &str| {
            let config = RuntimeConfig::new(folder.path().join(cache));
            let clock = Arc::new(SystemClock);
            let runtime = Runtime::start(config, Arc::clone(&log) as Arc<dyn Log>, Arc::clone(&secrets), clock);
            Commands::new(runtime.await.unwrap(), Arc::clone(&secrets))
        };
        let commands = start("a").await;
        let broken = run(&commands, None, "open", "broken").await.unwrap().entity.id;
        let sound = run(&commands, None, "open", "sound").await.unwrap().entity.id;
        let end = log.end(0).unwrap();

        fail::cfg("runtime::decide", "1*panic(as the test demands)").unwrap();
        for key in ["first", "second"] {
            let refused = run(&commands, Some(broken), "place", key).await.unwrap_err();
            assert_eq!((refused.kind.slug, refused.kind.status), ("quarantined", 500));
        }
        assert_eq!(log.end(0).unwrap(), end, "nothing was written");
        assert!(run(&commands, Some(sound), "place", "p").await.is_ok());

        // A restart forgets the quarantine: history is sound, and the defect may have been mended.
        let commands = start("b").await;
        assert!(run(&commands, Some(broken), "place", "first").await.is_ok());
    });
    scenario.teardown();
}
