//! Witnesses, and what they refuse.

use kippu_events::secrets::SigningUse;

use super::*;
use crate::evidence::{Witnessed, witness};

/// A witness with a state of its own.
struct Witness {
    secrets: Secrets,
    state: PathBuf,
}

impl Witness {
    fn of(scene: &Scene, seed: u64) -> Self {
        Self { secrets: Secrets::ephemeral(seed, LOG), state: scene.path(&format!("witness-{seed}")) }
    }

    fn key(&self) -> Key {
        let key = self.secrets.public_key(SigningUse::Checkpoints, 0);
        Key { name: "example.org/witness".to_owned(), kind: Kind::Witness, key }
    }

    fn asked(&self, scene: &Scene, signed: Signed) -> Result<Witnessed, EvidenceError> {
        let sign = |message: &[u8]| self.secrets.sign(SigningUse::Checkpoints, 0, message);
        let signer = Signer { key: self.key(), sign: &sign, at: Time::from_micros(1_800_000_000_000_000) };
        witness(signed, &scene.keys(), &scene.folder(), &self.state, &signer)
    }
}

/// Shows F28.
#[test]
fn a_witness_cosigns_what_goes_on_and_says_when() {
    let mut scene = Scene::signed();
    let witnesses = [Witness::of(&scene, 7), Witness::of(&scene, 8)];
    for size in 1..4 {
        let mut signed = scene.folder().newest().unwrap();
        for witness in &witnesses {
            let witnessed = witness.asked(&scene, signed).unwrap();
            assert_eq!(witnessed.since.map(|since| since.sizes[0]), (size > 1).then_some(size - 1));
            signed = witnessed.signed;
        }
        let keys = witnesses.iter().map(Witness::key).collect::<Vec<_>>();
        let anchored = signed.verify(&scene.keys(), &keys).unwrap();
        assert_eq!(anchored.cosigned.len(), 2);
        assert_eq!(anchored.cosigned[0].at.to_string(), "2027-01-15T08:00:00.000000Z");
        // What it was over is what it counts for: another time is another signature.
        let text = String::from_utf8(signed.to_bytes()).unwrap();
        let line = text.lines().last().unwrap();
        let mut bytes = data_encoding::BASE64.decode(line.rsplit(' ').next().unwrap().as_bytes()).unwrap();
        bytes[11] ^= 1;
        let other = text.replace(line.rsplit(' ').next().unwrap(), &data_encoding::BASE64.encode(&bytes));
        let other = Signed::read(other.as_bytes()).unwrap();
        assert_eq!(other.verify(&scene.keys(), &keys), Err(Fault::Forged { key: keys[1].short() }));
        scene.go_on(0);
        scene.grow(false).unwrap();
    }
}

/// Shows F28.
#[test]
fn a_witness_cosigns_nothing_that_contradicts_what_it_has_seen() {
    let mut scene = Scene::signed();
    let witness = Witness::of(&scene, 7);
    let first = scene.folder().newest().unwrap();
    let mut fork = Scene::of(scene.tape.clone());
    fork.rewrite();
    fork.grow(true).unwrap();
    witness.asked(&scene, first).unwrap();
    let seen = std::fs::read(&witness.state).unwrap();
    assert!(matches!(fault(witness.asked(&fork, fork.folder().newest().unwrap())), Fault::Equivocation { .. }));
    fork.go_on(0);
    fork.grow(false).unwrap();
    assert!(matches!(fault(witness.asked(&fork, fork.folder().newest().unwrap())), Fault::Fork { .. }));
    // By somebody else's key.
    let strange = Scene { secrets: Secrets::ephemeral(9, LOG), ..Scene::of(scene.tape.clone()) };
    let theirs = strange.sign(2, fork.folder().newest().unwrap().root());
    assert_eq!(fault(witness.asked(&scene, theirs)), Fault::Unsigned(origin(LOG)));
    assert_eq!(std::fs::read(&witness.state).unwrap(), seen, "what it has seen stands");
    // An older one, after a newer one.
    let older = scene.folder().newest().unwrap();
    scene.go_on(1);
    scene.grow(false).unwrap();
    witness.asked(&scene, scene.folder().newest().unwrap()).unwrap();
    assert!(matches!(witness.asked(&scene, older), Err(EvidenceError::Older { size: 1, seen: 2 })));
}
