//! Settings of blobs: where they are kept, how large they may be, and for how long nobody need name them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kippu_events::access::Role;
use kippu_events::text_file;
use serde::{Deserialize, Serialize};

/// What a store of objects moves at once.
pub(super) const MOST_BYTES: u64 = 5 << 30;

/// See the module.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Blobs {
    /// The folder, where it is not in the data directory.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::shown")]
    pub(crate) dir: Option<PathBuf>,
    /// The largest blob.
    pub(crate) most_bytes: u64,
    /// How long a blob is kept that no event names. Whoever uploads one names it soon.
    pub(crate) keep_secs: u32,
    /// Seconds between two looks for such blobs.
    pub(crate) sweep_secs: u32,
    /// By role, how much all callers of it together may have uploaded to this node. A role that is not named has no limit but
    /// the space.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) quota_bytes: BTreeMap<Role, u64>,
    /// A store of objects, instead of the folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) s3: Option<S3>,
}

impl Default for Blobs {
    fn default() -> Self {
        Self {
            dir: None,
            most_bytes: 1 << 30,
            keep_secs: 24 * 60 * 60,
            sweep_secs: 60 * 60,
            quota_bytes: BTreeMap::new(),
            s3: None,
        }
    }
}

/// A store of objects as S3 has them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct S3 {
    /// Where, if not at Amazon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) endpoint: Option<String>,
    /// The bucket.
    pub(crate) bucket: String,
    /// Its region.
    pub(crate) region: String,
    /// Whether the bucket is part of the host's name.
    pub(crate) virtual_hosted: bool,
    /// The file with the key, where it is not in the environment.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "super::shown")]
    pub(crate) key_file: Option<PathBuf>,
}

impl Default for S3 {
    fn default() -> Self {
        let region = "us-east-1".to_owned();
        Self { endpoint: None, bucket: String::new(), region, virtual_hosted: false, key_file: None }
    }
}

impl Blobs {
    /// The roles whose callers may upload blobs, and read them by their names.
    pub(crate) const ROLES: [Role; 3] = [Role::Operator, Role::Shop, Role::Settler];

    /// What makes no sense.
    pub(super) fn wrong(&self) -> Vec<(String, String)> {
        let mut wrong = Vec::new();
        for role in self.quota_bytes.keys().filter(|role| !Self::ROLES.contains(role)) {
            let reason = "callers of this role upload no blobs".to_owned();
            wrong.push((format!("blobs.quota_bytes.{}", role.name()), reason));
        }
        let Some(s3) = &self.s3 else { return wrong };
        let mut say = |setting: &str, reason: &str| wrong.push((format!("blobs.s3.{setting}"), reason.to_owned()));
        if s3.endpoint.as_ref().is_some_and(|url| !(url.starts_with("https://") || url.starts_with("http://"))) {
            say("endpoint", "an endpoint begins with https:// or http://");
        }
        if s3.bucket.is_empty() {
            say("bucket", "a bucket has a name");
        }
        wrong
    }
}

/// A key of a store of objects, as a file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeyFile {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: Option<String>,
}

impl KeyFile {
    /// Reads the TOML file at `path`.
    ///
    /// # Errors
    /// What is wrong with it, without what is in it.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = text_file::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let wrong =
            "it does not have access_key_id = \"…\" and secret_access_key = \"…\" (and perhaps session_token) alone";
        toml::from_str(&text).map_err(|_secret| format!("{}: {wrong}", path.display()))
    }
}
