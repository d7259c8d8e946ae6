//! What to do about a limit that an error speaks of. Libraries pass the operating system's words on as text, so these are
//! what it is known by.

use rustix::process::{Resource, getrlimit};

/// Says which limit `said` is about, and how it is raised; nothing where it is about none.
pub(crate) fn remark(said: &str) -> Option<String> {
    let limit = |resource| getrlimit(resource).current.map_or("unlimited".to_owned(), |limit| limit.to_string());
    let has = |words: &str| said.contains(words);
    if has("Too many open files in system") {
        Some(
            "this machine has no more open files to give: raise fs.file-max (sysctl), or end what holds so many"
                .to_owned(),
        )
    } else if has("Too many open files") {
        let most = limit(Resource::Nofile);
        Some(format!(
            "the limit on open files is {most}: raise it (`ulimit -n`, LimitNOFILE= of systemd, --ulimit nofile= of docker)"
        ))
    } else if has("File too large") {
        let most = limit(Resource::Fsize);
        Some(format!("the limit on the size of a file is {most} bytes: raise it (`ulimit -f`, LimitFSIZE= of systemd)"))
    } else if has("Cannot allocate memory") {
        let most = limit(Resource::As);
        Some(format!(
            "memory is refused; the limit on address space is {most} bytes (`ulimit -v`, LimitAS= of systemd)"
        ))
    } else if has("thread") && has("Resource temporarily unavailable") {
        let most = limit(Resource::Nproc);
        Some(format!(
            "the limit on threads of this user is {most}: raise it (`ulimit -u`, TasksMax= of systemd, --pids-limit of docker)"
        ))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_named_and_other_errors_are_left_alone() {
        let about = |said| remark(said).unwrap_or_default();
        assert!(about("IO error: /d/000009.sst: Too many open files").contains("ulimit -n"));
        assert!(about("IO error: /d/000009.log: File too large").contains("ulimit -f"));
        assert!(about("no thread for the log: Resource temporarily unavailable (os error 11)").contains("ulimit -u"));
        assert_eq!(remark("Resource temporarily unavailable (os error 11)"), None);
        assert_eq!(remark("Corruption: bad block"), None);
    }
}
