//! Secrets: the key store next to the log, and everything that is made with its keys – tokens, MACs, PIN verifiers and
//! encrypted personal fields. What leaves this module may be stored; what goes into it may not.

mod capability;
mod copy;
mod csrf;
mod encryption;
mod error;
mod factor;
mod following;
mod forgetting;
mod keyring;
mod mac;
mod numbered;
mod persons;
mod pin;
mod secondary;
mod shared;
mod signing;
#[cfg(test)]
mod tests;
mod token;
mod transfer;
mod webhook;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::error::damaged;
pub use self::error::{Forged, SecretsError};
pub use self::forgetting::Destroyed;
use self::keyring::{Key, Keyring, Use};
use self::mac::Keyed;
use self::persons::Persons;
pub use self::shared::{SharedError, SharedKey, SharedKeys};
pub use self::signing::{NotAKey, PublicKey, SigningStore, SigningUse};
use self::token::Mint;
pub use self::transfer::{KeyTransfer, KeysFrom, KeysTo, copy_keyring};

use crate::event::Mac;
pub use crate::opaque::{EncryptedField, PinVerifier, TokenHash};
use crate::{EntityId, EntityKey, Family, Principal, caseless, log_id::LogId};

/// What a bearer token is for. A token of one purpose is a forgery for every other.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// Redeems an approval: `kpa_…`.
    Approval,
    /// Calls the API: `kpk_…`.
    ApiKey,
    /// Shows and acts on one entity, whoever holds it: `kpc_…`.
    Capability,
    /// Calls the API as an end user who signed in: `kps_…`.
    Session,
}

/// What a genuine token says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bearer {
    /// The root key it was made with.
    pub key: u32,
    /// The entity it is for.
    pub entity: EntityId,
    /// Which of the entity's tokens it is.
    pub counter: u32,
}

/// The folder of persons' keys within the key store.
const PERSONS: &str = "persons";

/// The open key store.
pub struct Secrets {
    /// The party whose keys these are: what its signatures name.
    pub party: EntityId,
    mint: Mint,
    command: Keyed,
    body: Keyed,
    entity: Keyed,
    visitor: Keyed,
    login: Keyed,
    activity: Keyed,
    csrf: Keyed,
    factor: Keyed,
    signing: SigningStore,
    webhook: Keyed,
    field: Key,
    pepper: (u32, Key),
    persons: Persons,
    /// Where the keyring lies, where it does.
    dir: Option<PathBuf>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    fn new(keyring: &Keyring, persons: Persons, dir: Option<&Path>) -> Self {
        let (pepper, key) = keyring.key(Use::Pepper);
        Self {
            party: keyring.log.party(),
            mint: Mint::new(keyring.keys(Use::Root), keyring.log),
            command: Keyed::new(keyring.key(Use::Identity).1, "kippu.command.1"),
            body: Keyed::new(keyring.key(Use::Identity).1, "kippu.body.1"),
            entity: Keyed::new(keyring.key(Use::Identity).1, "kippu.entity.1"),
            visitor: Keyed::new(keyring.key(Use::Identity).1, "kippu.visitor.1"),
            login: Keyed::new(keyring.key(Use::Index).1, "kippu.login.1"),
            activity: Keyed::new(keyring.key(Use::Identity).1, "kippu.activity.1"),
            csrf: Keyed::new(keyring.key(Use::Identity).1, "kippu.csrf.1"),
            factor: Keyed::new(keyring.key(Use::Identity).1, "kippu.factor.1"),
            signing: SigningStore::new(keyring),
            webhook: Keyed::new(keyring.key(Use::Identity).1, "kippu.webhook.1"),
            field: Key(Keyed::new(keyring.key(Use::Identity).1, "kippu.field.1").finish()),
            pepper: (pepper, key.clone()),
            persons,
            dir: dir.map(Path::to_owned),
        }
    }

    /// Makes a key store in `dir`, which MUST NOT hold one; its files are the owner's alone. Durable when this returns.
    ///
    /// # Errors
    /// Where the file system says no, or there is one already.
    pub fn create(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        Self::make(dir, Keyring::new(log)?, |dir, keyring| Persons::create(dir, keyring.keys(Use::Wrapping).clone()))
    }

    /// The same, with persons' keys in `keys`, which MUST be empty. Every other node gets the same keyring by
    /// [`Secrets::join`]: with one of its own it could open nobody's key. Blocks.
    ///
    /// # Errors
    /// As [`Secrets::create`], and where `keys` are not to be had or not empty.
    pub fn create_shared(dir: &Path, log: LogId, keys: Arc<dyn SharedKeys>) -> Result<Self, SecretsError> {
        Self::make(dir, Keyring::new(log)?, |dir, keyring| {
            Persons::create_shared(dir, log, keys, keyring.keys(Use::Wrapping).clone())
        })
    }

    /// Makes a key store in `dir`, which MUST NOT hold one, from the keyring of a node that serves `log` already:
    /// `keyring_file` is a copy of its `keyring.json`. Blocks.
    ///
    /// # Errors
    /// As [`Secrets::create`], and where the file is not the keyring of this log and of `keys`.
    pub fn join(dir: &Path, log: LogId, keyring_file: &Path, keys: Arc<dyn SharedKeys>) -> Result<Self, SecretsError> {
        let keyring = Keyring::read(keyring_file)?.of(log, keyring_file)?;
        Self::make(dir, keyring, |dir, keyring| Persons::join(dir, log, keys, keyring.keys(Use::Wrapping).clone()))
    }

    fn make(
        dir: &Path,
        keyring: Keyring,
        persons: impl FnOnce(&Path, &Keyring) -> Result<Persons, SecretsError>,
    ) -> Result<Self, SecretsError> {
        let failed = |source| SecretsError::Io { path: dir.join(keyring::FILE), source };
        let exists = || failed(std::io::ErrorKind::AlreadyExists.into());
        if Keyring::exists(dir) {
            return Err(exists());
        }
        keyring::make_dir(dir).map_err(failed)?;
        // The store of persons' keys is locked against other processes, so the keyring is written by one of them. It
        // comes last: without it there is no key store, and the next attempt begins anew.
        let persons = persons(&dir.join(PERSONS), &keyring)?;
        if Keyring::exists(dir) {
            return Err(exists());
        }
        keyring.create(dir)?;
        Ok(Self::new(&keyring, persons, Some(dir)))
    }

    /// Looks at the keyring in `dir`, also next to the node that uses it.
    ///
    /// # Errors
    /// Where there is none, it belongs to another log, or it is not as this version writes it.
    pub fn check_keyring(dir: &Path, log: LogId) -> Result<(), SecretsError> {
        Keyring::open(dir)?.of(log, &dir.join(keyring::FILE)).map(drop)
    }

    /// Opens the key store in `dir`.
    ///
    /// # Errors
    /// Where there is none, it belongs to another log, or it is not as this version writes it.
    pub fn open(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        let keyring = Keyring::open(dir)?.of(log, &dir.join(keyring::FILE))?;
        let persons = Persons::open(&dir.join(PERSONS), keyring.keys(Use::Wrapping).clone())?;
        // From here on no other process replaces anything.
        Keyring::overwrite_before(dir)?;
        if keyring.is_replacing() {
            persons.replace_wrapping(dir)?;
        }
        Ok(Self::new(&keyring, persons, Some(dir)))
    }

    /// Opens the key store in `dir` as it is now, next to the node that has it open. It makes no keys.
    ///
    /// # Errors
    /// As [`Secrets::open`].
    pub fn open_secondary(dir: &Path, log: LogId) -> Result<Self, SecretsError> {
        loop {
            let keyring = Keyring::open(dir)?.of(log, &dir.join(keyring::FILE))?;
            let persons = Persons::open_secondary(&dir.join(PERSONS), keyring.keys(Use::Wrapping).clone())?;
            // The node may have begun to wrap keys under another one in between.
            if keyring.is(&Keyring::open(dir)?) {
                return Ok(Self::new(&keyring, persons, None));
            }
        }
    }

    /// Opens the key store in `dir`, with persons' keys in `keys` and a copy of them in `dir`, which is made anew where it
    /// is missing. Blocks.
    ///
    /// # Errors
    /// As [`Secrets::open`], and where `keys` are not to be had or lack what this node has read of them.
    pub fn open_shared(dir: &Path, log: LogId, keys: Arc<dyn SharedKeys>) -> Result<Self, SecretsError> {
        let keyring = Keyring::open(dir)?.of(log, &dir.join(keyring::FILE))?;
        let persons = Persons::open_shared(&dir.join(PERSONS), log, keys, keyring.keys(Use::Wrapping).clone())?;
        Ok(Self::new(&keyring, persons, Some(dir)))
    }

    /// Opens the key store in `dir`, so far that of a node alone or of nodes that shared persons' keys with others, with
    /// persons' keys in `keys` from now on: what is not there yet is copied there first. Blocks.
    ///
    /// # Errors
    /// As [`Secrets::open_shared`].
    pub fn go_over(dir: &Path, log: LogId, keys: Arc<dyn SharedKeys>) -> Result<Self, SecretsError> {
        let keyring = Keyring::open(dir)?.of(log, &dir.join(keyring::FILE))?;
        transfer::go_over(dir, log, &keys, keyring.keys(Use::Wrapping))?;
        Self::open_shared(dir, log, keys)
    }

    /// A key store that is gone with the process, with keys derived from `seed`: for tests and measurements.
    #[must_use]
    pub fn ephemeral(seed: u64, log: LogId) -> Self {
        let keyring = Keyring::from_seed(seed, log);
        let persons = Persons::in_memory(keyring.keys(Use::Wrapping).clone());
        Self::new(&keyring, persons, None)
    }

    /// Why persons' keys could not be reached when that was tried last, where nodes share them: what names a person is
    /// refused then.
    #[must_use]
    pub fn away(&self) -> Option<SharedError> {
        self.persons.away()
    }

    /// Tries again to reach persons' keys, where nodes share them. Blocks.
    ///
    /// # Errors
    /// They cannot be reached.
    pub fn try_again(&self) -> Result<(), SharedError> {
        self.persons.try_again()
    }

    /// The identity of the command that `caller` gives `entity` with `key`.
    #[must_use]
    pub fn command(&self, caller: &Principal, key: &str, entity: EntityKey) -> Mac {
        let keyed = self.command.clone().with_caller(caller).with(key.as_bytes());
        first_half(&keyed.with(&entity.to_bytes()).finish())
    }

    /// A keyed hash of what a command asks for.
    #[must_use]
    pub fn body(&self, command: &str, body: &[u8]) -> Mac {
        first_half(&self.body.clone().with(command.as_bytes()).with(body).finish())
    }

    /// The id of the entity that `caller` opens with `key`.
    #[must_use]
    pub fn entity_id(&self, family: Family, caller: &Principal, key: &str) -> EntityId {
        let keyed = self.entity.clone().with(family.name().as_bytes()).with_caller(caller);
        EntityId::from_hash(&keyed.with(key.as_bytes()).finish())
    }

    /// The id of the user with this login in this realm. Ways to write the same name, as [`caseless`] has them, do not count.
    #[must_use]
    pub fn login_id(&self, realm: &str, login: &str) -> EntityId {
        let keyed = self.login.clone().with(caseless::fold(realm).as_bytes());
        EntityId::from_hash(&keyed.with(caseless::fold(login).as_bytes()).finish())
    }

    /// The idempotency key under which the activity number `attempt` of `entity` is done elsewhere: 43 characters.
    #[must_use]
    pub fn activity_key(&self, entity: EntityKey, attempt: u32) -> String {
        let keyed = self.activity.clone().with(&entity.to_bytes()).with(&attempt.to_be_bytes());
        data_encoding::BASE64URL_NOPAD.encode(&keyed.finish())
    }

    /// A name for `of` that only `reader` is told: another reader knows it by another one.
    #[must_use]
    pub fn pseudonym(&self, of: EntityKey, reader: EntityId) -> EntityId {
        let keyed = self.entity.clone().with(b"pseudonym").with(&of.to_bytes());
        EntityId::from_hash(&keyed.with(reader.as_bytes()).finish())
    }

    /// By which the name of a client or user in logs of this contract is told from others: 16 hexadecimal digits that nobody without
    /// the key can find the name from.
    #[must_use]
    pub fn visitor(&self, contract: EntityId, name: &str) -> String {
        let hash = self.visitor.clone().with(contract.as_bytes()).with(name.as_bytes()).finish();
        data_encoding::HEXLOWER.encode(&hash[..8])
    }

    /// The text of a token, the same at every call; nothing where there is no such root key.
    #[must_use]
    pub fn token(&self, purpose: Purpose, key: u32, entity: EntityId, counter: u32) -> Option<String> {
        self.mint.token(purpose, key, entity, counter)
    }

    /// The hash of the newest key's token, as events hold it.
    #[must_use]
    pub fn token_hash(&self, purpose: Purpose, entity: EntityId, counter: u32) -> TokenHash {
        self.mint.hash(purpose, entity, counter)
    }

    /// What a token says, if it is genuine; constant time.
    ///
    /// # Errors
    /// [`Forged`], without saying why.
    pub fn verify(&self, purpose: Purpose, text: &str) -> Result<Bearer, Forged> {
        self.mint.verify(purpose, text)
    }

    /// What checks `pin` of `user`. Slow on purpose: call it where blocking is allowed.
    #[must_use]
    pub fn pin_verifier(&self, user: EntityId, pin: &str) -> PinVerifier {
        let (number, pepper) = &self.pepper;
        pin::verifier(*number, pepper, user, pin)
    }

    /// Encrypts `plain` under the person's key, which is made and durable if there was none. Blocks.
    ///
    /// # Errors
    /// Where the key store cannot be written.
    pub fn encrypt(&self, person: EntityId, field: &str, plain: &str) -> Result<EncryptedField, SecretsError> {
        encryption::encrypt(&self.persons.get_or_make(person)?, person, field, plain)
    }

    /// Opens what [`Secrets::encrypt`] encrypted for the same person and field. Blocks where nodes share persons' keys and this
    /// one has not read the person's yet.
    ///
    /// # Errors
    /// Where the person's key is gone or not to be had now, or this is not what was encrypted.
    pub fn decrypt(&self, person: EntityId, field: &str, encrypted: &EncryptedField) -> Result<String, SecretsError> {
        encryption::decrypt(&self.persons.get(person)?, person, field, encrypted)
    }
}

fn first_half(hash: &[u8; 32]) -> Mac {
    let mut half = [0; 16];
    half.copy_from_slice(&hash[..16]);
    Mac(half)
}

impl PinVerifier {
    /// Whether `other` came from the same PIN; constant time.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        self.pepper == other.pepper && bool::from(self.argon2id.as_bytes().ct_eq(other.argon2id.as_bytes()))
    }
}
