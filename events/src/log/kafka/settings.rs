//! How a log on Kafka is opened.

use std::collections::BTreeMap;
use std::fmt;

/// See the module.
#[derive(Clone, Default)]
pub struct Settings {
    /// Open a topic although one broker could take answered records with it: for trying out.
    pub accept_single_copy: bool,
    /// Properties of librdkafka for every client, as `security.protocol`; [`super::check_properties`] says which are
    /// refused.
    pub properties: BTreeMap<String, String>,
}

impl fmt::Debug for Settings {
    /// Values of properties may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("accept_single_copy", &self.accept_single_copy)
            .field("properties", &self.properties.keys())
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
