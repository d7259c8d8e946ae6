//! One line of an import.

use kippu_actors::Commands;
use kippu_actors::actor::{CommandSpec, Target};
use kippu_actors::commands::is_key;
use kippu_events::secrets::Bearer;
use kippu_events::text_file;
use kippu_events::{EntityId, EntityKey, Family};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A command as a line has it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) family: Family,
    pub(crate) spec: &'static CommandSpec,
    pub(crate) id: Option<EntityId>,
    pub(crate) key: String,
    pub(crate) body: Box<RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    family: String,
    id: Option<EntityId>,
    command: String,
    key: String,
    body: Option<Box<RawValue>>,
}

/// The member that tokens come in.
#[derive(Deserialize)]
struct WithToken {
    token: String,
}

impl Line {
    /// The command in `text`, or what is wrong with it.
    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        if text.contains(&0) {
            return Err(text_file::ZEROS.to_owned());
        }
        let text = std::str::from_utf8(text)
            .map_err(|error| format!("column {}: {}", error.valid_up_to() + 1, text_file::not_utf8()))?;
        // It tells the column in this line, which is the only one that it was given.
        let told = |error: serde_json::Error| error.to_string().replace(" at line 1 column ", " at column ");
        let wire: Wire = serde_json::from_str(text).map_err(|error| format!("no command in JSON: {}", told(error)))?;
        let family = Family::from_name(&wire.family).ok_or_else(|| format!("there is no family {:?}", wire.family))?;
        let spec = Commands::spec(family, &wire.command.replace('-', "_"), wire.id).ok_or_else(|| {
            let id = if wire.id.is_some() { "with" } else { "without" };
            format!("{} have no command {:?} {id} an id", family.name(), wire.command)
        })?;
        if !is_key(&wire.key) {
            return Err("a key has 1 to 255 printable ASCII characters".to_owned());
        }
        let body = wire.body.map_or_else(|| RawValue::from_string("{}".to_owned()), Ok).map_err(|e| e.to_string())?;
        Ok(Self { family, spec, id: wire.id, key: wire.key, body })
    }

    /// Whether it makes an entity that only its answer names.
    pub(super) fn opens(&self) -> bool {
        self.spec.target == Target::New
    }

    /// The entity that it acts on, as far as the line tells. Only for keeping order: a token is not checked here.
    pub(super) fn entity(&self) -> Option<EntityKey> {
        let id = match self.spec.target {
            Target::New => None,
            Target::Id => self.id,
            Target::Token => {
                let body: Option<WithToken> = serde_json::from_str(self.body.get()).ok();
                body.and_then(|body| Bearer::unchecked(&body.token)).map(|bearer| bearer.entity)
            }
        };
        id.map(|id| EntityKey { family: self.family, id })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::import) const ID: &str = "abcdefghijklmnopqrstuvwx";

    pub(in crate::import) fn line(id: Option<&str>, command: &str) -> Line {
        let id = id.map_or_else(String::new, |id| format!(r#""id":"{id}","#));
        let text = format!(r#"{{"family":"placements",{id}"command":"{command}","key":"k","body":{{"label":"l"}}}}"#);
        Line::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_names_its_command_and_its_entity() {
        let opening = line(None, "open");
        assert!(opening.opens() && opening.entity().is_none());
        let closing = line(Some(ID), "close");
        assert_eq!(closing.entity().map(|entity| entity.to_string()), Some(format!("placements/{ID}")));
        assert_eq!(closing.body.get(), r#"{"label":"l"}"#);
    }

    #[test]
    fn a_line_that_is_no_command_says_why() {
        for (text, why) in [
            ("", "EOF"),
            ("[]", "invalid"),
            ("{\"family\":\"placements\",}", "at column 24"),
            (r#"{"family":"placements","command":"open","key":"k","key":"l"}"#, "duplicate field `key`"),
            ("{\0}", "bytes of zero"),
            (r#"{"family":"placements","command":"open"}"#, "missing field `key`"),
            (r#"{"family":"placements","command":"open","key":"k","boddy":{}}"#, "unknown field `boddy`"),
            (r#"{"family":"carts","command":"open","key":"k"}"#, "no family"),
            (r#"{"family":"placements","command":"close","key":"k"}"#, "without an id"),
            (r#"{"family":"placements","id":"abc","command":"close","key":"k"}"#, "24 characters"),
            (r#"{"family":"placements","command":"open","key":""}"#, "1 to 255"),
            (r#"{"family":"placements","command":"open","key":"é"}"#, "ASCII"),
        ] {
            let error = Line::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
        let long = format!(r#"{{"family":"placements","command":"open","key":"{}"}}"#, "k".repeat(256));
        assert!(Line::parse(long.as_bytes()).unwrap_err().contains("1 to 255"));
        let error = Line::parse(b"{\"family\":\"caf\xe9\"}").unwrap_err();
        assert!(error.starts_with("column 15: it is not UTF-8"), "{error}");
    }
}
