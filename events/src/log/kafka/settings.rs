//! How a log on Kafka is opened.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::log::LogId;

/// Soon enough that little is written to a topic that was made unsafe, seldom enough that brokers do not feel it.
const CHECK_EVERY: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Clone)]
pub struct Settings {
    /// The log that the topic has to hold, where that is known.
    pub log: Option<LogId>,
    /// The cluster that it has to lie in, by Kafka's id of it, where that is known.
    pub cluster: Option<String>,
    /// How often an open log looks at its topic again; not zero.
    pub check_every: Duration,
    /// Open a topic although one broker could take answered records with it: for trying out.
    pub accept_single_copy: bool,
    /// Open a topic although it does not keep a history any more: to read what is there, or to end it. Nothing but a seal is
    /// written to it.
    pub accept_unsafe: bool,
    /// Properties of librdkafka for every client, as `security.protocol`; [`super::check_properties`] says which are
    /// refused.
    pub properties: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log: None,
            cluster: None,
            check_every: CHECK_EVERY,
            accept_single_copy: false,
            accept_unsafe: false,
            properties: BTreeMap::new(),
        }
    }
}

impl fmt::Debug for Settings {
    /// Values of properties may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { log, cluster, check_every, accept_single_copy, accept_unsafe, properties } = self;
        f.debug_struct("Settings")
            .field("log", log)
            .field("cluster", cluster)
            .field("check_every", check_every)
            .field("accept_single_copy", accept_single_copy)
            .field("accept_unsafe", accept_unsafe)
            .field("properties", &properties.keys())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps S1.
    #[test]
    fn what_settings_print_of_themselves_holds_no_secret() {
        let properties = [("sasl.password".to_owned(), "open-sesame".to_owned())].into();
        let printed = format!("{:?}", Settings { properties, ..Settings::default() });
        assert!(printed.contains("sasl.password") && !printed.contains("sesame"), "{printed}");
    }
}
