//! The formats of access logs, and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::template::{NotATemplate, Template};

/// How the lines of a log are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// The Common Log Format of NCSA, which Apache and many others write.
    Common,
    /// The same with the server's name in front.
    CommonVhost,
    /// Common with referrer and agent, as Apache and nginx write it if nobody changes it. More may follow.
    Combined,
    /// The same with the server's name in front.
    CombinedVhost,
    /// The extended format of the W3C, with a `#Fields:` directive: IIS, Amazon CloudFront.
    W3c,
    /// What an operator of nginx made up.
    Nginx(Template),
    /// One object a line: nginx, Caddy, Traefik.
    Json,
    /// The classic load balancer of AWS.
    Elb,
    /// The application load balancer of AWS.
    Alb,
}

/// The formats whose names say all of it. Of two that read the same lines, the one that finds more in them comes first.
pub(super) const NAMED: [(&str, Format); 8] = [
    ("json", Format::Json),
    ("w3c", Format::W3c),
    ("alb", Format::Alb),
    ("elb", Format::Elb),
    ("combined-vhost", Format::CombinedVhost),
    ("combined", Format::Combined),
    ("common-vhost", Format::CommonVhost),
    ("common", Format::Common),
];
const NGINX: &str = "nginx:";
const AUTO: &str = "auto";

/// A text that names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAFormat {
    /// No such name.
    #[error("a format is common, common-vhost, combined, combined-vhost, w3c, json, elb, alb or nginx:<log_format>")]
    Unknown,
    /// `nginx:` and something that is no `log_format`.
    #[error(transparent)]
    Template(#[from] NotATemplate),
}

impl FromStr for Format {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        if let Some(template) = text.strip_prefix(NGINX) {
            return Ok(Self::Nginx(template.parse()?));
        }
        NAMED.into_iter().find(|(name, _)| *name == text).map(|(_, format)| format).ok_or(NotAFormat::Unknown)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Nginx(template) = self {
            return write!(f, "{NGINX}{template}");
        }
        NAMED.iter().find(|(_, format)| format == self).map_or(Ok(()), |(name, _)| f.write_str(name))
    }
}

impl TryFrom<String> for Format {
    type Error = NotAFormat;

    fn try_from(text: String) -> Result<Self, NotAFormat> {
        text.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.to_string()
    }
}

/// What somebody says about a log's format: `auto`, or a format's name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Wanted {
    /// Whatever it looks like.
    #[default]
    Auto,
    /// This one.
    Given(Format),
}

impl Wanted {
    /// The format to read a log with that begins with `sample`; none if it looks like nothing that is known.
    #[must_use]
    pub fn settle(self, sample: &[u8]) -> Option<Format> {
        match self {
            Self::Auto => Format::detect(sample),
            Self::Given(format) => Some(format),
        }
    }
}

impl FromStr for Wanted {
    type Err = NotAFormat;

    fn from_str(text: &str) -> Result<Self, NotAFormat> {
        if text == AUTO { Ok(Self::Auto) } else { text.parse().map(Self::Given) }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Given(format) => format.fmt(f),
        }
    }
}

impl TryFrom<String> for Wanted {
    type Error = NotAFormat;

    fn try_from(text: String) -> Result<Self, NotAFormat> {
        text.parse()
    }
}

impl From<Wanted> for String {
    fn from(wanted: Wanted) -> Self {
        wanted.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_survive_their_names() {
        let nginx = r#"nginx:$remote_addr [$time_local] "$request" $status"#;
        for name in NAMED.iter().map(|(name, _)| *name).chain([nginx, AUTO]) {
            let wanted: Wanted = name.parse().unwrap();
            assert_eq!(wanted.to_string(), name);
            assert_eq!(serde_json::from_str::<Wanted>(&serde_json::to_string(&wanted).unwrap()).unwrap(), wanted);
        }
        assert_eq!("auto".parse::<Format>(), Err(NotAFormat::Unknown));
        assert_eq!("nginx:$a$b".parse::<Format>(), Err(NotAFormat::Template(NotATemplate::Adjacent)));
    }
}
