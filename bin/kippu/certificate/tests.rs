//! Tests of certificates: files that are wrong, and certificates that callers refuse.

use rcgen::{BasicConstraints as Constraints, CertificateParams, IsCa, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::*;

/// Certificate and key, as files that only their owner reads.
pub(crate) struct Made {
    _folder: TempDir,
    pub(crate) files: Files,
}

impl Made {
    pub(crate) fn new() -> Self {
        Self::of(CertificateParams::new(vec!["n1.example".to_owned(), "127.0.0.1".to_owned()]).unwrap())
    }

    fn of(about: CertificateParams) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = Files { certificate: folder.path().join("node.pem"), key: folder.path().join("node.key") };
        let made = Self { _folder: folder, files };
        made.exchange(about);
        made
    }

    /// Another certificate in the same files.
    pub(crate) fn exchange(&self, about: CertificateParams) {
        let key = KeyPair::generate().unwrap();
        self.write(&about.self_signed(&key).unwrap().pem(), &key.serialize_pem());
    }

    fn write(&self, certificate: &str, key: &str) {
        fs::write(&self.files.certificate, certificate).unwrap();
        fs::write(&self.files.key, key).unwrap();
        fs::set_permissions(&self.files.key, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn key(&self) -> String {
        fs::read_to_string(&self.files.key).unwrap()
    }

    fn certificate(&self) -> String {
        fs::read_to_string(&self.files.certificate).unwrap()
    }

    /// What is wrong, and with which setting.
    fn wrong(&self) -> (&'static str, String) {
        let error = Certificate::read(&self.files).unwrap_err();
        (error.setting(), error.to_string())
    }
}

const IN_2026: Time = Time::from_micros(1_790_000_000_000_000);

fn refused(about: impl FnOnce(&mut CertificateParams)) -> Vec<String> {
    let mut params = CertificateParams::new(vec!["n1.example".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (date_time_ymd(2026, 1, 1), date_time_ymd(2027, 1, 1));
    about(&mut params);
    Certificate::read(&Made::of(params).files).unwrap().refused(IN_2026)
}

#[test]
fn a_certificate_with_its_key_is_taken_whoever_of_its_group_may_read_the_key() {
    let made = Made::new();
    for mode in [0o600, 0o400, 0o640] {
        fs::set_permissions(&made.files.key, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Certificate::read(&made.files).unwrap().refused(IN_2026), Vec::<String>::new());
    }
}

/// Shows F33.
#[test]
fn files_that_are_missing_empty_or_not_of_each_other_are_named_with_their_setting() {
    let (made, other) = (Made::new(), Made::new());
    let (certificate, key) = (made.certificate(), made.key());
    let file = |path: &Path| path.display().to_string();
    for (certificate_is, key_is, setting, says) in [
        ("", key.as_str(), CERTIFICATE, "holds no certificate in PEM"),
        (key.as_str(), key.as_str(), CERTIFICATE, "holds no certificate in PEM"),
        (&certificate[..certificate.len() / 2], key.as_str(), CERTIFICATE, "certificate 1 cannot be read"),
        (certificate.as_str(), "", KEY, "holds no private key in PEM"),
        (certificate.as_str(), &key[..key.len() / 2], KEY, "not PEM to its end"),
        (certificate.as_str(), other.key().as_str(), KEY, "is not that of the first certificate in"),
    ] {
        made.write(certificate_is, key_is);
        let (found, text) = made.wrong();
        assert_eq!(found, setting, "{text}");
        let path = if setting == CERTIFICATE { &made.files.certificate } else { &made.files.key };
        assert!(text.contains(says) && text.contains(&file(path)), "{says}: {text}");
    }
    for (path, setting) in [(&made.files.key, KEY), (&made.files.certificate, CERTIFICATE)] {
        made.write(&certificate, &key);
        fs::remove_file(path).unwrap();
        let (found, text) = made.wrong();
        assert!(found == setting && text.contains(&file(path)), "{found}: {text}");
    }
}

/// Keeps S1.
#[test]
fn a_key_that_is_wrong_is_not_quoted() {
    let made = Made::new();
    let (certificate, key) = (made.certificate(), made.key());
    let line = key.lines().nth(1).unwrap();
    for wrong in [key.replace("-----END", "-----EN"), key.replace(line, &format!("{line}!")), format!("-----{key}")] {
        made.write(&certificate, &wrong);
        let error = Certificate::read(&made.files).unwrap_err();
        for shown in [error.to_string(), format!("{error:?}")] {
            assert!(!shown.contains(&line[..16]), "{shown}");
        }
    }
}

/// Shows F33.
#[test]
fn a_key_that_others_may_read_is_refused() {
    let made = Made::new();
    for mode in [0o644, 0o604, 0o660] {
        fs::set_permissions(&made.files.key, fs::Permissions::from_mode(mode)).unwrap();
        let (setting, text) = made.wrong();
        assert!(setting == KEY && text.contains(&format!("{mode:04o}")), "{text}");
    }
}

/// Shows F33.
#[test]
fn what_callers_refuse_is_told() {
    assert_eq!(refused(|_| {}), Vec::<String>::new());
    assert!(refused(|about| about.not_after = date_time_ymd(2026, 2, 1))[0].contains("ended at 2026-02-01"));
    assert!(refused(|about| about.not_before = date_time_ymd(2026, 12, 1))[0].contains("before 2026-12-01"));
    assert!(refused(|about| about.is_ca = IsCa::Ca(Constraints::Unconstrained))[0].contains("that of an authority"));
    assert!(refused(|about| about.subject_alt_names.clear())[0].contains("names no host"));
}

#[test]
fn an_end_that_is_near_and_a_host_that_is_not_named_are_remarked() {
    let mut params = CertificateParams::new(vec!["n1.example".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    params.not_after = date_time_ymd(2027, 1, 1);
    let certificate = Certificate::read(&Made::of(params).files).unwrap();
    let at = |days: u64| certificate.ends().since(Time::default()).saturating_sub(Duration::from_hours(24 * days));
    let remarks = |days, url| certificate.remarks(Time::default().after(at(days)), url);
    assert_eq!(remarks(15, None), Vec::<String>::new());
    assert!(remarks(13, None)[0].contains("ends in 13 days, at 2027-01-01"));
    for named in ["https://n1.example", "https://127.0.0.1:7701", "https://N1.example:7701"] {
        assert_eq!(remarks(100, Some(named)), Vec::<String>::new(), "{named}");
    }
    for strange in ["https://n2.example", "https://10.0.0.1:7701", "https://[::1]:7701"] {
        assert!(remarks(100, Some(strange))[0].contains("does not name"), "{strange}");
    }
}
