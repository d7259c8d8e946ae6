//! What the commands about evidence have in common: which keys they sign with and believe, and how they end.

use kippu_events::Time;
use kippu_events::log::ReadLog;
use kippu_events::secrets::{PublicKey, SecretsError, SigningStore, SigningUse};
use kippu_replay::evidence::{EvidenceError, Fault, Key, Keys, Kind, Signer, origin, signing_number};

use super::{NotRead, data_dir};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Output;

/// Whom to believe.
#[derive(clap::Args)]
pub(crate) struct Trusted {
    /// A key that the log may sign with: a verifier key, or a file with the JWK set of its node. May be given several times.
    #[arg(long, value_name = "KEY")]
    key: Vec<String>,
    /// The verifier key of a witness who must have cosigned. May be given several times.
    #[arg(long, value_name = "KEY", requires = "key")]
    witness: Vec<Key>,
}

impl Trusted {
    /// The log's keys, if any are given.
    pub(super) fn keys(&self) -> Result<Option<Keys>, EvidenceError> {
        if self.key.is_empty() { Ok(None) } else { Keys::read(&self.key).map(Some) }
    }

    /// The same, where there have to be some.
    pub(super) fn some_keys(&self) -> Result<Keys, NotDone> {
        self.keys()?.ok_or(NotDone::NoKeys)
    }

    pub(super) fn witnesses(&self) -> &[Key] {
        &self.witness
    }
}

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotDone {
    #[error(transparent)]
    History(#[from] NotRead),
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error(transparent)]
    Secrets(#[from] SecretsError),
    #[error("no key to sign with: name the node's data directory with --data")]
    NoKeyStore,
    #[error("no key to believe: name the log's with --key")]
    NoKeys,
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

impl From<Fault> for NotDone {
    fn from(fault: Fault) -> Self {
        Self::Evidence(fault.into())
    }
}

/// How a command ends that came to `done`. What is wrong with what it looked at is its result; `name` is what it looked for.
pub(super) fn end(name: &str, done: Result<Exit, NotDone>, output: &Output) -> Exit {
    let error = match done {
        Ok(exit) => return exit,
        Err(error) => error,
    };
    let exit = match &error {
        NotDone::Evidence(EvidenceError::Fault(_)) => Exit::Found,
        NotDone::History(error) => error.exit(),
        NotDone::NoKeyStore | NotDone::NoKeys => Exit::Usage,
        NotDone::Evidence(_) | NotDone::Secrets(_) | NotDone::Io(..) => Exit::CouldNotRun,
    };
    if exit == Exit::Found {
        let value = serde_json::json!({ "sound": false, "found": error.to_string() });
        output.result(&value, format_args!("{error}\n{name}: NOT SOUND"));
        return exit;
    }
    output.failed(exit, error)
}

/// Signs bytes.
type Sign = Box<dyn Fn(&[u8]) -> [u8; 64]>;

/// The keys with which the node of a history signs checkpoints.
pub(super) struct Own {
    name: String,
    /// By number, up to the one that signs now.
    keys: Vec<PublicKey>,
    sign: Sign,
    at: Time,
}

impl Own {
    /// Those in the data directory that `config` names, of the history `log`.
    pub(super) fn open(config: &Config, log: &dyn ReadLog) -> Result<Self, NotDone> {
        if config.data.is_none() {
            return Err(NotDone::NoKeyStore);
        }
        let store = SigningStore::open(&data_dir(config).keys(), log.id())?;
        let at = Time::now();
        let number = signing_number(log)?.at(at);
        let keys = (0..=number).map(|number| store.public_key(SigningUse::Checkpoints, number)).collect();
        let (_, sign) = store.signer(SigningUse::Checkpoints, number);
        Ok(Self { name: origin(log.id()), keys, sign: Box::new(sign), at })
    }

    fn named(&self, kind: Kind, key: PublicKey) -> Key {
        Key { name: self.name.clone(), kind, key }
    }

    /// Those that have signed as the log so far, the newest last.
    pub(super) fn of_the_log(&self) -> Vec<Key> {
        self.keys.iter().map(|key| self.named(Kind::Log, *key)).collect()
    }

    /// What signs now.
    pub(super) fn signer(&self, kind: Kind) -> Option<Signer<'_>> {
        let key = self.named(kind, *self.keys.last()?);
        Some(Signer { key, sign: &self.sign, at: self.at })
    }
}
