//! Files that were bought. What a file hashes to was agreed before, so that nobody has to be believed; it appears under its name once
//! it is whole.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::directory::Held;
use super::error::Error;
use super::parties::{Parties, Who};
use super::purchase::{File, Handed};
use super::settlement::Content;

/// So long a name fits into every file system, with what is put before it.
const MOST_NAME_BYTES: usize = 160;

/// Fetches a file, unless it is here.
pub(super) async fn fetched(
    held: &Held,
    content: &Content,
    handed: &Handed,
    at_shop: Option<&str>,
    parties: &Parties,
) -> Result<File, Error> {
    let folder = held.files();
    fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
    let path = free(&folder, held, content)?;
    let file = File { n: content.n, path: path.clone(), size: content.size, sha256: content.sha256.clone() };
    if path.exists() {
        return Ok(file);
    }
    let gone =
        || Error::NotUnderstood { who: Who::Settler, told: format!("{} is not to be had any more", content.name) };
    let url = content.url.as_deref().ok_or_else(gone)?;
    let mut wait = parties.wait();
    loop {
        match once(&folder, &path, url, content, handed, at_shop, parties).await {
            Err(Error::UnderWay(reason)) => {
                if !wait.again().await {
                    return Err(Error::UnderWay(reason));
                }
            }
            ended => return ended.map(|()| file),
        }
    }
}

/// One try. [`Error::UnderWay`] is worth another one.
async fn once(
    folder: &Path,
    path: &Path,
    url: &str,
    content: &Content,
    handed: &Handed,
    at_shop: Option<&str>,
    parties: &Parties,
) -> Result<(), Error> {
    let (who, request) = match at_shop.filter(|_| url.contains("://")) {
        Some(capability) => (Who::Shop, parties.file(url, capability)?),
        None => (Who::Settler, parties.file(&format!("{}{url}", handed.settler), &handed.capability)?),
    };
    let lost = |error: &reqwest::Error| Error::UnderWay(format!("{who}, file {}: {error}", content.n));
    let mut answer = request.send().await.map_err(|error| lost(&error))?;
    if answer.status().is_server_error() || answer.status().as_u16() == 429 {
        return Err(Error::UnderWay(format!("{who}, file {}: {}", content.n, answer.status())));
    }
    if !answer.status().is_success() {
        return Err(Error::NotUnderstood { who, told: format!("file {}: {}", content.n, answer.status()) });
    }
    let io = || Error::io(path);
    let mut file = tempfile::Builder::new().prefix(".part-").tempfile_in(folder).map_err(io())?;
    let (mut hash, mut size) = (Sha256::new(), 0_u64);
    while let Some(part) = answer.chunk().await.map_err(|error| lost(&error))? {
        size += part.len() as u64;
        if size > content.size {
            break;
        }
        hash.update(&part);
        file.write_all(&part).map_err(io())?;
    }
    if size != content.size || HEXLOWER.encode(&hash.finalize()) != content.sha256 {
        return Err(Error::NotUnderstood { who, told: format!("file {} is not what was bought", content.n) });
    }
    file.as_file().sync_all().map_err(io())?;
    file.persist_noclobber(path).map_err(|error| Error::Io { path: path.to_owned(), source: error.error })?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(io())
}

/// Where a file goes: under its own name, unless something else lies there. The same file is left where it is.
fn free(folder: &Path, held: &Held, content: &Content) -> Result<PathBuf, Error> {
    let name = name(&content.name);
    let plain = folder.join(&name);
    if !plain.exists() || hashes_to(&plain, &content.sha256)? {
        return Ok(plain);
    }
    let other = folder.join(format!("{}-{}-{name}", held.id, content.n));
    if !other.exists() || hashes_to(&other, &content.sha256)? {
        return Ok(other);
    }
    Err(Error::Usage(format!("{} is there already, and something else", other.display())))
}

fn hashes_to(path: &Path, sha256: &str) -> Result<bool, Error> {
    let mut file = fs::File::open(path).map_err(Error::io(path))?;
    let mut hash = Sha256::new();
    std::io::copy(&mut file, &mut hash).map_err(Error::io(path))?;
    Ok(HEXLOWER.encode(&hash.finalize()) == sha256)
}

/// A name of the shop's as one in a folder: it leads nowhere else, and hides nothing.
fn name(of: &str) -> String {
    let last = of.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut name = last.replace(char::is_control, "").trim_start_matches('.').trim().to_owned();
    while name.len() > MOST_NAME_BYTES {
        // The end tells what kind of file it is.
        name = name.chars().skip(1).collect();
    }
    if name.is_empty() { "content".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere_else_and_hides_nothing() {
        for (given, expected) in [
            ("song.ogg", "song.ogg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\music\\ü.ogg", "ü.ogg"),
            (".bashrc", "bashrc"),
            ("..", "content"),
            ("a/", "content"),
            ("a\u{7}b\n", "ab"),
        ] {
            assert_eq!(name(given), expected, "{given:?}");
        }
        let long = name(&format!("{}.ogg", "ä".repeat(300)));
        assert!(long.len() <= MOST_NAME_BYTES && long.ends_with("ä.ogg"));
    }
}
